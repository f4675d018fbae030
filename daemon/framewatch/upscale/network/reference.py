"""The network in plain numpy: slow, exact, and what every engine is compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.upscale.network.int8 import round_activations, round_weights
from framewatch.upscale.network.network import SHUFFLE, Layer, Network, Quantised
from framewatch.upscale.network.resize import resize_matrix

Image = npt.NDArray[np.floating[Any]]


def upscale(network: Network, image: Image, scale: int, dtype: type[np.floating[Any]] = np.float32) -> Image:
    """Upscale an image, without clamping the result.

    Args:
        network: what to compute, in 8 bits where it has `int8`.
        image: (height, width, 3), RGB in [0, 1].
        scale: 2, 3 or 4.
        dtype: float32 or float64, for all arithmetic.

    Returns:
        (height * scale, width * scale, 3) of `dtype`.
    """
    image = image.astype(dtype)
    values = image
    for number, layer in enumerate(network.layers):
        quantised = network.int8[number - 1] if 0 < number <= len(network.int8) else None
        values = apply_layer(values, layer, dtype, quantised)
    enlarged = image.repeat(SHUFFLE, axis=0).repeat(SHUFFLE, axis=1)
    return _resized(_shuffled(values) + enlarged, scale)


def apply_layer(
    values: Image, layer: Layer, dtype: type[np.floating[Any]], quantised: Quantised | None = None
) -> Image:
    """Apply a convolution and its PReLU, in 8 bits where `quantised` is given: (h, w, in) to (h, w, out)."""
    weights, biases = layer.weights, layer.biases
    if quantised is not None:
        values = round_activations(values, quantised).astype(dtype)
        weights, biases = round_weights(weights, quantised.scales), quantised.biases
    result = convolve(values, weights.astype(dtype), biases.astype(dtype))
    if layer.slopes is None:
        return result
    return np.where(result < 0, result * layer.slopes.astype(dtype), result)


def convolve(values: Image, weights: Image, biases: Image) -> Image:
    """Apply a 3x3 convolution that pads with one zero on each side.

    Args:
        values: (h, w, in).
        weights: (out, in, 3, 3).
        biases: (out,); their dtype is the result's.

    Returns:
        (h, w, out).
    """
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
