"""Planes of YUV 4:2:0 to RGB and back in torch's operators: what `upscale.yuv` does, on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.frames.yuv import ACROSS, COLUMNS, DOWN, ROWS, Yuv420

_WIDTH, _HEIGHT = 3, 2  # axes of (1, channels, h, w)


class TorchPlanes:
    """A `planes_network.Converter` for every device that torch knows.

    Args:
        shape: of the planes that go in.
        scale: 2, 3 or 4.
        torch: the module.
    """

    def __init__(self, shape: FrameShape, scale: int, *, torch: Any) -> None:
        if shape.yuv is None:
            raise ValueError("RGB needs no conversion")
        self._torch = torch
        self._coding: Yuv420 = shape.yuv
        self._shape = shape
        self._out = shape.upscaled(scale)
        self._bytes = 1 if shape.rgb.dtype == "uint8" else 2
        self._white = shape.rgb.peak

    def unpack(self, frame: Any, rgb: Any) -> None:
        """As `Converter.unpack`."""
        coding, (height, width) = self._coding, (self._shape.height, self._shape.width)
        with self._torch.inference_mode():
            values = self._integers(frame, 1 if self._shape.dtype == "uint8" else 2)
            luma = values[: width * height].view(1, 1, height, width).float()
            luma = (luma - coding.black) * (1 / coding.luma_range)
            chroma = values[width * height :].view(1, 2, height // 2, width // 2).float()
            chroma = self._enlarged((chroma - coding.grey) * (1 / coding.chroma_range))
            u, v = chroma[:, :1], chroma[:, 1:]
            blue, green_u, red, green_v = coding.from_chroma
            parts = [luma + red * v, luma + green_u * u + green_v * v, luma + blue * u]
            image = self._torch.cat(parts, 1).mul_(self._white)
            self._store(image[0].permute(1, 2, 0), rgb, self._white, self._bytes)

    def pack(self, rgb: Any, frame: Any) -> None:
        """As `Converter.pack`."""
        torch, shape, coding = self._torch, self._out, self._coding.out
        with torch.inference_mode():
            codes = self._integers(rgb, self._bytes).view(1, shape.height, shape.width, 3)
            image = codes.permute(0, 3, 1, 2).float().mul_(1 / self._white)
            luma = self._luma(image) * coding.luma_range + coding.black
            image = self._reduced(image)
            small = self._luma(image)
            u = (image[:, 2:] - small) * (coding.chroma_range / (2 * (1 - coding.kb))) + coding.grey
            v = (image[:, :1] - small) * (coding.chroma_range / (2 * (1 - coding.kr))) + coding.grey
            planes = torch.cat([part.reshape(-1) for part in (luma, u, v)])
            self._store(planes, frame, coding.peak, 1 if shape.dtype == "uint8" else 2)

    def close(self) -> None:
        """It holds nothing."""

    def _luma(self, image: Any) -> Any:
        kr, kb = self._coding.kr, self._coding.kb
        return image[:, :1] * kr + image[:, 1:2] * (1 - kr - kb) + image[:, 2:] * kb

    def _enlarged(self, chroma: Any) -> Any:
        odd = self._weighted(chroma, _WIDTH, ACROSS, -1)
        wide = self._torch.stack([chroma, odd], 4).flatten(3)
        rows = [self._weighted(wide, _HEIGHT, taps, first) for taps, first in zip(DOWN, (-2, -1), strict=True)]
        return self._torch.stack(rows, 3).flatten(2, 3)

    def _reduced(self, image: Any) -> Any:
        return self._weighted(self._weighted(image, _WIDTH, COLUMNS, -3, 2), _HEIGHT, ROWS, -3, 2)

    def _weighted(self, values: Any, axis: int, weights: Sequence[float], first: int, step: int = 1) -> Any:
        """As `yuv._weighted`: the edges are repeated, and then slices summed."""
        count = values.shape[axis]
        before, after = -first, len(weights) - 1 + first
        around = (before, after, 0, 0) if axis == _WIDTH else (0, 0, before, after)
        padded = self._torch.nn.functional.pad(values, around, mode="replicate")
        parts = (
            padded.narrow(axis, number, count - count % step)[(slice(None),) * axis + (slice(None, None, step),)]
            * weight
            for number, weight in enumerate(weights)
            if weight
        )
        return sum(parts)

    def _integers(self, values: Any, size: int) -> Any:
        """Values of one or two bytes; torch computes on signed integers alone."""
        return values if size == 1 else values.view(self._torch.int16).to(self._torch.int32) & 0xFFFF

    def _store(self, values: Any, to: Any, most: int, size: int) -> None:
        codes = values.nan_to_num(0.0).clamp_(0, most).round_()
        if size == 1:
            to.view(codes.shape).copy_(codes)
        else:
            to.view(self._torch.int16).view(codes.shape).copy_(codes.to(self._torch.int32))
