"""How many random kills, and which: set from outside, so that a run can be longer, or repeated."""

from __future__ import annotations

import os

KILLS = int(os.environ.get("FRAMEWATCH_FAULT_KILLS", "12"))
SEED = int(os.environ.get("FRAMEWATCH_FAULT_SEED", "4"))
