"""Set knobs of faults_inject/sitecustomize.py for processes that are started afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

INJECTED = Path(__file__).parents[1] / "faults_inject"


class Knob:
    """A number in a file that those processes read at each use."""

    def __init__(self, variable: str, file: Path, patch: pytest.MonkeyPatch) -> None:
        self._file = file
        patch.setenv(variable, str(file))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(INJECTED), os.environ.get("PYTHONPATH")))))

    def turn(self, value: float) -> None:
        """Replace the number atomically."""
        new = self._file.with_name(f"{self._file.name}.new")
        new.write_text(str(value))
        new.replace(self._file)


def clock(file: Path, patch: pytest.MonkeyPatch) -> Knob:
    """The offset of the wall clock in seconds, from the true time."""
    return Knob("FRAMEWATCH_TEST_CLOCK", file, patch)


def delay(file: Path, patch: pytest.MonkeyPatch) -> Knob:
    """The least number of seconds that each frame takes, so that a job runs as long as a test needs on any CPU."""
    return Knob("FRAMEWATCH_TEST_DELAY", file, patch)


def bug(file: Path, patch: pytest.MonkeyPatch) -> Knob:
    """Whether each attempt ends in a bug of the daemon: 0 or 1."""
    return Knob("FRAMEWATCH_TEST_BUG", file, patch)
