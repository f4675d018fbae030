"""Recordings that change in the middle, through the installed command; judged by PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
import yaml

from harness import framewatch
from joined import RATE, joined, part


@pytest.mark.parametrize("network", ["none", pytest.param("esrgan-2x", marks=pytest.mark.slow)])
def test_a_joined_recording_keeps_its_length_and_says_what_changes(network: str, tmp_path: Path) -> None:
    film = joined(
        tmp_path / "film.ts",
        part(tmp_path / "a", 0, frames=25, sound=(48000, "stereo")),
        part(tmp_path / "b", 1, frames=25, size="128x48", sound=(48000, "5.1")),
    )
    (tmp_path / "preset.yaml").write_text(yaml.safe_dump({"ml_upscale": network, "preset": "ultrafast"}))
    out = tmp_path / "out.mp4"
    done = framewatch("upscale", film, "-p", tmp_path / "preset.yaml", "--engine", "identity", "-o", out)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "from 64x48 to 128x48 at 0:00:01.000" in said
    assert "media.sound_changes" in said
    with av.open(str(out)) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert len(times) == 50
    assert all(abs(time - times[0] - Fraction(n, RATE)) <= Fraction(1, 2 * RATE) for n, time in enumerate(times))
