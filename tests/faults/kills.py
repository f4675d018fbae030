"""The number of random kills and the seed, set by environment variables, to run longer or to repeat a run."""

from __future__ import annotations

import os

KILLS = int(os.environ.get("FRAMEWATCH_FAULT_KILLS", "12"))
SEED = int(os.environ.get("FRAMEWATCH_FAULT_SEED", "4"))
