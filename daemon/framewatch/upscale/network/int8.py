"""The network in 8 bits: the calibrated ranges of its activations, and what they make of the weights.

Each convolution but the first and the last reads 8-bit levels with one step for all channels, and has 8-bit weights
with a step for each output channel. PReLU passes a positive factor through unchanged, so that a channel may be
divided by its scale where it is made and multiplied by it where it is read: with equal ranges, one step fits all
channels. (SmoothQuant, Xiao et al. 2023, does the same for transformers.)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from framewatch.errors import ModelMissingError
from framewatch.upscale.network.network import Floats, Layer, Quantised

LEVELS = 256  # of an activation
MAX_WEIGHT = 127  # the largest level of a weight; -128 is not used, so that the levels are symmetric


def parse(raw: bytes, name: str, features: int, convolutions: int) -> tuple[Quantised, ...]:
    """Parse a calibration file of `python -m benchmarks.calibrate`: JSON, an entry for each middle convolution.

    Args:
        raw: the whole file.
        name: what to call it in a message.
        features: channels between the layers.
        convolutions: between the first and the last.

    Raises:
        ModelMissingError: `models.corrupt`: not such a file, or another network's.
    """
    try:
        found = tuple(_entry(entry, features) for entry in json.loads(raw)["layers"])
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise _corrupt(name, str(error)) from error
    if len(found) != convolutions:
        raise _corrupt(name, f"it has {len(found)} convolutions, not {convolutions}")
    return found


def _entry(entry: dict[str, Any], features: int) -> Quantised:
    scales, biases = (np.array(entry[key], np.float32) for key in ("scales", "biases"))
    step, zero = float(entry["step"]), int(entry["zero"])
    finite = scales.shape == biases.shape == (features,) and np.isfinite(biases).all() and np.isfinite(scales).all()
    if not (finite and scales.min() > 0 and 0 < step < float("inf") and 0 <= zero < LEVELS):
        raise ValueError("an entry is out of range")
    return Quantised(scales, step, zero, biases)


def _corrupt(name: str, what: str) -> ModelMissingError:
    hint = "reinstall framewatch, or set precision to exact"
    return ModelMissingError(f"{name} is not a calibration of this network: {what}", code="models.corrupt", hint=hint)


def channel_scaled(layers: tuple[Layer, ...], quantised: tuple[Quantised, ...]) -> Iterator[Layer]:
    """Yield the layers with each channel divided by its scale where it is made and multiplied where it is read.

    In exact arithmetic they compute the same as before, except for the corrected biases.
    """
    for number, layer in enumerate(layers):
        middle = 0 < number <= len(quantised)
        weights, biases = layer.weights, layer.biases
        if middle:
            weights, biases = weights * quantised[number - 1].scales[:, None, None], quantised[number - 1].biases
        if number < len(quantised):
            made = quantised[number].scales
            weights, biases = weights / made[:, None, None, None], biases / made
        yield Layer(weights, biases, layer.slopes)


def round_activations(values: Any, one: Quantised) -> Floats:
    """Round (..., in) floats to 8 bits, as floats again."""
    steps: Floats = one.scales * np.float32(one.step)
    levels = np.clip(np.rint(values / steps) + one.zero, 0, LEVELS - 1)
    rounded: Floats = (levels - one.zero).astype(np.float32) * steps
    return rounded


def weight_steps(weights: Floats) -> Floats:
    """Return (out,), the step of each output channel, for weights of (out, in, 3, 3)."""
    most: Floats = np.maximum(np.abs(weights).max((1, 2, 3)), np.float32(1e-12))
    return most / np.float32(MAX_WEIGHT)


def round_weights(weights: Floats, scales: Floats) -> Floats:
    """Round (out, in, 3, 3) floats to 8 bits, as floats again, for inputs divided by (in,) scales."""
    read = weights * scales[:, None, None]
    steps = weight_steps(read)[:, None, None, None]
    rounded: Floats = (np.rint(read / steps) * steps / scales[:, None, None]).astype(np.float32)
    return rounded
