"""Fixtures: seeds of files, a worker that examines them, and the table of what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import figures
from examine import Examiner
from fault_harness import FaultHarness
from figures import Fuzzed
from fuzz_settings import FIRST
from media_fuzz import make_seeds
from noted import Collector, show


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The content of a small file of each kind, by name."""
    return make_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture
def examiner(tmp_path: Path) -> Iterator[Examiner]:
    (tmp_path / "work").mkdir()
    examiner = Examiner(tmp_path / "work")
    yield examiner
    examiner.close()


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[FaultHarness]:
    harness = FaultHarness(tmp_path / "server")
    yield harness
    harness.end()


@pytest.fixture
def fuzzed(record_property: Callable[[str, object], None]) -> Fuzzed:
    """Called at the end of a test with what came of its inputs."""

    def note(kind: str, outcomes: dict[str, int], seconds: float, memory: int) -> None:
        record_property(figures.PROPERTY, (kind, dict(outcomes), seconds, memory))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if figures.LINES:
        title = "fuzzed"
        page = show(terminalreporter, config, title, figures.rows(), "FRAMEWATCH_FUZZ_REPORT")
        if page is not None:
            figures.write_section(page, FIRST)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Collector(figures.PROPERTY, figures.add))
