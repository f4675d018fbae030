"""The real network, a small one of the same family, and real frames of the clip."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from framewatch.upscale.frames.frame import Frame
from framewatch.upscale.network import weights
from framewatch.upscale.network.network import Layer, Network

CLIP = Path(__file__).parents[2] / "data" / "bbb-320x180.mp4"


@pytest.fixture(scope="session")
def network() -> Network:
    return weights.load("esrgan-2x")


@pytest.fixture(scope="session")
def clip_frames() -> list[Frame]:
    """Two frames of the real clip, cut to 120x72 where there is something to see."""
    with av.open(str(CLIP)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [np.ascontiguousarray(frames[number][60:132, 100:220]) for number in (20, 70)]


@pytest.fixture(scope="session")
def small_network() -> Network:
    """A network of the same family, small enough for many runs: 8 features, depth 2, receptive field 4."""
    random = np.random.default_rng(1)

    def layer(inputs: int, outputs: int, prelu: bool) -> Layer:
        values = random.normal(0, 0.12, (outputs, inputs, 3, 3)).astype(np.float16).astype(np.float32)
        biases = random.normal(0, 0.02, outputs).astype(np.float32)
        return Layer(values, biases, np.full(outputs, 0.2, np.float32) if prelu else None)

    layers = (layer(3, 8, True), layer(8, 8, True), layer(8, 8, True), layer(8, 48, False))
    return Network(layers, b"".join(as_ncnn(one) for one in layers))


def as_ncnn(layer: Layer) -> bytes:
    """Return a layer as ncnn stores it."""
    values = layer.weights.astype("<f2").tobytes()
    slopes = b"" if layer.slopes is None else layer.slopes.tobytes()
    tag = (0x01306B47).to_bytes(4, "little")
    return tag + values + bytes(-len(values) % 4) + layer.biases.tobytes() + slopes
