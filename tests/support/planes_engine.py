"""An engine that takes planes of YUV: another engine between the two conversions of `upscale.yuv`, in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from framewatch.upscale.engine import Device, Engine, Session, SessionRequest
from framewatch.upscale.frames import pixels, yuv
from framewatch.upscale.frames.frame import Frame, FrameShape

Fault = Callable[[yuv.Planes], yuv.Planes]


class PlanesEngine:
    """Bears the name of the engine that it has within, so that the same configuration takes it."""

    def __init__(self, inner: Engine, fault: Fault = lambda planes: planes) -> None:
        self.name = inner.name
        self.shapes: list[FrameShape] = []  # of the sessions that were opened
        self._inner = inner
        self._fault = fault

    def devices(self) -> list[Device]:
        return [replace(device, planes=True) for device in self._inner.devices() if isinstance(device, Device)]

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:
        return self._inner.max_tile_pixels(device, request)

    def open(self, device: str, request: SessionRequest) -> Session:
        shape = request.shape
        self.shapes.append(shape)
        inner = self._inner.open(device, replace(request, shape=shape.rgb))
        return _PlanesSession(inner, shape, self._fault) if shape.yuv else inner


class _PlanesSession(Session):
    def __init__(self, inner: Session, shape: FrameShape, fault: Fault) -> None:
        super().__init__(inner.name, shape, inner.scale, inner.concurrency)
        assert shape.yuv is not None
        self._coding = shape.yuv
        self._fault = fault
        self._inner = inner

    def _run(self, frame: Frame) -> Frame:
        rgb = self.shape.rgb
        image = yuv.to_rgb(yuv.split_planes(frame, self.shape.width, self.shape.height), self._coding)
        upscaled = self._inner.run(pixels.quantise(image, rgb.dtype))
        made = yuv.from_rgb(upscaled.astype(np.float32) / np.float32(rgb.peak), self._coding.out)
        return yuv.join_planes(self._fault(made))

    def _release(self) -> None:
        self._inner.close()
