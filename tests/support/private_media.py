"""Public and private media that can be told apart in any output, although size and time of the files are equal.

Public: green pictures, a low tone, subtitles of which nothing is drawn. Private: red pictures, a high tone, large
white words. Whoever attacks may know the size and the time of a private file, so those must not be what protects it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from media_factory import ffmpeg

TIME_NS = 1_600_000_000_000_000_000
_RATE = 48_000
_TONES = {"public": 400, "private": 3000}  # Hz
_COLOURS = {"public": "0x00c000", "private": "0xc00000"}
_WORDS = "1\n{}\n<font size=200>████████████\n████████████</font>\n"
_SPANS = {"public": "01:00:00,000 --> 01:00:01,000", "private": "00:00:00,000 --> 00:00:09,000"}


def make_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a public and a private file of one name, in subfolders; the suffix says what they are."""
    paths = []
    for kind in ("public", "private"):
        path = folder / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path, kind)
        paths.append(path)
    size = max(path.stat().st_size for path in paths)
    for path in paths:
        padding = b"\n" if path.suffix == ".srt" else b"\0"
        path.write_bytes(path.read_bytes().ljust(size, padding))
        os.utime(path, ns=(TIME_NS, TIME_NS))
    return paths[0], paths[1]


def _make(path: Path, kind: str) -> None:
    picture = ["-f", "lavfi", "-i", f"color={_COLOURS[kind]}:size=96x64:rate=25:duration=0.4"]
    tone = ["-f", "lavfi", "-i", f"sine=frequency={_TONES[kind]}:duration=0.4:sample_rate={_RATE}"]
    match path.suffix:
        case ".srt":
            path.write_text(_WORDS.format(_SPANS[kind]))
        case ".png":
            ffmpeg(*picture, "-frames:v", "1", path)
        case ".m4a":
            ffmpeg(*tone, path)
        case _:
            ffmpeg(*picture, *tone, "-pix_fmt", "yuv420p", "-preset", "ultrafast", path)


def private_files(folder: Path) -> list[Path]:
    """Return the media below a folder that show or sound like private ones; links are not followed."""
    return [path for path in _media(folder) if is_private(path)]


def _media(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        paths = [Path(parent, name) for name in names]
        yield from (
            path for path in paths if path.suffix in (".mp4", ".png", ".m4a", ".flac") and not path.is_symlink()
        )


def is_private(path: Path) -> bool:
    """Return whether anything of a private file can be seen or heard in a media file."""
    with av.open(str(path)) as container:
        for frame in container.decode():
            pixels: Any = frame.to_ndarray(format="rgb24") if isinstance(frame, av.VideoFrame) else None
            # Public pictures have no red in them; neither do their edges after encoding, but for a little.
            if pixels is not None and pixels[..., 0].max() > 100:
                return True
        return _has_high_tone(path)


def _has_high_tone(path: Path) -> bool:
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return False
        samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    strength = np.abs(np.fft.rfft(samples.astype(float)))
    frequency = np.fft.rfftfreq(len(samples), 1 / _RATE)
    return bool(strength[frequency > 2000].max() > strength[frequency < 1000].max())
