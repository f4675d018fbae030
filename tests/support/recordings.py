"""Recordings with numbered frames and beeps, and what a file shows of them, and when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest

from frame_marks import HEIGHT, WIDTH, Mark, drawn, read
from media_factory import ffmpeg

RATE, FRAMES = 25, 40
SECONDS = FRAMES / RATE
BEEPS = (0.4, 1.2)  # seconds after the first frame of each recording
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "20")
MPEG2 = ("-c:v", "mpeg2video", "-bf", "2", "-g", "10", "-q:v", "3")
SYNC = 0.001  # seconds


def recording(
    path: Path, clip: int, start: float = 0.0, *, video: Sequence[str] = H264, audio: str = "aac", options: Any = ()
) -> bytes:
    """Frames with the number of the clip and their own, and a beep with frames 10 and 30, from `start` on."""
    raw = b"".join(drawn(Mark(clip, number)).tobytes() for number in range(FRAMES))
    loud = "+".join(f"between(t,{each},{each + 0.1})" for each in BEEPS)
    ffmpeg("-f", "rawvideo", "-pixel_format", "gray", "-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", str(RATE),
           "-i", "-", "-f", "lavfi", "-i", f"aevalsrc='if({loud},sin(6283*t),0)':s=48000:d={SECONDS}",
           "-pix_fmt", "yuv420p", *video, "-c:a", audio, "-output_ts_offset", str(start), *options, path,
           stdin=raw)  # fmt: skip
    return path.read_bytes()


class Shown(NamedTuple):
    marks: list[tuple[int, int]]  # clip and number of each frame
    times: list[float]  # of the frames
    beeps: list[float]


def shown(path: Path) -> Shown:
    """What a file shows, and when."""
    with av.open(str(path)) as container:
        frames = [(frame.time, read(frame.to_ndarray(format="gray"))) for frame in container.decode(video=0)]
    return Shown([tuple(mark or (-1, -1)) for _, mark in frames], [time for time, _ in frames], beeps(path))


def beeps(path: Path) -> list[float]:
    """Seconds at which the beeps begin."""
    found, loud = [], -1.0
    even = av.AudioResampler(format="fltp", layout="mono")
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            for each in even.resample(frame):
                for sample in np.flatnonzero(np.abs(each.to_ndarray()[0]) > 0.1):
                    time = frame.time + float(sample) / each.sample_rate
                    if time - loud > 0.05:
                        found.append(time)
                    loud = time
    return found


def require_joined(result: Path, clips: Sequence[int]) -> None:
    """Check that a result shows these clips one after the other, without a gap, each with its sound."""
    found = shown(result)
    assert found.marks == [(clip, number) for clip in clips for number in range(FRAMES)]
    start = found.times[0]
    wanted = [number / RATE for number in range(FRAMES * len(clips))]
    assert [time - start for time in found.times] == pytest.approx(wanted, abs=SYNC)
    sounds = [part * SECONDS + beep for part in range(len(clips)) for beep in BEEPS]
    assert [time - start for time in found.beeps] == pytest.approx(sounds, abs=2 * SYNC)  # rounded twice in mkv
