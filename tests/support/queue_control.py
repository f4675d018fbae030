"""Ask a daemon to change its queue, and see what comes of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from fault_harness import FaultHarness
from harness import Harness, framewatch


def started(harness: Harness) -> list[str]:
    """The names of the files whose jobs were begun, in order."""
    return [Path(event["source"]).name for event in harness.events("job.started")]


def state(harness: Harness) -> dict[str, Any]:
    return dict(json.loads(framewatch("status", "--config", harness.config, "--json").stdout))


def asked(harness: Harness, *arguments: str, expected: int = 0, **options: Any) -> str:
    """Run a command; returns all that it tells."""
    result = framewatch(*arguments, "--config", harness.config, **options)
    assert result.returncode == expected, result.stderr
    return result.stdout + result.stderr


def counts(harness: Harness) -> dict[str, int]:
    """How many jobs are in each state that any is in."""
    return {name: count for name, count in state(harness)["counts"].items() if count}


def upscaled(harness: FaultHarness) -> Counter[tuple[int, int]]:
    """How often each frame of each clip went through the engine."""
    return Counter(harness.upscaled())
