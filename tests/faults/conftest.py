"""Fixtures: a daemon that faults are injected into, sources for it, and the table of faults survived."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

import report as table
from disks import AddDisk, Disk
from fault_harness import FaultHarness
from kills import SEED
from noted import Collector, show
from report import Survived
from sources import MakeSource, Source, make_source


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> MakeSource:
    """Makes each clip, given by number and length, once."""
    folder = tmp_path_factory.mktemp("sources")

    @cache
    def make(clip: int, seconds: float) -> Source:
        return make_source(folder / f"clip-{clip}-{seconds:g}s.mp4", clip, seconds)

    return make


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[FaultHarness]:
    harness = FaultHarness(tmp_path / "server")
    yield harness
    harness.end()


@pytest.fixture
def disk(harness: FaultHarness) -> Iterator[AddDisk]:
    """Puts one of the folders work, input, output or done on a disk of its own."""
    disks: list[Disk] = []

    def add(what: str) -> Disk:
        place = {"work": harness.work, "input": harness.share, "output": harness.out, "done": harness.done}[what]
        disks.append(Disk(place))
        return disks[-1]

    yield add
    harness.end()
    for each in disks:
        each.close()


@pytest.fixture
def survived(record_property: Callable[[str, object], None]) -> Survived:
    """Called at the end of a test with the fault that was injected and what was observed."""

    def note(fault: str, injected: str, observed: str, times: int = 1) -> None:
        record_property(table.PROPERTY, (fault, injected, observed, times))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if table.LINES:
        title = f"faults survived (FRAMEWATCH_FAULT_SEED={SEED})"
        page = show(terminalreporter, config, title, table.as_text(), "FRAMEWATCH_FAULT_REPORT")
        if page is not None:
            table.write_page(page)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Collector(table.PROPERTY, table.add))
