"""Does a worker's peak memory grow with the length of the video?

    python -m benchmarks.memory            # 10 s against 60 s; exit 1 when they are more than 10% apart

Both clips go through the whole pipeline (probe, rehearsal, render, mux, verify) on a worker of their own. Measured is
the largest resident memory of the worker process alone, sampled every 5 ms.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
from pathlib import Path

import imageio_ffmpeg
import psutil

from framewatch.jobs.attempt.context import Observer
from framewatch.jobs.attempt.pipeline import Pipeline
from framewatch.jobs.attempt.request import AttemptRequest, Tools
from framewatch.jobs.gpu.gate import HostGate
from framewatch.media.ffmpeg.discovery import encoders, find_ffmpeg
from framewatch.media.ffmpeg.process import run_ffmpeg
from framewatch.media.preset.preset import Preset
from framewatch.render.tasks import DeviceTask
from framewatch.render.worker_client import Worker

ALLOWED = 1.10
SAMPLE_SECONDS = 0.005


class PeakMemory(threading.Thread):
    """Samples the resident memory of a worker while it lives."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._worker = worker
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            if self._worker.pid is not None:
                self.peak = max(self.peak, psutil.Process(self._worker.pid).memory_info().rss)

    def stop(self) -> int:
        self._over.set()
        self.join()
        return self.peak


def make_clip(path: Path, seconds: int, size: str) -> None:
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    picture = f"testsrc2=size={size}:rate=25:duration={seconds}"
    sound = f"sine=duration={seconds}"
    inputs = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
    run_ffmpeg([ffmpeg, "-v", "error", *inputs, "-c:v", "libx264", "-c:a", "aac", "-y", f"file:{path}"])


def peak_of(source: Path, work: Path, engine: str) -> int:
    """Bytes of resident memory that the worker reached."""
    work.mkdir()
    program = find_ffmpeg(None)
    tools = Tools(ffmpeg=program, encoders=encoders(program), engine=engine)
    worker = Worker()
    sampler = PeakMemory(worker)
    pipeline = Pipeline(worker, tools, HostGate(1), Observer(), threading.Event())
    preset = Preset(ml_upscale="esrgan-2x", preset="ultrafast")
    try:
        order = AttemptRequest(source=source, preset=preset, preset_name="benchmark", work=work)
        worker.run(DeviceTask(engine=engine), lambda _: None, threading.Event())  # starts the worker
        sampler.start()
        pipeline.run(order)
        return sampler.stop()
    finally:
        worker.kill()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", type=int, default=10, help="seconds of the short clip")
    parser.add_argument("--long", type=int, default=60, help="seconds of the long clip")
    parser.add_argument("--size", default="160x90")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peaks = {}
        for seconds in (options.short, options.long):
            clip = Path(folder) / f"{seconds}.mp4"
            make_clip(clip, seconds, options.size)
            peaks[seconds] = peak_of(clip, Path(folder) / f"work-{seconds}", options.engine) / 2**20
    ratio = peaks[options.long] / peaks[options.short]
    facts = {"mib": {f"{seconds} s": round(peak, 1) for seconds, peak in peaks.items()}, "ratio": round(ratio, 3)}
    if options.json:
        print(json.dumps(facts))
    else:
        for seconds, peak in peaks.items():
            print(f"{seconds:>4} s  {peak:8.1f} MiB")
        print(f"ratio   {ratio:8.3f}  (allowed: up to {ALLOWED})")
    return 0 if ratio <= ALLOWED else 1


if __name__ == "__main__":
    sys.exit(main())
