"""A house that can be hurt, the sources for it, and the table of what was survived."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

import report as table
from disks import AddDisk, Disk
from fault_harness import FaultHarness
from kills import SEED
from report import Survived
from sources import MakeSource, Source, make_source


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> MakeSource:
    """Makes a clip of a number and a length once, and hands it out again."""
    folder = tmp_path_factory.mktemp("sources")

    @cache
    def make(clip: int, seconds: float) -> Source:
        return make_source(folder / f"clip-{clip}-{seconds:g}s.mp4", clip, seconds)

    return make


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[FaultHarness]:
    harness = FaultHarness(tmp_path / "house")
    yield harness
    harness.end()


@pytest.fixture
def disk(harness: FaultHarness) -> Iterator[AddDisk]:
    """Puts a place of the house on a disk of its own: work, input, output or done."""
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
    """Called at a test's end: what was done to the daemon, and what came of it."""

    def note(fault: str, injected: str, observed: str, times: int = 1) -> None:
        record_property(table.PROPERTY, (fault, injected, observed, times))

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not table.LINES or hasattr(config, "workerinput"):  # the one that collects is told of all
        return
    terminalreporter.section(f"faults survived (FRAMEWATCH_FAULT_SEED={SEED})")
    for line in table.as_text():
        terminalreporter.write_line(line)
    target = os.environ.get("FRAMEWATCH_FAULT_REPORT")
    if target and not terminalreporter.stats.get("failed") and not terminalreporter.stats.get("error"):
        Path(target).write_text(table.as_page())


class _Collector:
    """Gathers what tests noted, wherever they ran."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            table.take(value for name, value in report.user_properties if name == table.PROPERTY)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Collector())
