"""Sets the wall clock of a daemon that is started afterwards; see faults_inject/sitecustomize.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

INJECTED = Path(__file__).with_name("faults_inject")


class Clock:
    """The wall clock of the processes that are started from now on."""

    def __init__(self, file: Path, patch: pytest.MonkeyPatch) -> None:
        self._file = file
        patch.setenv("FRAMEWATCH_TEST_CLOCK", str(file))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(INJECTED), os.environ.get("PYTHONPATH")))))

    def jump(self, seconds: float) -> None:
        """From now on the clock is off by so much; a second jump counts from the true time again."""
        new = self._file.with_name(f"{self._file.name}.new")
        new.write_text(str(seconds))
        new.replace(self._file)
