"""One engine alone: how fast, what share of what the device can do, and how exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from framewatch.bench.frames import best_fps, first_frames, frame_shape, to_and_fro
from framewatch.bench.peak_flops import matmul_tflops
from framewatch.bench.tasks import EngineReport, EngineTask
from framewatch.errors import EngineMissingError
from framewatch.upscale.checks import selftest
from framewatch.upscale.engine import INT8, Device, Engine, Session, SessionRequest
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network.network import Network
from framewatch.upscale.network.weights import Precision, load
from framewatch.upscale.openvino.engine import OpenVinoEngine
from framewatch.upscale.selection import ENGINES
from framewatch.upscale.tiled_session import TiledSession

Say = Callable[[str, float], None]


@dataclass(frozen=True)
class Candidate:
    """An engine as it is measured."""

    engine: Engine
    word: str  # for `engine:` in the configuration: what it belongs to
    precision: Precision = "exact"


CANDIDATES: Mapping[str, Candidate] = MappingProxyType(
    {
        "cuda": Candidate(ENGINES["cuda"], "cuda"),
        "torch": Candidate(ENGINES["torch"], "cuda"),
        "ncnn-vulkan": Candidate(ENGINES["ncnn-vulkan"], "ncnn"),
        "openvino": Candidate(ENGINES["openvino"], "openvino"),
        "openvino fast": Candidate(ENGINES["openvino"], "openvino", "fast"),
        "openvino f32": Candidate(OpenVinoEngine("f32"), "openvino"),
        "ncnn": Candidate(ENGINES["ncnn"], "ncnn"),
    }
)
"""What is measured: every engine, and what else OpenVINO can do: 8 bits, and float32, in case bf16 is slower."""

_CPU_WIDTH, _CPU_HEIGHT = 320, 180  # a processor takes seconds for a large frame, and is as fast for a part of it
_PATCH = 64  # input pixels of the side of what is compared with the reference
_EQUAL = 120.0  # dB: two patches without any difference


def measure(task: EngineTask, say: Say) -> EngineReport:
    """Open the engine on its first usable device, prove it as a worker does, and measure it.

    Raises:
        EngineError: it does not work here; `engine.unavailable` where there is nothing for it.
        ModelMissingError: the weights are not there.
    """
    say("opens", 0.0)
    engine, precision = CANDIDATES[task.engine].engine, CANDIDATES[task.engine].precision
    device, scale = _device(engine), task.render.scale
    exact = load(f"esrgan-{scale}x")
    network = load(f"esrgan-{scale}x", precision=precision)
    whole = frame_shape(task.render, planes=device.planes)
    shape = whole if device.gpu else _part(whole)
    frames = [_middle(frame, whole, shape) for frame in first_frames(task.render, whole)]
    at_once = max(task.render.sizing.proc, device.in_flight)
    with TiledSession(engine, device.id, SessionRequest(network, shape, scale, at_once)) as session:
        if precision == "fast" and not session.name.endswith(INT8):
            raise EngineMissingError("this processor is not faster in 8 bits")
        selftest.check(session, network)
        say("computes", 0.2)
        fps = best_fps(session, to_and_fro(frames), task.seconds)
        say("is compared", 0.7)
        quality = _quality(session, exact, frames[-1])
        say("is held against a matrix product", 0.8)
        peak = matmul_tflops(session.name)
        name = session.name
    tflops = fps * shape.pixels * operations(network) / 1e12
    return EngineReport(
        name=name,
        device=device.description,
        gpu=device.gpu,
        layout="yuv420p" if shape.yuv else "rgb",
        width=shape.width,
        height=shape.height,
        in_flight=at_once,
        fps=fps,
        milliseconds=1000 / fps,
        tflops=tflops,
        peak_tflops=peak,
        share=tflops / peak if peak else None,
        psnr_db=quality,
    )


def _device(engine: Engine) -> Device:
    """The first that can be used."""
    seen = engine.devices()
    for device in seen:
        if isinstance(device, Device):
            return device
    raise EngineMissingError("; ".join(f"{one.description}: {one.note}" for one in seen) or "it sees no device here")


def operations(network: Network) -> int:
    """Of the convolutions, for one input pixel: each weight is multiplied and added once."""
    return 2 * sum(layer.weights.size for layer in network.layers)


def better(one: EngineReport, other: EngineReport) -> EngineReport:
    """The faster of two measurements of an engine, held against the larger of their peaks. Pure."""
    best = max(one, other, key=lambda report: report.fps)
    peak = _larger(one.peak_tflops, other.peak_tflops)
    return best.evolve(peak_tflops=peak, share=best.tflops / peak if peak else None)


def _larger(before: float | None, after: float | None) -> float | None:
    """The better of two: what else runs on the machine comes and goes."""
    return max(before, after) if before and after else None


def _part(whole: FrameShape) -> FrameShape:
    """As much of a frame as a processor is measured with."""
    return replace(whole, width=min(whole.width, _CPU_WIDTH), height=min(whole.height, _CPU_HEIGHT))


def _middle(frame: Frame, whole: FrameShape, part: FrameShape) -> Frame:
    """The middle of a frame, as large as `part`."""
    if part == whole:
        return frame
    cut = np.empty(part.array, part.dtype)
    for target, source in zip(part.parts(cut), whole.parts(frame), strict=True):
        rows, columns = (_centred(source.shape[axis], target.shape[axis]) for axis in (0, 1))
        target[:] = source[rows, columns]
    return cut


def _centred(length: int, wanted: int) -> slice:
    """A part of a length, in its middle; it begins at an even place, where planes of chroma can be cut, too."""
    kept = min(length, wanted)
    begin = (length - kept) // 4 * 2
    return slice(begin, begin + kept)


def _quality(session: Session, network: Network, frame: Frame) -> float:
    """PSNR in dB of the middle of an upscaled frame against the reference."""
    shape = session.shape
    box = _centred(shape.height, _PATCH), _centred(shape.width, _PATCH)
    (output,) = session.upscale([frame])
    return min(selftest.patch_psnr(session, network, frame, output, box), _EQUAL)
