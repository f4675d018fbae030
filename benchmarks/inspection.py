"""What does it save to decode segments beside the render, instead of the whole result after it?

    python -m benchmarks.inspection                        # the demo's clip enlarged to 1280x720, 16 s, to 2560x1440
    python -m benchmarks.inspection --seconds 60 --lanes 4

The whole way from file to verified file, both ways in turn, the best of each. Without an inspector means what happens
where it fails: the joined file is decoded as a whole. `--engine identity` leaves the network out, so that what lies
around it has the largest share. It only helps where cores are free: `--encoder-threads 1` leaves some.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from framewatch import resources
from framewatch.errors import WorkerError
from framewatch.jobs.attempt.context import Observer
from framewatch.jobs.attempt.pipeline import Pipeline
from framewatch.jobs.attempt.request import AttemptRequest, Tools
from framewatch.jobs.attempt.segment_ledger import LedgerEntry
from framewatch.jobs.gpu.gate import HostGate
from framewatch.media.decode.output_inspection import inspect_output
from framewatch.media.ffmpeg.discovery import encoders, find_ffmpeg
from framewatch.media.ffmpeg.process import run_ffmpeg
from framewatch.media.preset.preset import Preset
from framewatch.render.worker_client import Worker
from framewatch.storage.files import named_by_user

FFMPEG = find_ffmpeg(None)


class _None(Worker):
    """No inspector: it fails before it begins."""

    def run(self, *_: Any, **__: Any) -> Any:
        raise WorkerError("not wanted here")


class _Alone(Worker):
    """A worker beside which nothing runs."""

    def helper(self, niceness: int = 0) -> Worker:  # noqa: ARG002 - as the real one
        return _None()


def make_clip(folder: Path, size: str, seconds: int) -> Path:
    """The real clip, repeated and enlarged."""
    inputs = ["-stream_loop", "-1", "-i", f"file:{resources.demo_clip()}", "-t", str(seconds), "-an"]
    coded = [
        "-vf",
        f"scale={size.replace('x', ':')}:flags=lanczos",
        "-r",
        "25",
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
    ]
    run_ffmpeg([str(FFMPEG), "-v", "error", *inputs, *coded, "-y", f"file:{folder / 'clip.mkv'}"])
    return folder / "clip.mkv"


class _Timed(Observer):
    """Knows when the last segment was done."""

    last_segment = 0.0

    def segment_done(self, entry: LedgerEntry, segments: int, *, made_progress: bool) -> None:  # noqa: ARG002 - as the real one
        self.last_segment = time.perf_counter()


def whole_way(worker: Worker, clip: Path, options: argparse.Namespace, work: Path) -> tuple[float, float, Path]:
    """With a warm worker: seconds from file to verified file, those after the last segment, and the file."""
    tools = Tools(
        ffmpeg=FFMPEG,
        encoders=encoders(FFMPEG),
        engine=options.engine,
        lanes=options.lanes,
        segment_seconds=options.segment_seconds,
    )
    extra = ["-threads", str(options.encoder_threads)] if options.encoder_threads else []
    preset = Preset(
        container=options.container,
        preset=options.encoder_preset,
        crf=20,
        ml_upscale="esrgan-2x",
        extra_encoder_args=tuple(extra),
    )
    work.mkdir()
    timed = _Timed()
    pipeline = Pipeline(worker, tools, HostGate(1), timed, threading.Event())
    began = time.perf_counter()
    made = pipeline.run(AttemptRequest(source=named_by_user(clip), preset=preset, preset_name="benchmark", work=work))
    ended = time.perf_counter()
    return ended - began, ended - timed.last_segment, made.result  # type: ignore[union-attr]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x720", help="of the source")
    parser.add_argument("--seconds", type=int, default=16, help="of the source, at 25 frames a second")
    parser.add_argument("--segment-seconds", type=float, default=2.0)
    parser.add_argument("--engine", default="identity")
    parser.add_argument("--container", default="mp4")
    parser.add_argument("--encoder-preset", default="veryfast", help="of libx264")
    parser.add_argument("--encoder-threads", type=int, default=0, help="0: as many as the encoder takes")
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    workers = {"after": _Alone(), "beside": Worker()}
    best: dict[str, float] = {}
    rest: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = make_clip(folder, options.size, options.seconds)
        for turn in range(options.rounds + 1):  # the first starts the workers, and does not count
            for how, worker in workers.items():
                took, after, result = whole_way(worker, clip, options, folder / f"{how}-{turn}")
                best[how] = min(best[how], took) if turn else math.inf
                rest[how] = min(rest[how], after) if turn else math.inf
        began = time.perf_counter()
        inspect_output(result)
        decoding = time.perf_counter() - began
    for worker in workers.values():
        worker.kill()
    lengths = f"{options.seconds} s in segments of {options.segment_seconds:g} s"
    print(f"{options.size} to twice that, {lengths}, {options.engine}")
    for how in workers:
        wall, after = f"{best[how]:6.2f} s ({best[how] / best['after']:.3f})", f"{rest[how]:5.2f} s"
        print(f"  decoded {how:6} the render   {wall}, of which after the last segment {after}")
    print(f"  decoding the result alone  {decoding:6.2f} s  ({decoding / best['after']:.3f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
