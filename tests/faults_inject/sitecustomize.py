"""A fault: the wall clock of a process is set from outside, while it runs.

With this folder on PYTHONPATH, `time.time` is off by as many seconds as the file says that FRAMEWATCH_TEST_CLOCK
names; a missing file means none. Python imports this module before any other. The monotonic clock stays as it is.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_real = time.time


def _offset() -> float:
    try:
        return float(Path(os.environ["FRAMEWATCH_TEST_CLOCK"]).read_text())
    except (KeyError, OSError, ValueError):
        return 0.0


def _jumped() -> float:
    return _real() + _offset()


time.time = _jumped
