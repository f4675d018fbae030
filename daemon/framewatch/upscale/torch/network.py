"""The network in torch's own operators, for every GPU that torch was built for."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from framewatch.upscale.engine import SessionRequest
from framewatch.upscale.network.network import SHUFFLE
from framewatch.upscale.torch.runtime import TorchDevice

Precision = Literal["f16", "f32"]


class DeviceNetwork(Protocol):
    """The network on a device. Frames are uint8 tensors there, with the bytes of a session's frames."""

    name: str  # of the precision

    def run(self, frame: Any, out: Any) -> None:
        """Queue one frame on torch's current stream.

        Args:
            frame: a uint8 tensor with the bytes of a frame of the session's shape.
            out: one for those of the upscaled frame; overwritten.
        """

    def close(self) -> None:
        """Free the memory; nothing may be queued any more."""


class TorchNetwork:
    """The network on one device, for RGB frames of one shape.

    Args:
        request: for RGB.
        on: the device.
        precision: of the convolutions; input, residual and resize are float32 in both.

    Raises:
        torch.OutOfMemoryError: the device has too little memory.
    """

    def __init__(self, request: SessionRequest, on: TorchDevice, precision: Precision) -> None:
        torch = on.torch
        self.name: str = precision
        self._torch = torch
        self._dtype = torch.float16 if precision == "f16" else torch.float32
        self._shape = request.shape
        self._scale = request.scale
        self._layers = []
        for layer in request.network.layers:
            weights = self._tensor(layer.weights, on.device).to(memory_format=torch.channels_last)
            slopes = None if layer.slopes is None else self._tensor(layer.slopes, on.device)
            self._layers.append((weights, self._tensor(layer.biases, on.device), slopes))

    def run(self, frame: Any, out: Any) -> None:
        """As `DeviceNetwork.run`."""
        torch = self._torch
        with torch.inference_mode():
            image = self._image(frame)
            features = self.convolve(image.to(self._dtype, memory_format=torch.channels_last))
            upscaled = torch.pixel_shuffle(features, SHUFFLE).float()
            upscaled += torch.nn.functional.interpolate(image, scale_factor=SHUFFLE, mode="nearest")
            self._write(self._resized(upscaled), out)

    def convolve(self, values: Any) -> Any:
        """Apply all convolutions and PReLUs: (1, 3, h, w) to (1, 48, h, w)."""
        for weights, biases, slopes in self._layers:
            values = self._torch.conv2d(values, weights, biases, padding=1)
            values = values if slopes is None else self._torch.prelu(values, slopes)
        return values

    def close(self) -> None:
        """As `DeviceNetwork.close`."""
        self._layers.clear()

    def _tensor(self, values: Any, device: Any) -> Any:
        return self._torch.from_numpy(values.copy()).to(device, self._dtype)

    def _image(self, frame: Any) -> Any:
        """Return (1, 3, h, w) float32 in [0, 1]."""
        shape = self._shape
        if shape.dtype == "uint16":  # torch has no arithmetic on unsigned integers of 16 bits
            frame = frame.view(self._torch.int16).to(self._torch.int32) & 0xFFFF
        image = frame.view(1, shape.height, shape.width, 3).permute(0, 3, 1, 2)
        return image.float() * (1 / shape.peak)

    def _resized(self, upscaled: Any) -> Any:
        """Resize the 4x output to the scale; torch's bicubic filter is the one of `network.resize`."""
        if self._scale == SHUFFLE:
            return upscaled
        size = self._shape.height * self._scale, self._shape.width * self._scale
        return self._torch.nn.functional.interpolate(upscaled, size=size, mode="bicubic", align_corners=False)

    def _write(self, image: Any, out: Any) -> None:
        values = image.mul_(self._shape.peak).nan_to_num_(0.0).clamp_(0, self._shape.peak).round_()
        interleaved = values[0].permute(1, 2, 0)
        if self._shape.dtype == "uint16":
            out.view(self._torch.int16).view(interleaved.shape).copy_(interleaved.to(self._torch.int32))
        else:
            out.view(interleaved.shape).copy_(interleaved)
