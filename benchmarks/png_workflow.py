"""How many times as fast as the PNG workflow is framewatch?

    python -m benchmarks.png_workflow                              # the shipped clip at 320x180
    python -m benchmarks.png_workflow --size 1920x1080 --seconds 24 --lanes 8 --frames 96
    python -m benchmarks.png_workflow --program ./realesrgan-ncnn-vulkan

The PNG workflow is what scripts around realesrgan-ncnn-vulkan do: every frame into a PNG file, the network over the
files, an encoder over the result, one after another. Where that program is not installed, the ncnn package does the
same work with the same number of threads; the output says which of them it was. Both ways run in one process on the
same clip, so their ratio can be compared, and the absolute speeds cannot.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from framewatch.bench.clip import clip_command
from framewatch.bench.end_to_end import Run, TimedWorker, Watcher, run
from framewatch.errors import EngineError, FramewatchError, ToolMissingError, VerificationError, WorkerError
from framewatch.jobs.attempt.concurrency import stages
from framewatch.jobs.attempt.request import AttemptRequest, Tools
from framewatch.media.commands.output_args import file_url
from framewatch.media.encoders import encoder_args
from framewatch.media.ffmpeg.discovery import encoders, find_ffmpeg, find_program, hwaccels
from framewatch.media.ffmpeg.process import run_ffmpeg
from framewatch.media.plan.plan import VideoPlan
from framewatch.media.preset.preset import Preset
from framewatch.render.tasks import Sizing
from framewatch.storage.files import named_by_user
from framewatch.upscale.engine import Device, SessionRequest
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.host import cores
from framewatch.upscale.network.weights import DEFAULT_MODEL, load, package_file, require
from framewatch.upscale.selection import ENGINES, devices
from framewatch.upscale.tiled_session import TiledSession

PROGRAM = "realesrgan-ncnn-vulkan"
FILE_NAMES = "frame_%08d.png"
NCNN_ENGINES = ("ncnn-vulkan", "ncnn")  # the first that has a device here


@dataclass(frozen=True)
class PngResult:
    """The PNG workflow; the three stages run one after another."""

    engine: str  # what upscaled the files
    frames: int
    extract_fps: float
    upscale_fps: float
    encode_fps: float

    @property
    def fps(self) -> float:
        """Frames a second of all three stages together."""
        return 1 / (1 / self.extract_fps + 1 / self.upscale_fps + 1 / self.encode_fps)


@dataclass(frozen=True)
class Upscaling:
    """The middle stage: a folder of PNG files into another one."""

    source: Path
    target: Path
    scale: int
    sizing: Sizing  # the threads that load, compute and save


def process(
    source: Path, plan: VideoPlan, ffmpeg: Path, folder: Path, frames: int, program: Path | None
) -> PngResult:
    """Process the first frames of a clip.

    Args:
        source: the clip.
        plan: of the same clip in framewatch; its encoder is used here too.
        ffmpeg: the program.
        folder: an empty one, for all files.
        frames: how many; a speed does not need all of them.
        program: realesrgan-ncnn-vulkan; None for the ncnn package.

    Raises:
        VerificationError: `bench.baseline_failed`: the output does not have as many frames as went in.
        FramewatchError: one of the stages failed.
    """
    small, large, out = folder / "source", folder / "upscaled", folder / f"output.{plan.extension}"
    small.mkdir()
    large.mkdir()
    extracted = _timed(_extract_command(source, plan, ffmpeg, small, frames))
    sizes = stages(plan.frame_width, plan.frame_height, cores())
    work = Upscaling(small, large, plan.scale, Sizing(load=sizes.load, proc=sizes.proc, save=sizes.save))
    engine, upscaled = _by_package(work) if program is None else _by_program(work, program)
    encoded = _timed(_encode_command(source, plan, ffmpeg, large, out))
    upscaled_files, count = len(list(large.glob("*.png"))), _frames_in(out)
    if count != upscaled_files or not count:
        message = f"the PNG workflow made {count} frames of {upscaled_files} images"
        raise VerificationError(message, code="bench.baseline_failed")
    return PngResult(engine, count, count / extracted, count / upscaled, count / encoded)


def _timed(argv: list[str]) -> float:
    started = time.perf_counter()
    run_ffmpeg(argv)
    return time.perf_counter() - started


def _extract_command(source: Path, plan: VideoPlan, ffmpeg: Path, folder: Path, frames: int) -> list[str]:
    timing = ["-r", _rate(plan), "-fps_mode", "cfr", "-frames:v", str(frames)]
    target = ["-pix_fmt", "rgb24", "-y", file_url(folder / FILE_NAMES)]
    return [*_program(ffmpeg), "-i", file_url(source), "-map", "0:v:0", *timing, *target]


def _encode_command(source: Path, plan: VideoPlan, ffmpeg: Path, folder: Path, out: Path) -> list[str]:
    images = ["-framerate", _rate(plan), "-start_number", "1", "-i", file_url(folder / FILE_NAMES)]
    audio = ["-i", file_url(source), "-map", "0:v:0", "-map", "1:a?", "-c:a", "copy"]
    encoder = encoder_args.video_args(plan.preset, plan.pixel_format, plan.width)
    video = [*encoder, "-pix_fmt", plan.pixel_format]
    return [*_program(ffmpeg), *images, *audio, *video, "-y", file_url(out)]


def _program(ffmpeg: Path) -> list[str]:
    return [str(ffmpeg), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1"]


def _rate(plan: VideoPlan) -> str:
    return f"{plan.average_rate.numerator}/{plan.average_rate.denominator}"


def _frames_in(path: Path) -> int:
    with av.open(f"file:{path}") as container:
        return sum(1 for _ in container.decode(video=0))


# --- realesrgan-ncnn-vulkan ----------------------------------------------------------------------------------------


def _by_program(work: Upscaling, program: Path) -> tuple[str, float]:
    """Return its name, and the seconds from its start to its end."""
    sizing = work.sizing
    with tempfile.TemporaryDirectory(prefix="models-", dir=work.target.parent) as folder:
        name = _place_model(Path(folder), work.scale)
        argv = [str(program), "-i", str(work.source), "-o", str(work.target), "-s", str(work.scale), "-f", "png"]
        argv += ["-m", folder, "-n", name, "-j", f"{sizing.load}:{sizing.proc}:{sizing.save}", "-g", "0", "-t", "0"]
        started = time.perf_counter()
        try:
            done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            message = f"{program.name} cannot be started: {error.strerror}"
            raise ToolMissingError(message, code="bench.no_program", where=str(program)) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        message = f"{program.name} ended with status {done.returncode}: {last}"
        raise WorkerError(message, code="bench.baseline_failed")
    return program.name, time.perf_counter() - started


def _place_model(folder: Path, scale: int) -> str:
    """Copy the weights under the name that the program looks for, and return that name."""
    model, path, _ = require(f"esrgan-{scale}x")
    name = f"{DEFAULT_MODEL}-x{scale}"
    shutil.copy(path, folder / f"{name}.bin")
    shutil.copy(_param_file(package_file(model) or path, scale), folder / f"{name}.param")
    return name


def _param_file(weights: Path, scale: int) -> Path:
    """Find the network's description for this scale beside the packaged weights."""
    found = weights.with_name(f"{weights.stem[:-2]}{scale}X.param")
    if not found.is_file():
        hint = "without --program, the ncnn package is used"
        raise ToolMissingError(f"{found.name} is missing", code="bench.no_param", hint=hint, where=str(found))
    return found


