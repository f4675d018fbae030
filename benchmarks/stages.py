"""How fast is each stage alone, and the whole way from file to file, with one and with several lanes?

    python -m benchmarks.stages                           # the demo's clip enlarged to 1920x1080, 24 s
    python -m benchmarks.stages --size 640x360 --seconds 8 --lanes 1 2

Alone: decoding to RGB, the engine from array to array with its sentinel, and encoders fed with upscaled frames. The
whole way has the probe, the rehearsal, the start of the engine, the mux and the verification in it; the engine's
start is paid once in a daemon's life, and here each time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import deque
from itertools import repeat
from pathlib import Path
from typing import Any

from benchmarks.memory import Silent
from framewatch import resources
from framewatch.jobs.gate import HostGate
from framewatch.jobs.order import Order, Tools
from framewatch.jobs.pipeline import Pipeline
from framewatch.media import commands
from framewatch.media.decode import Decoder
from framewatch.media.ffmpeg import Encoder, run_ffmpeg
from framewatch.media.plan import Plan, make_plan
from framewatch.media.preset import Preset
from framewatch.media.probe import probe
from framewatch.media.scan import scan
from framewatch.media.timing import TimingWish, wished_timeline
from framewatch.media.tools import encoders, find_ffmpeg
from framewatch.render.client import Worker
from framewatch.render.engine import describe_device
from framewatch.render.spec import DeviceReport
from framewatch.upscale.choice import open_session
from framewatch.upscale.contract import Frame, FrameShape
from framewatch.upscale.models import load

FFMPEG = find_ffmpeg(None)
ENCODED_FRAMES = 150  # for each encoder
SEGMENT_SECONDS = 4.0


def make_clip(folder: Path, size: str, seconds: int) -> Path:
    """The real clip, repeated and enlarged: its content is that of a video, not that of a test picture."""
    clip, out = resources.demo_clip(), folder / "clip.mkv"
    inputs = ["-stream_loop", "-1", "-i", f"file:{clip}", "-t", str(seconds), "-an"]
    scaled = f"scale={size.replace('x', ':')}:flags=lanczos"
    coded = ["-vf", scaled, "-r", "25", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18"]
    run_ffmpeg([str(FFMPEG), "-v", "error", *inputs, *coded, "-y", f"file:{out}"])
    return out


def decoding(clip: Path, preset: Preset) -> tuple[float, Frame, Plan]:
    """Frames a second, the last frame, and the plan for the clip."""
    info = probe(clip)
    main = info.main_video
    if main is None or main.video is None:
        raise ValueError("the clip has no video")
    scanned = scan(clip, main.index)
    line = wished_timeline(TimingWish(), scanned, main.video.rate, info.start)
    began = time.perf_counter()
    last: Any = deque(Decoder(clip, main, line), maxlen=1)
    return line.frames / (time.perf_counter() - began), last[0].pixels, make_plan(preset, "benchmark", info, line)


def computing(frame: Frame, device: DeviceReport, engine: str, frames: int) -> tuple[float, Frame]:
    """Frames a second of the engine alone, and an upscaled frame."""
    shape = FrameShape(frame.shape[1], frame.shape[0])
    with open_session(load("esrgan-2x"), shape, 2, max(device.in_flight, 2), engine=engine) as session:
        deque(session.upscale(repeat(frame, session.concurrency * 4)), maxlen=0)
        began = time.perf_counter()
        last = deque(session.upscale(repeat(frame, frames)), maxlen=1)
        return frames / (time.perf_counter() - began), last[0]


def encoding(plan: Plan, frame: Frame, lanes: int, folder: Path) -> float:
    """Frames a second of so many encoders side by side."""

    def encode(number: int) -> None:
        encoder = Encoder(commands.piece_command(plan, FFMPEG, folder / f"encoded-{number}.mp4"))
        for _ in range(ENCODED_FRAMES):
            encoder.write(frame)
        encoder.finish()

    threads = [threading.Thread(target=encode, args=(number,)) for number in range(lanes)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return lanes * ENCODED_FRAMES / (time.perf_counter() - began)


def whole_way(clip: Path, preset: Preset, engine: str, lanes: int, work: Path) -> tuple[float, str | None]:
    """Frames a second from file to verified file, and the engine."""
    work.mkdir()
    tools = Tools(
        ffmpeg=FFMPEG, encoders=encoders(FFMPEG), engine=engine, lanes=lanes, segment_seconds=SEGMENT_SECONDS
    )
    worker = Worker()
    try:
        pipeline = Pipeline(worker, tools, HostGate(1), Silent(), threading.Event())
        order = Order(source=clip, preset=preset, preset_name="benchmark", work=work)
        began = time.perf_counter()
        made = pipeline.run(order)
        return made.frames / (time.perf_counter() - began), made.engine  # type: ignore[union-attr]
    finally:
        worker.kill()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1920x1080", help="of the source")
    parser.add_argument("--seconds", type=int, default=24, help="of the source, at 25 frames a second")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--encoder-preset", default="veryfast", help="of libx264")
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    preset = Preset(container="mkv", preset=options.encoder_preset, crf=20, ml_upscale="esrgan-2x")
    device = describe_device(options.engine)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = make_clip(folder, options.size, options.seconds)
        decoded, frame, plan = decoding(clip, preset)
        upscaled, large = computing(frame, device, options.engine, 200 if device.gpu else 20)
        rows: dict[str, float] = {"decode alone": decoded, "engine alone": upscaled}
        for lanes in options.lanes:
            rows[f"encode alone, {lanes} lanes"] = encoding(plan, large, lanes, folder)
        for lanes in options.lanes:
            fps, _ = whole_way(clip, preset, options.engine, lanes, folder / f"work-{lanes}")
            rows[f"file to file, {lanes} lanes"] = fps
    if options.json:
        print(json.dumps({"device": device.model_dump(mode="json"), "fps": rows}))
    else:
        print(f"{options.size} to twice that, on {device.name} ({device.description})")
        print("\n".join(f"  {what:24} {fps:8.1f} fps" for what, fps in rows.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
