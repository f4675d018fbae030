"""The network for planes of YUV: they become RGB on the device before it, and the RGB planes after it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Protocol

from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.torch.graph_session import DeviceNetwork


class Converter(Protocol):
    """The two conversions on a device, between uint8 tensors with the bytes of frames."""

    def unpack(self, frame: Any, rgb: Any) -> None:
        """Queue planes to RGB, of a session's input, on torch's current stream."""

    def pack(self, rgb: Any, frame: Any) -> None:
        """Queue RGB to planes, of a session's output."""

    def close(self) -> None:
        """Give back what it holds; nothing may be queued any more."""


class PlanesNetwork:
    """A network on RGB between two conversions. Its buffers serve one frame at a time.

    Args:
        inner: for `shape.rgb`; closed with this one.
        converter: for `shape`; likewise. Both are closed, too, where the memory is not there.
        shape: of the planes that go in.
        scale: 2, 3 or 4.
        torch: the module.
        device: a torch device.

    Raises:
        torch.OutOfMemoryError: the device has too little memory.
    """

    def __init__(
        self, inner: DeviceNetwork, converter: Converter, *, shape: FrameShape, scale: int, torch: Any, device: Any
    ) -> None:
        self.name = inner.name
        self._inner = inner
        self._converter = converter
        self._rgb: list[Any] = []
        sizes = shape.rgb.bytes, shape.rgb.upscaled(scale).bytes
        with ExitStack() as undo:
            undo.callback(self.close)
            self._rgb += [torch.empty(size, dtype=torch.uint8, device=device) for size in sizes]
            undo.pop_all()

    def run(self, frame: Any, out: Any) -> None:
        """Queue one frame, as `DeviceNetwork.run`."""
        small, large = self._rgb
        self._converter.unpack(frame, small)
        self._inner.run(small, large)
        self._converter.pack(large, out)

    def close(self) -> None:
        """Give the memory back; nothing may be queued any more."""
        self._rgb.clear()
        self._converter.close()
        self._inner.close()