# --- the same with the ncnn package --------------------------------------------------------------------------------


def _by_package(work: Upscaling) -> tuple[str, float]:
    """Return the engine, and the seconds since it was open: our self-test is no part of the PNG workflow."""
    files = sorted(work.source.glob("*.png"))
    first = _read(files[0])
    shape = FrameShape(first.shape[1], first.shape[0])
    usable = (device for device in devices() if isinstance(device, Device))
    device = next((device for device in usable if device.engine in NCNN_ENGINES), None)
    if device is None:
        raise EngineError("ncnn does not work here", code="engine.unavailable", hint="pip install ncnn")
    request = SessionRequest(load(f"esrgan-{work.scale}x"), shape, work.scale, work.sizing.proc)
    with TiledSession(ENGINES[device.engine], device.id, request) as session:
        started = time.perf_counter()
        pools = [ThreadPoolExecutor(count) for count in (work.sizing.load, work.sizing.proc, work.sizing.save)]
        load_pool, compute_pool, save_pool = pools
        free = threading.Semaphore(2 * (work.sizing.load + work.sizing.proc + work.sizing.save))  # bounds the memory
        saved: list[Future[None]] = []
        try:
            for file in files:
                free.acquire()
                loaded = load_pool.submit(_read, file)
                upscaled = compute_pool.submit(lambda frame: session.run(frame.result()), loaded)
                saved.append(save_pool.submit(_save, upscaled, work.target / file.name))
                saved[-1].add_done_callback(lambda _: free.release())
            for each in saved:
                each.result()
        finally:
            for pool in pools:
                pool.shutdown(cancel_futures=True)
        return f"{session.name} of the ncnn package", time.perf_counter() - started


