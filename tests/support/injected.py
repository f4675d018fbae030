"""Turns the knobs of faults_inject/sitecustomize.py for the processes that are started afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

INJECTED = Path(__file__).parents[1] / "faults_inject"


class Knob:
    """A number in a file, which those processes read at each use."""

    def __init__(self, variable: str, file: Path, patch: pytest.MonkeyPatch) -> None:
        self._file = file
        patch.setenv(variable, str(file))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(INJECTED), os.environ.get("PYTHONPATH")))))

    def turn(self, value: float) -> None:
        """Replace what it said, at once."""
        new = self._file.with_name(f"{self._file.name}.new")
        new.write_text(str(value))
        new.replace(self._file)


def clock(file: Path, patch: pytest.MonkeyPatch) -> Knob:
    """By how many seconds the wall clock is off; a second jump counts from the true time again."""
    return Knob("FRAMEWATCH_TEST_CLOCK", file, patch)


def delay(file: Path, patch: pytest.MonkeyPatch) -> Knob:
    """Seconds that each frame takes at least: a job is under way for as long as a test needs, on any processor."""
    return Knob("FRAMEWATCH_TEST_DELAY", file, patch)
