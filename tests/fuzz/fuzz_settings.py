"""How much is fuzzed: a little with the other tests, all by `make fuzz`. Inputs are made from their numbers."""

from __future__ import annotations

import os

FIRST = int(os.environ.get("FRAMEWATCH_FUZZ_FIRST", "0"))
FILES = int(os.environ.get("FRAMEWATCH_FUZZ_FILES", "50"))
PRESETS = int(os.environ.get("FRAMEWATCH_FUZZ_PRESETS", "100"))
JOBS = int(os.environ.get("FRAMEWATCH_FUZZ_JOBS", "4"))
_CHUNK = 250  # inputs of one test, so that two processes share them evenly


def chunks(count: int) -> list[range]:
    """Return the seeds of each test."""
    seeds = range(FIRST, FIRST + count)
    return [seeds[at : at + _CHUNK] for at in range(0, count, _CHUNK)]


def again(test: str, variable: str, seed: int) -> str:
    """Return the command that repeats one input."""
    return (
        f"FRAMEWATCH_FUZZ_FIRST={seed} FRAMEWATCH_FUZZ_{variable}=1 .venv/bin/python -m pytest tests/fuzz/{test}.py"
    )
