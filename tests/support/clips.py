"""Files that acceptance tests drop into folders: short clips, a tone, an image."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from media_factory import ffmpeg, make_video


def make_clip(
    path: Path,
    *,
    size: str = "64x48",
    rate: str = "25",
    frames: int = 6,
    audio: bool = False,
    faststart: bool = False,
) -> Path:
    """Make a clip with exactly this number of frames."""
    output = ["-frames:v", str(frames), *(["-movflags", "+faststart"] if faststart else [])]
    length = float(frames / Fraction(rate))
    return make_video(path, size=size, rate=rate, seconds=length, audio=audio, output=output)


def make_sound(path: Path) -> Path:
    """Make an audio file with a tone."""
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", f"file:{path}")
    return path


def make_picture(path: Path) -> Path:
    """Make a still image."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48", "-frames:v", "1", f"file:{path}")
    return path
