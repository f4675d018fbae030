"""What tests note with `record_property`: collected from all processes, and written as a page at the end of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest


class Collector:
    """A pytest plugin that collects what tests noted, in whichever process they ran."""

    def __init__(self, name: str, add: Callable[[Iterable[Sequence[Any]]], None]) -> None:
        """`add` gets the values of the properties of this name of each test that passed."""
        self._name = name
        self._add = add

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._add(value for name, value in report.user_properties if name == self._name)


def show(
    reporter: pytest.TerminalReporter, config: pytest.Config, title: str, lines: Iterable[str], target: str
) -> Path | None:
    """Print a section at the end of a run.

    Returns:
        The page that the environment variable `target` asks for, if all tests passed.
    """
    if hasattr(config, "workerinput"):  # only the main process has all reports
        return None
    reporter.section(title)
    for line in lines:
        reporter.write_line(line)
    page = os.environ.get(target)
    complete = not reporter.stats.get("failed") and not reporter.stats.get("error")
    return Path(page) if page and complete else None
