"""A segment computed in 8 bits does not replace an exact one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clips import make_clip
from framewatch.jobs.attempt import segmented_render
from framewatch.jobs.attempt.fingerprint import fingerprint
from framewatch.upscale.network import weights
from full_run import process


def test_another_precision_or_calibration_has_another_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Any, ...]] = []

    def record(*made_of: Any) -> str:
        calls.append(made_of)
        return fingerprint(*made_of)

    monkeypatch.setattr(segmented_render, "fingerprint", record)
    process(make_clip(tmp_path / "a.mp4"), tmp_path / "work", ml_upscale="esrgan-2x")
    *made_of, tools = calls[0]
    exact, fast = fingerprint(*made_of, tools), fingerprint(*made_of, tools.evolve(precision="fast"))
    assert exact == fingerprint(*made_of, tools.evolve(precision="exact")) != fast
    monkeypatch.setattr(
        "framewatch.jobs.attempt.fingerprint.digest", lambda precision: f"{weights.digest(precision)} other"
    )
    assert fingerprint(*made_of, tools.evolve(precision="fast")) != fast
