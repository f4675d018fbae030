"""One engine alone: how fast, what share of what the device can do, and how exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from framewatch.bench.frames import best_fps, first_frames, frame_shape, to_and_fro
from framewatch.bench.peaks import matmul_tflops
from framewatch.bench.tasks import EngineReport, EngineTask
from framewatch.errors import EngineMissingError
from framewatch.upscale import selftest
from framewatch.upscale.choice import ENGINES
from framewatch.upscale.contract import Device, Engine, Frame, FrameShape, Session
from framewatch.upscale.models import load
from framewatch.upscale.network import Network
from framewatch.upscale.openvino_engine import OpenVinoEngine
from framewatch.upscale.tiled import open_tiled

Say = Callable[[str, float], None]

CANDIDATES: Mapping[str, Engine] = MappingProxyType(
    {name: engine for name, engine in ENGINES.items() if name != "identity"} | {"openvino f32": OpenVinoEngine("f32")}
)
"""What is measured: every engine, and OpenVINO in float32 besides, where `bf16` may turn out slower than it."""

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "cuda": "cuda",
        "torch": "cuda",
        "ncnn-vulkan": "ncnn",
        "ncnn": "ncnn",
        "openvino": "openvino",
        "openvino f32": "openvino",
    }
)
"""The word for `engine:` in the configuration that each of them belongs to."""

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
    engine = CANDIDATES[task.engine]
    device = _device(engine)
    network, scale = load(f"esrgan-{task.render.scale}x"), task.render.scale
    whole = frame_shape(task.render, planes=device.planes)
    shape = whole if device.gpu else _part(whole)
    frames = [_middle(frame, whole, shape) for frame in first_frames(task.render, whole)]
    at_once = max(task.render.sizing.proc, device.in_flight)
    opened = open_tiled(engine, network, device.id, shape=shape, scale=scale, concurrency=at_once)
    with opened as session:
        selftest.check(session, network)
        say("is held against a matrix product", 0.2)
        before = matmul_tflops(session.name)
        say("computes", 0.3)
        fps = best_fps(session, to_and_fro(frames), task.seconds)
        say("is compared", 0.7)
        quality = _quality(session, network, frames[-1])
        say("is held against a matrix product", 0.8)
        peak = _larger(before, matmul_tflops(session.name))
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
        if device.usable:
            return device
    raise EngineMissingError("; ".join(f"{one.description}: {one.note}" for one in seen) or "it sees no device here")


def operations(network: Network) -> int:
    """Of the convolutions, for one input pixel: each weight is multiplied and added once."""
    return 2 * sum(layer.weights.size for layer in network.layers)


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
    return min(selftest.quality(session, network, frame, output, box), _EQUAL)
