"""YUV planes on a device: converted to RGB before the network, and back after it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Protocol

from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.frames.yuv import DOWNSAMPLE_FIRST, UPSAMPLE_FIRST, Yuv420, downsample_taps, upsample_taps
from framewatch.upscale.torch.network import DeviceNetwork
from framewatch.upscale.torch.runtime import TorchDevice

_WIDTH, _HEIGHT = 3, 2  # axes of (1, channels, h, w)


class Converter(Protocol):
    """The two conversions on a device, between uint8 tensors with the bytes of frames."""

    def unpack(self, frame: Any, rgb: Any) -> None:
        """Queue the conversion of an input frame's planes to RGB on torch's current stream."""

    def pack(self, rgb: Any, frame: Any) -> None:
        """Queue the conversion of RGB to an output frame's planes."""

    def close(self) -> None:
        """Free what it holds; nothing may be queued any more."""


class PlanesNetwork:
    """A network on RGB between two conversions. Its buffers serve one frame at a time.

    Args:
        inner: for `shape.rgb`; closed with this one.
        converter: for `shape`; closed likewise. Both are also closed where there is too little memory.
        shape: of the planes that go in.
        scale: 2, 3 or 4.
        on: the device.

    Raises:
        torch.OutOfMemoryError: the device has too little memory.
    """

    def __init__(
        self, inner: DeviceNetwork, converter: Converter, shape: FrameShape, scale: int, on: TorchDevice
    ) -> None:
        self.name = inner.name
        self._inner = inner
        self._converter = converter
        self._rgb: list[Any] = []
        sizes = shape.rgb.bytes, shape.rgb.upscaled(scale).bytes
        with ExitStack() as undo:
            undo.callback(self.close)
            self._rgb += [on.torch.empty(size, dtype=on.torch.uint8, device=on.device) for size in sizes]
            undo.pop_all()

    def run(self, frame: Any, out: Any) -> None:
        """As `DeviceNetwork.run`."""
        small, large = self._rgb
        self._converter.unpack(frame, small)
        self._inner.run(small, large)
        self._converter.pack(large, out)

    def close(self) -> None:
        """As `DeviceNetwork.close`."""
        self._rgb.clear()
        self._converter.close()
        self._inner.close()


class TorchPlanes:
    """The conversions of `frames.yuv` in torch's operators, for every device that torch knows.

    Args:
        shape: of the planes that go in.
        scale: 2, 3 or 4.
        torch: the module.

    Raises:
        ValueError: the shape is RGB.
    """

    def __init__(self, shape: FrameShape, scale: int, torch: Any) -> None:
        if shape.yuv is None:
            raise ValueError("RGB needs no conversion")
        self._torch = torch
        self._coding: Yuv420 = shape.yuv
        self._shape = shape
        self._output_shape = shape.upscaled(scale)
        self._rgb_bytes = 1 if shape.rgb.dtype == "uint8" else 2
        self._white = shape.rgb.peak

    def unpack(self, frame: Any, rgb: Any) -> None:
        """As `Converter.unpack`."""
        coding, (height, width) = self._coding, (self._shape.height, self._shape.width)
        with self._torch.inference_mode():
            samples = self._integers(frame, 1 if self._shape.dtype == "uint8" else 2)
            luma = samples[: width * height].view(1, 1, height, width).float()
            luma = (luma - coding.black) * (1 / coding.luma_range)
            chroma = samples[width * height :].view(1, 2, height // 2, width // 2).float()
            chroma = self._upsampled((chroma - coding.grey) * (1 / coding.chroma_range))
            u, v = chroma[:, :1], chroma[:, 1:]
            blue, green_u, red, green_v = coding.from_chroma
            channels = [luma + red * v, luma + green_u * u + green_v * v, luma + blue * u]
            image = self._torch.cat(channels, 1).mul_(self._white)
            self._store(image[0].permute(1, 2, 0), rgb, self._white, self._rgb_bytes)

    def pack(self, rgb: Any, frame: Any) -> None:
        """As `Converter.pack`."""
        torch, shape, coding = self._torch, self._output_shape, self._coding.out
        with torch.inference_mode():
            samples = self._integers(rgb, self._rgb_bytes).view(1, shape.height, shape.width, 3)
            image = samples.permute(0, 3, 1, 2).float().mul_(1 / self._white)
            luma = self._luma(image) * coding.luma_range + coding.black
            image = self._downsampled(image)
            small = self._luma(image)
            u = (image[:, 2:] - small) * (coding.chroma_range / (2 * (1 - coding.kb))) + coding.grey
            v = (image[:, :1] - small) * (coding.chroma_range / (2 * (1 - coding.kr))) + coding.grey
            planes = torch.cat([plane.reshape(-1) for plane in (luma, u, v)])
            self._store(planes, frame, coding.peak, 1 if shape.dtype == "uint8" else 2)

    def close(self) -> None:
        """As `Converter.close`; it holds nothing."""

    def _luma(self, image: Any) -> Any:
        kr, kb = self._coding.kr, self._coding.kb
        return image[:, :1] * kr + image[:, 1:2] * (1 - kr - kb) + image[:, 2:] * kb

    def _upsampled(self, chroma: Any) -> Any:
        across, down = self._coding.position
        return self._doubled(self._doubled(chroma, _WIDTH, across), _HEIGHT, down)

    def _doubled(self, chroma: Any, axis: int, position: float) -> Any:
        pairs = zip(upsample_taps(position), UPSAMPLE_FIRST, strict=True)
        parts = [self._filtered(chroma, axis, taps, first) for taps, first in pairs]
        return self._torch.stack(parts, axis + 1).flatten(axis, axis + 1)

    def _downsampled(self, image: Any) -> Any:
        across, down = map(downsample_taps, self._coding.out.position)
        narrow = self._filtered(image, _WIDTH, across, DOWNSAMPLE_FIRST, 2)
        return self._filtered(narrow, _HEIGHT, down, DOWNSAMPLE_FIRST, 2)

    def _filtered(self, values: Any, axis: int, weights: Sequence[float], first: int, step: int = 1) -> Any:
        """As `yuv._filtered`: the edges are repeated, and then slices added."""
        if step == 1 and sorted(weights)[-2:] == [0, 1]:  # the sample itself
            return values
        count = values.shape[axis]
        before, after = -first, len(weights) - 1 + first
        around = (before, after, 0, 0) if axis == _WIDTH else (0, 0, before, after)
        padded = self._torch.nn.functional.pad(values, around, mode="replicate")
        terms = (
            padded.narrow(axis, number, count - count % step)[(slice(None),) * axis + (slice(None, None, step),)]
            * weight
            for number, weight in enumerate(weights)
            if weight
        )
        return sum(terms)

    def _integers(self, values: Any, size: int) -> Any:
        """Return samples of one or two bytes as integers; torch has no arithmetic on uint16."""
        return values if size == 1 else values.view(self._torch.int16).to(self._torch.int32) & 0xFFFF

    def _store(self, values: Any, to: Any, most: int, size: int) -> None:
        rounded = values.nan_to_num(0.0).clamp_(0, most).round_()
        if size == 1:
            to.view(rounded.shape).copy_(rounded)
        else:
            to.view(self._torch.int16).view(rounded.shape).copy_(rounded.to(self._torch.int32))
