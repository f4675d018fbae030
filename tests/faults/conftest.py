"""A house that can be hurt, the sources for it, and the table of what was survived."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

import report
from fault_house import FaultHouse
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
def house(tmp_path: Path) -> Iterator[FaultHouse]:
    house = FaultHouse(tmp_path / "house")
    yield house
    house.end()


@pytest.fixture
def survived(record_property: Callable[[str, object], None]) -> Survived:
    """Called at a test's end: what was done to the daemon, and what came of it."""

    def note(fault: str, injected: str, observed: str, times: int = 1) -> None:
        record_property(report.PROPERTY, (fault, injected, observed, times))

    return note


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _collect(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not report.LINES:
        return
    terminalreporter.section("faults survived")
    for line in report.as_text():
        terminalreporter.write_line(line)
    target = os.environ.get("FRAMEWATCH_FAULT_REPORT")
    if target:
        Path(target).write_text(report.as_page())


def _collect(outcome: pytest.TestReport) -> None:
    if outcome.when != "call" or not outcome.passed:
        return
    for name, value in outcome.user_properties:
        if name == report.PROPERTY:
            report.LINES.append(report.Line(*value))
