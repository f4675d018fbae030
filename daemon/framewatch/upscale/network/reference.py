"""The network in plain numpy: slow, exact, and what every engine is compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.upscale.network.int8 import fake_quantised, fake_quantised_weights
from framewatch.upscale.network.network import SHUFFLE, Layer, Network, Quantised
from framewatch.upscale.network.resize import resize_matrix

Image = npt.NDArray[np.floating[Any]]


def upscale(network: Network, image: Image, scale: int, dtype: type[np.floating[Any]] = np.float32) -> Image:
    """Upscale an image, not clamped.

    Args:
        network: its layers are used, in 8 bits where it says so.
        image: (height, width, 3), RGB in [0, 1].
        scale: 2, 3 or 4.
        dtype: what is computed in, float32 or float64.

    Returns:
        (height * scale, width * scale, 3) of `dtype`.
    """
    image = image.astype(dtype)
    values = image
    for number, layer in enumerate(network.layers):
        known = network.int8[number - 1] if 0 < number <= len(network.int8) else None
        values = _layer(values, layer, dtype, known)
    enlarged = image.repeat(SHUFFLE, axis=0).repeat(SHUFFLE, axis=1)
    return _resized(_shuffled(values) + enlarged, scale)


def _layer(values: Image, layer: Layer, dtype: type[np.floating[Any]], known: Quantised | None = None) -> Image:
    """A convolution and its PReLU; with `known`, in 8 bits."""
    weights, biases = layer.weights, layer.biases
    if known is not None:
        values = fake_quantised(values, known).astype(dtype)
        weights, biases = fake_quantised_weights(weights, known.scales), known.biases
    result = convolved(values, weights.astype(dtype), biases.astype(dtype))
    if layer.slopes is None:
        return result
    return np.where(result < 0, result * layer.slopes.astype(dtype), result)


def convolved(values: Image, weights: Image, biases: Image) -> Image:
    """A 3x3 convolution, padded with one zero on each side: (h, w, in) to (h, w, out), in the dtype of `biases`."""
    height, width, _ = values.shape
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    result = np.broadcast_to(biases, (height, width, biases.size)).copy()
    for row in range(3):
        for column in range(3):
            window = padded[row : row + height, column : column + width]
            result += window @ weights[:, :, row, column].T
    return result


def _shuffled(values: Image) -> Image:
    """Pixel shuffle: channel (colour, row, column) to a 4x4 block of each pixel."""
    height, width, _ = values.shape
    blocks = values.reshape(height, width, 3, SHUFFLE, SHUFFLE).transpose(0, 3, 1, 4, 2)
    return blocks.reshape(height * SHUFFLE, width * SHUFFLE, 3)


def _resized(image: Image, scale: int) -> Image:
    if scale == SHUFFLE:
        return image
    height, width, _ = image.shape
    rows = resize_matrix(height, height * scale // SHUFFLE).astype(image.dtype)
    columns = resize_matrix(width, width * scale // SHUFFLE).astype(image.dtype)
    resized: Image = np.einsum("ry,yxc,kx->rkc", rows, image, columns, optimize=True)
    return resized