def _read(path: Path) -> Frame:
    with av.open(f"file:{path}") as container:
        return np.ascontiguousarray(next(container.decode(video=0)).to_ndarray(format="rgb24"))


def _save(frame: Future[Frame], path: Path) -> None:
    pixels = frame.result()
    encoder = av.CodecContext.create("png", "w")
    encoder.height, encoder.width, _ = pixels.shape
    encoder.pix_fmt = "rgb24"
    encoder.time_base = Fraction(1)
    packets = [*encoder.encode(VideoFrame.from_ndarray(pixels, format="rgb24")), *encoder.encode(None)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))


# --- the comparison ------------------------------------------------------------------------------------------------


def compare(options: argparse.Namespace, folder: Path) -> tuple[Run, PngResult]:
    """Run both ways on one clip."""
    ffmpeg, clip = find_ffmpeg(None), folder / "clip.mkv"
    run_ffmpeg(clip_command(ffmpeg, options.clip, options.size, options.seconds, clip))
    preset = Preset.model_validate(
        {"container": "mkv", "preset": "veryfast", "crf": 20, "ml_upscale": f"esrgan-{options.scale}x"}
    )
    tools = Tools(
        ffmpeg=ffmpeg,
        encoders=encoders(ffmpeg),
        hwaccels=hwaccels(ffmpeg),
        engine=options.engine,
        gpus=1,
        lanes=options.lanes,
        segment_seconds=max(1.0, options.seconds / options.lanes / 2),
    )
    work, images = folder / "work", folder / "images"
    work.mkdir()
    images.mkdir()
    request = AttemptRequest(source=named_by_user(clip), preset=preset, preset_name="benchmark", work=work)
    worker = TimedWorker()
    try:
        found = run(request, tools, worker, Watcher(lambda _: None, lambda _: None, threading.Event()))
    finally:
        worker.kill()
    program = options.program or (Path(path) if (path := shutil.which(PROGRAM)) else None)
    return found, process(clip, found.plan, ffmpeg, images, options.frames, program)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="your own video; default: the shipped clip")
    parser.add_argument("--size", type=_size, default=(320, 180), help="scale the clip to this size first")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of the clip")
    parser.add_argument("--scale", type=int, choices=(2, 3, 4), default=2)
    parser.add_argument("--engine", default="auto", help="framewatch's engine")
    parser.add_argument("--lanes", type=_positive, default=1, help="segments that framewatch renders at once")
    parser.add_argument("--frames", type=_positive, default=10, help="frames that go through the PNG workflow")
    parser.add_argument("--program", type=_existing_program, help=f"{PROGRAM}, where it is not on PATH")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(argv)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not all(side.isdecimal() and int(side) and int(side) % 2 == 0 for side in (width, height)):
        raise argparse.ArgumentTypeError(f'"{text}" is not an even frame size, such as 1920x1080')
    return int(width), int(height)


def _positive(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f'"{text}" is not a number above 0')
    return int(text)


def _existing_program(text: str) -> Path:
    found = find_program(Path(text))
    if found is None:
        raise argparse.ArgumentTypeError(f'"{text}" is not a program')
    return found


def main() -> int:
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        try:
            found, png = compare(options, Path(folder))
        except FramewatchError as error:
            raise SystemExit(str(error)) from None
    fps = found.frames / found.seconds
    if options.json:
        facts = {"framewatch": {"fps": fps, "engine": found.report.engine, "frames": found.frames}}
        print(json.dumps(facts | {"png": asdict(png) | {"fps": png.fps}, "times": fps / png.fps}))
        return 0
    print(f"framewatch, {found.report.engine}: {fps:.2f} fps from file to file, {found.frames} frames")
    print(f"the PNG workflow, {png.engine}: {png.fps:.2f} fps, {png.frames} frames, one stage after another:")
    print(f"  to PNG {png.extract_fps:.1f}, network {png.upscale_fps:.2f}, PNG to video {png.encode_fps:.1f}")
    print(f"framewatch is {fps / png.fps:.1f} times as fast")
    return 0


if __name__ == "__main__":
    sys.exit(main())
