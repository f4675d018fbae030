"""The network in torch's own operators: for every GPU that torch was built for."""

from __future__ import annotations

from typing import Any, Literal

from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.network.network import SHUFFLE, Network

Precision = Literal["f16", "f32"]


class TorchNetwork:
    """The network on one device, for frames of one shape.

    Args:
        network: what to compute.
        shape: of the frames.
        scale: 2, 3 or 4.
        torch: the module.
        device: a torch device.
        precision: of the convolutions; input, residual and resize are float32 in both.

    Raises:
        torch.OutOfMemoryError: the device has too little memory.
    """

    def __init__(
        self, network: Network, shape: FrameShape, scale: int, *, torch: Any, device: Any, precision: Precision
    ) -> None:
        self.name: str = precision
        self._torch = torch
        self._dtype = torch.float16 if precision == "f16" else torch.float32
        self._shape = shape
        self._scale = scale
        self._layers = []
        for layer in network.layers:
            weights = self._tensor(layer.weights, device).to(memory_format=torch.channels_last)
            slopes = None if layer.slopes is None else self._tensor(layer.slopes, device)
            self._layers.append((weights, self._tensor(layer.biases, device), slopes))

    def run(self, frame: Any, out: Any) -> None:
        """Queue one frame, as `CudaNetwork.run`."""
        torch = self._torch
        with torch.inference_mode():
            image = self._image(frame)
            values = self.layered(image.to(self._dtype, memory_format=torch.channels_last))
            summed = torch.pixel_shuffle(values, SHUFFLE).float()
            summed += torch.nn.functional.interpolate(image, scale_factor=SHUFFLE, mode="nearest")
            self._write(self._resized(summed), out)

    def layered(self, values: Any) -> Any:
        """The convolutions: (1, 3, h, w) to (1, 48, h, w)."""
        for weights, biases, slopes in self._layers:
            values = self._torch.conv2d(values, weights, biases, padding=1)
            values = values if slopes is None else self._torch.prelu(values, slopes)
        return values

    def close(self) -> None:
        """Give the memory back."""
        self._layers.clear()

    def _tensor(self, values: Any, device: Any) -> Any:
        return self._torch.from_numpy(values.copy()).to(device, self._dtype)

    def _image(self, frame: Any) -> Any:
        """(1, 3, h, w) float32 in [0, 1]."""
        shape = self._shape
        if shape.dtype == "uint16":  # torch computes on signed integers alone
            frame = frame.view(self._torch.int16).to(self._torch.int32) & 0xFFFF
        image = frame.view(1, shape.height, shape.width, 3).permute(0, 3, 1, 2)
        return image.float() * (1 / shape.peak)

    def _resized(self, summed: Any) -> Any:
        if self._scale == SHUFFLE:
            return summed
        size = self._shape.height * self._scale, self._shape.width * self._scale
        return self._torch.nn.functional.interpolate(summed, size=size, mode="bicubic", align_corners=False)

    def _write(self, image: Any, out: Any) -> None:
        codes = image.mul_(self._shape.peak).nan_to_num_(0.0).clamp_(0, self._shape.peak).round_()
        interleaved = codes[0].permute(1, 2, 0)
        if self._shape.dtype == "uint16":
            out.view(self._torch.int16).view(interleaved.shape).copy_(interleaved.to(self._torch.int32))
        else:
            out.view(interleaved.shape).copy_(interleaved)
