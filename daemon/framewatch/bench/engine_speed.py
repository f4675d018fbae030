"""One engine alone: how fast it is, and how exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from framewatch.bench.frames import back_and_forth, best_fps, first_frames, frame_shape
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

ReportStep = Callable[[str, float], None]  # what is done, and how much of the task is done, 0 to 1


@dataclass(frozen=True)
class Candidate:
    """An engine in one of the ways in which it is measured."""

    engine: Engine
    setting: str  # the value of `engine:` in the configuration that can choose it
    precision: Precision = "exact"


CANDIDATES: Mapping[str, Candidate] = MappingProxyType(
    {
        "cuda": Candidate(ENGINES["cuda"], "cuda"),
        "torch": Candidate(ENGINES["torch"], "cuda"),
        "ncnn-vulkan": Candidate(ENGINES["ncnn-vulkan"], "ncnn"),
        "openvino": Candidate(ENGINES["openvino"], "openvino"),
        "ncnn": Candidate(ENGINES["ncnn"], "ncnn"),
        "openvino fast": Candidate(ENGINES["openvino"], "openvino", "fast"),
        "openvino f32": Candidate(OpenVinoEngine("f32"), "openvino"),
    }
)
"""Every engine, and what else OpenVINO can do: 8 bits, and float32 in case bf16 is slower.

In the order of measuring: where time runs out, the last ones are left out.
"""

_CPU_WIDTH, _CPU_HEIGHT = 320, 180  # a CPU needs seconds for a large frame, and is as fast on a part of it
_PATCH = 64  # input pixels; the side of the square that is compared with the reference
_EQUAL_DB = 120.0  # the PSNR of two equal patches would be infinite


def measure(task: EngineTask, report_step: ReportStep) -> EngineReport:
    """Open the engine on its first usable device, run its self-test as a render does, and measure it.

    Raises:
        EngineError: it does not work here; `engine.unavailable` where it has no device.
        ModelMissingError: the weights are not installed.
    """
    report_step("opening", 0.0)
    candidate, scale = CANDIDATES[task.engine], task.render.scale
    device = _first_usable(candidate.engine)
    network = load(f"esrgan-{scale}x", precision=candidate.precision)
    whole = frame_shape(task.render, planes=device.planes)
    shape = whole if device.gpu else _part_for_cpu(whole)
    frames = [_middle(frame, whole, shape) for frame in first_frames(task.render, whole)]
    in_flight = max(task.render.sizing.proc, device.in_flight)
    request = SessionRequest(network, shape, scale, in_flight)
    with TiledSession(candidate.engine, device.id, request) as session:
        if candidate.precision == "fast" and not session.name.endswith(INT8):
            raise EngineMissingError("8 bits are not faster on this CPU")
        if task.check:
            selftest.check(session, network)
        report_step("computing", 0.3)
        fps = best_fps(session, back_and_forth(frames), task.seconds)
        report_step("comparing", 0.9)
        # The reference is always exact: the figure shows what 8 bits cost.
        psnr = _psnr(session, load(f"esrgan-{scale}x"), frames[-1]) if task.check else 0.0
        name = session.name
    return EngineReport(
        name=name,
        device=device.description,
        gpu=device.gpu,
        layout="yuv420p" if shape.yuv else "rgb",
        width=shape.width,
        height=shape.height,
        in_flight=in_flight,
        fps=fps,
        milliseconds=1000 / fps,
        tflops=fps * shape.pixels * operations(network) / 1e12,
        psnr_db=psnr,
    )


def operations(network: Network) -> int:
    """Return the operations of all convolutions for one input pixel: each weight is multiplied and added once."""
    return 2 * sum(layer.weights.size for layer in network.layers)


def faster(first: EngineReport, second: EngineReport) -> EngineReport:
    """Return the faster of two measurements of an engine; only the first was compared with the reference."""
    best = max(first, second, key=lambda report: report.fps)
    return best.evolve(psnr_db=first.psnr_db)


def _first_usable(engine: Engine) -> Device:
    devices = engine.devices()
    for device in devices:
        if isinstance(device, Device):
            return device
    notes = "; ".join(f"{device.description}: {device.note}" for device in devices)
    raise EngineMissingError(notes or "no device for it was found")


def _part_for_cpu(whole: FrameShape) -> FrameShape:
    return replace(whole, width=min(whole.width, _CPU_WIDTH), height=min(whole.height, _CPU_HEIGHT))


def _middle(frame: Frame, whole: FrameShape, part: FrameShape) -> Frame:
    """Cut the middle out of a frame, as large as `part`."""
    if part == whole:
        return frame
    cut = np.empty(part.array, part.dtype)
    for target, source in zip(part.parts(cut), whole.parts(frame), strict=True):
        rows, columns = (_centred(source.shape[axis], target.shape[axis]) for axis in (0, 1))
        target[:] = source[rows, columns]
    return cut


def _centred(length: int, wanted: int) -> slice:
    """Return the middle part of a length. It begins at an even number, where chroma planes can be cut too."""
    kept = min(length, wanted)
    start = (length - kept) // 4 * 2
    return slice(start, start + kept)


def _psnr(session: Session, network: Network, frame: Frame) -> float:
    """Return the PSNR in dB of the middle of an upscaled frame against the float32 reference."""
    shape = session.shape
    box = _centred(shape.height, _PATCH), _centred(shape.width, _PATCH)
    (output,) = session.upscale([frame])
    return min(selftest.patch_psnr(session, network, frame, output, box), _EQUAL_DB)
