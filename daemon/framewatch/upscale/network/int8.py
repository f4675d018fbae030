"""The network in 8 bits: what is known of its activations from calibration, and what that makes of the weights.

Each convolution but the first and the last reads 8-bit codes with one step for all channels, and has 8-bit weights
with a step for each output channel. PReLU lets a positive factor through unchanged, so a channel may be divided by
its scale where it is made and multiplied by it where it is read: with like ranges, one step fits all channels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from framewatch.errors import ModelMissingError
from framewatch.upscale.network.network import Floats, Layer, Quantised

CODES = 256  # of an activation
MOST_WEIGHT = 127  # a weight's largest code; -128 is not used, so that it has no sign of its own


def parse(raw: bytes, name: str, features: int, convolutions: int) -> tuple[Quantised, ...]:
    """Read a calibration file, made by `python -m benchmarks.calibrate`: JSON, an entry for each middle convolution.

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
    sound = scales.shape == biases.shape == (features,) and np.isfinite(biases).all() and np.isfinite(scales).all()
    if not (sound and scales.min() > 0 and 0 < step < float("inf") and 0 <= zero < CODES):
        raise ValueError("an entry that is out of range")
    return Quantised(scales, step, zero, biases)


def _corrupt(name: str, what: str) -> ModelMissingError:
    hint = "install framewatch anew, or set precision to exact"
    return ModelMissingError(f"{name} is no calibration of this network: {what}", code="models.corrupt", hint=hint)


def scaled(layers: tuple[Layer, ...], quantised: tuple[Quantised, ...]) -> Iterator[Layer]:
    """The layers with each channel divided by its scale where it is made and multiplied by it where it is read.

    In exact arithmetic they compute the same as before, but for the corrected biases.
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


def fake_quantised(values: Any, one: Quantised) -> Floats:
    """(..., in) floats as 8 bits would give them back."""
    steps: Floats = one.scales * np.float32(one.step)
    codes = np.clip(np.rint(values / steps) + one.zero, 0, CODES - 1)
    found: Floats = (codes - one.zero).astype(np.float32) * steps
    return found


def weight_steps(weights: Floats) -> Floats:
    """(out,): the step of each output channel, for weights of (out, in, 3, 3)."""
    most: Floats = np.maximum(np.abs(weights).max((1, 2, 3)), np.float32(1e-12))
    return most / np.float32(MOST_WEIGHT)


def fake_quantised_weights(weights: Floats, scales: Floats) -> Floats:
    """(out, in, 3, 3) floats as 8 bits would give them back, for inputs divided by (in,) scales."""
    read = weights * scales[:, None, None]
    steps = weight_steps(read)[:, None, None, None]
    found: Floats = (np.rint(read / steps) * steps / scales[:, None, None]).astype(np.float32)
    return found
