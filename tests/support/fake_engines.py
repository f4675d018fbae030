"""Engines for tests: a real one with a fault, with little memory, or with YUV planes around it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from framewatch.errors import OutOfMemoryError
from framewatch.upscale.engine import Device, Engine, Session, SessionRequest
from framewatch.upscale.frames import pixels, yuv
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.frames.yuv import Yuv420
from framewatch.upscale.openvino.engine import OpenVinoEngine

Fault = Callable[[Frame], Frame]
"""Makes the output of an engine with a fault from the correct output."""

PlanesFault = Callable[[yuv.Planes], yuv.Planes]

BT709 = Yuv420(0.2126, 0.0722)
CODINGS = [
    BT709,
    Yuv420(0.299, 0.114, full=True),
    Yuv420(0.2627, 0.0593, depth=10, out_depth=10),
    Yuv420(0.212, 0.087, full=True, depth=10, out_depth=10),
    Yuv420(0.2126, 0.0722, depth=8, out_depth=10),
    Yuv420(0.30, 0.11, depth=10, out_depth=8),
    Yuv420(0.2126, 0.0722, siting="center", out_siting="bottom"),
    Yuv420(0.2627, 0.0593, depth=10, out_depth=10, siting="topleft", out_siting="topleft"),
    Yuv420(0.299, 0.114, siting="bottomleft", out_siting="left"),
]
"""Matrices, ranges, depths and sitings of YUV planes; some change the depth or the siting."""


class FaultAfter:
    """A fault that begins after some correct frames.

    Args:
        correct: how many.
        fault: changes the outputs after them.
    """

    def __init__(self, correct: int, fault: Fault) -> None:
        self._left = correct
        self._fault = fault

    def __call__(self, output: Frame) -> Frame:
        self._left -= 1
        return output if self._left >= 0 else self._fault(output)


class FakeSession(Session):
    """Repeats pixels after it has called `first` with the frame; counts how often it was closed.

    Args:
        concurrency: as `Session`.
        first: may block or raise.
    """

    def __init__(self, concurrency: int = 2, first: Callable[[Frame], None] = lambda _: None) -> None:
        super().__init__("fake", FrameShape(4, 3), 2, concurrency)
        self.first = first
        self.closed = 0
        self.threads: set[threading.Thread] = set()

    def _run(self, frame: Frame) -> Frame:
        self.threads.add(threading.current_thread())
        self.first(frame)
        return frame.repeat(self.scale, axis=0).repeat(self.scale, axis=1)

    def _release(self) -> None:
        self.closed += 1


class FaultyEngine:
    """OpenVINO under another name whose output is changed by a fault.

    Args:
        name: of the engine.
        fault: changes each output; or an exception, with which the engine does not open.
    """

    def __init__(self, name: str, fault: Fault | Exception) -> None:
        self.name = name
        self.fault = fault
        self.sessions: list[Session] = []

    def devices(self) -> list[Device]:
        return [Device(self.name, "CPU", "a CPU", memory_gb=8)]

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:
        return None

    def open(self, device: str, request: SessionRequest) -> Session:
        if isinstance(self.fault, Exception):
            raise self.fault
        self.sessions.append(_FaultySession(self.name, OpenVinoEngine("f32").open(device, request), self.fault))
        return self.sessions[-1]


class SmallMemoryEngine(FaultyEngine):
    """OpenVINO that runs out of memory for tiles above a size.

    Args:
        most: pixels of the largest tile that works.
        when: whether a larger one fails when it is opened or when it is run.
    """

    def __init__(self, most: int, when: Literal["open", "run"]) -> None:
        super().__init__("small", lambda output: output)
        self.most = most
        self.when = when
        self.opened: list[FrameShape] = []

    def open(self, device: str, request: SessionRequest) -> Session:
        too_large = request.shape.pixels > self.most
        if too_large and self.when == "open":
            raise OutOfMemoryError("no memory to open")
        self.opened.append(request.shape)
        self.fault = _out_of_memory if too_large else lambda output: output
        return super().open(device, request)


def _out_of_memory(_: Frame) -> Frame:
    raise OutOfMemoryError("no memory to run")


class _FaultySession(Session):
    def __init__(self, name: str, inner: Session, fault: Fault) -> None:
        super().__init__(name, inner.shape, inner.scale, inner.concurrency)
        self._inner = inner
        self._fault = fault

    def _run(self, frame: Frame) -> Frame:
        return self._fault(self._inner.run(frame))

    def _release(self) -> None:
        self._inner.close()


class PlanesEngine:
    """An engine that takes YUV planes: another one between the two conversions of `frames.yuv`, in numpy.

    It has the name of the engine inside it, so that the same configuration selects it.

    Args:
        inner: gets RGB.
        fault: changes the planes of each output.
        coding: what it takes all planes for; None: what they are.
    """

    def __init__(
        self, inner: Engine, fault: PlanesFault = lambda planes: planes, coding: Yuv420 | None = None
    ) -> None:
        self.name = inner.name
        self.shapes: list[FrameShape] = []  # of the sessions that were opened
        self._inner = inner
        self._fault = fault
        self._coding = coding

    def devices(self) -> list[Device]:
        return [replace(device, planes=True) for device in self._inner.devices() if isinstance(device, Device)]

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:
        return self._inner.max_tile_pixels(device, request)

    def open(self, device: str, request: SessionRequest) -> Session:
        shape = request.shape
        self.shapes.append(shape)
        inner = self._inner.open(device, replace(request, shape=shape.rgb))
        return _PlanesSession(inner, shape, self._coding or shape.yuv, self._fault) if shape.yuv else inner


class _PlanesSession(Session):
    def __init__(self, inner: Session, shape: FrameShape, coding: Yuv420, fault: PlanesFault) -> None:
        super().__init__(inner.name, shape, inner.scale, inner.concurrency)
        self._coding = coding
        self._fault = fault
        self._inner = inner

    def _run(self, frame: Frame) -> Frame:
        rgb = self.shape.rgb
        image = yuv.to_rgb(yuv.split_planes(frame, self.shape.width, self.shape.height), self._coding)
        upscaled = self._inner.run(pixels.quantise(image, rgb.dtype))
        planes = yuv.from_rgb(upscaled.astype(np.float32) / np.float32(rgb.peak), self._coding.out)
        return yuv.join_planes(self._fault(planes))

    def _release(self) -> None:
        self._inner.close()
