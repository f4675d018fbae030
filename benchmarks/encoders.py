"""How many encoders side by side, of how many threads each, are fastest here?

    python -m benchmarks.encoders                                   # libx264 veryfast at 4K: 1 to 8 lanes
    python -m benchmarks.encoders --setups 4x0 4x6 8x2 --rounds 2    # lanes x threads; 0 threads: as many as it takes
    python -m benchmarks.encoders --codec libsvtav1 --options "-preset 10 -crf 30" --setups 1x0 4x0

Each lane encodes segments as a render has them, one after another, of the clip enlarged or of the frames in `--raw`,
and fro. "CPU" is what the encoders take for a frame, "system" the part of it that goes into memory and waiting
for each other, "cores" how many were at work on average, and "memory" the most that all of them had at once. Each row
is printed as it is measured, and the best of each setup at the end.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import psutil

from framewatch import resources
from framewatch.bench.frames import back_and_forth
from framewatch.errors import FramewatchError
from framewatch.jobs.attempt.concurrency import encoder_threads
from framewatch.media.ffmpeg.discovery import find_ffmpeg
from framewatch.media.ffmpeg.process import Encoder
from framewatch.upscale import host
from framewatch.upscale.frames.frame import Frame


@dataclass(frozen=True)
class Row:
    """What one setup gave."""

    lanes: int
    threads: int
    fps: float
    cpu_ms: float  # of the encoders, a frame
    system_ms: float  # of that
    cores: float
    memory_gb: float
    kilobytes: float  # a frame of the output

    def __str__(self) -> str:
        return (
            f"{self.lanes:2} lanes of {self.threads or 'all':>3} threads {self.fps:6.1f} fps  "
            f"CPU {self.cpu_ms:5.0f} ms a frame, system {self.system_ms:3.0f}  {self.cores:5.1f} cores  "
            f"memory {self.memory_gb:5.1f} GB  {self.kilobytes:6.1f} kB a frame"
        )


def frames_of(ffmpeg: str, raw: Path | None, width: int, height: int, count: int) -> list[Frame]:
    """Frames of yuv420p: of the file, or of the clip, enlarged."""
    if raw is None:
        source = ["-stream_loop", "-1", "-i", f"file:{resources.demo_clip()}"]
        scaled = ["-vf", f"scale={width}:{height}:flags=lanczos", "-frames:v", str(count), "-pix_fmt", "yuv420p"]
        argv = [ffmpeg, "-v", "error", *source, *scaled, "-f", "rawvideo", "pipe:1"]
        data = subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout
    else:
        data = raw.read_bytes()
    size = width * height * 3 // 2
    if not data or len(data) % size:
        raise SystemExit(f"{raw}: these are not whole frames of {width}x{height} in yuv420p, of {size} bytes each")
    return list(np.frombuffer(data, np.uint8).reshape(-1, height * 3 // 2, width)[:count])


class Setup:
    """So many encoders of so many threads."""

    def __init__(self, options: argparse.Namespace, ffmpeg: str, lanes: int, threads: int, folder: Path) -> None:
        width, height = options.size
        coded = ["-c:v", options.codec, *options.options.split()]
        raw = ["-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", f"{width}x{height}", "-framerate", "25"]
        few = ["-threads", str(threads)] if threads else []
        self._argv = [ffmpeg, "-v", "error", *raw, "-i", "pipe:0", *coded, *few]
        self._lanes, self._threads, self._folder = lanes, threads, folder
        self._segment_frames, self._seconds = options.segment_frames, options.seconds
        self._counts, self._bytes = [0] * lanes, [0] * lanes
        self._failures: list[BaseException] = []

    def run(self, frames: list[Frame]) -> Row:
        """Encode for about as long as was asked for, in whole segments.

        Raises:
            FramewatchError: an encoder failed.
        """
        workers = [threading.Thread(target=self._encode, args=(lane, frames)) for lane in range(self._lanes)]
        before, self._begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        for worker in workers:
            worker.start()
        memory = 0
        while any(worker.is_alive() for worker in workers):
            memory = max(memory, _memory_of_children())
            time.sleep(0.2)
        took, after = time.perf_counter() - self._begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        if self._failures:
            raise self._failures[0]
        count = sum(self._counts)
        system = after.ru_stime - before.ru_stime
        spent = after.ru_utime - before.ru_utime + system
        return Row(
            self._lanes, self._threads, count / took, spent * 1000 / count, system * 1000 / count, spent / took,
            memory / 2**30, sum(self._bytes) / 1000 / count,
        )  # fmt: skip

    def _encode(self, lane: int, frames: list[Frame]) -> None:
        out = self._folder / f"{lane}.mp4"
        try:
            source = back_and_forth(frames, lane * len(frames) // self._lanes)
            while time.perf_counter() - self._begun < self._seconds:
                with Encoder([*self._argv, "-y", f"file:{out}"]) as encoder:
                    for frame in islice(source, self._segment_frames):
                        encoder.write(frame)
                    encoder.finish()
                self._counts[lane] += self._segment_frames
                self._bytes[lane] += out.stat().st_size
        except BaseException as error:  # noqa: BLE001 - a thread's boundary: it is raised in `run`
            self._failures.append(error)


def _setup(text: str) -> tuple[int, int]:
    lanes, _, threads = text.partition("x")
    if not (lanes.isdecimal() and threads.isdecimal() and int(lanes)):
        raise argparse.ArgumentTypeError(f'"{text}" is not LANESxTHREADS, such as 4x6')
    return int(lanes), int(threads)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not all(side.isdecimal() and int(side) and int(side) % 2 == 0 for side in (width, height)):
        raise argparse.ArgumentTypeError(f'"{text}" is not an even size, such as 3840x2160')
    return int(width), int(height)


def _many(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 1 on')
    return int(text)


def main() -> int:
    cores = host.cores()
    usual = [
        (1, 0),
        *((lanes, threads) for lanes in (2, 4, 6, 8) for threads in (0, encoder_threads(lanes, cores) or 0)),
    ]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--setups", nargs="+", type=_setup, default=usual, help="lanes x threads; 0: the encoder's own"
    )
    parser.add_argument("--size", type=_size, default=(3840, 2160), help="of the encoded frames")
    parser.add_argument("--codec", default="libx264")
    parser.add_argument("--options", default="-preset veryfast -crf 20")
    parser.add_argument(
        "--segment-frames", type=_many, default=125, help="frames that each encoder takes before the next begins"
    )
    parser.add_argument("--frames", type=_many, default=48, help="different ones")
    parser.add_argument("--raw", type=Path, help="yuv420p frames to encode, instead of the clip enlarged")
    parser.add_argument("--seconds", type=_many, default=8, help="of each setup, and the last segments to their ends")
    parser.add_argument("--rounds", type=_many, default=1, help="of all setups, in turns; the fastest counts")
    parser.add_argument("--ffmpeg", type=Path, help="the program; default: as framewatch finds it")
    options = parser.parse_args()
    try:
        _measure(options)
    except FramewatchError as error:
        raise SystemExit(str(error)) from None
    return 0


def _measure(options: argparse.Namespace) -> None:
    ffmpeg = str(find_ffmpeg(options.ffmpeg))
    frames = frames_of(ffmpeg, options.raw, *options.size, options.frames)
    best: dict[tuple[int, int], Row] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            for lanes, threads in options.setups:
                row = Setup(options, ffmpeg, lanes, threads, Path(folder)).run(frames)
                if (lanes, threads) not in best or row.fps > best[lanes, threads].fps:
                    best[lanes, threads] = row
                print(row, flush=True)
    print("the best of each:", *best.values(), sep="\n")


def _memory_of_children() -> int:
    """Bytes that all encoders hold now."""
    found = 0
    for child in psutil.Process().children():
        with suppress(psutil.Error):  # it may end just now
            found += child.memory_info().rss
    return found


if __name__ == "__main__":
    sys.exit(main())
