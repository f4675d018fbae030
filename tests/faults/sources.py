"""Sources for the fault tests: small clips with a tone, whose frames show their number."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import imageio_ffmpeg

import frame_marks
from frame_marks import Mark

RATE = 25  # frames per second


@dataclass(frozen=True)
class Source:
    """A clip to drop, and what its output must hold."""

    path: Path
    clip: int  # the number that its frames show
    frames: int

    @property
    def seconds(self) -> float:
        return self.frames / RATE

    @cached_property
    def digest(self) -> str:
        return digest(self.path)


MakeSource = Callable[[int, float], Source]


def make_source(path: Path, clip: int, seconds: float) -> Source:
    """Make a clip of at most 20 seconds; `clip` is 0 to 127."""
    frames = round(seconds * RATE)
    raw = b"".join(frame_marks.drawn(Mark(clip, number)).tobytes() for number in range(frames))
    frames_in = ["-f", "rawvideo", "-pixel_format", "gray", "-framerate", str(RATE)]
    frames_in += ["-video_size", f"{frame_marks.WIDTH}x{frame_marks.HEIGHT}", "-i", "pipe:0"]
    tone = ["-f", "lavfi", "-i", f"sine=frequency={300 + 20 * clip}:duration={seconds}"]
    video = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-g", str(RATE), "-pix_fmt", "yuv420p"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *frames_in, *tone, *video, "-c:a", "aac"]
    subprocess.run([*command, f"file:{path}"], input=raw, check=True)
    return Source(path, clip, frames)


def digest(path: Path) -> str:
    """Return a digest of a file's content."""
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
