"""The real network, real frames of the clip, and engines with a fault."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from framewatch.errors import OutOfMemoryError
from framewatch.upscale.engine import Device, Session, SessionRequest
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network import weights as models
from framewatch.upscale.network.network import Layer, Network
from framewatch.upscale.openvino.engine import OpenVinoEngine

CLIP = Path(__file__).parents[2] / "data" / "bbb-320x180.mp4"


@pytest.fixture(scope="session")
def network() -> Network:
    return models.load("esrgan-2x")


@pytest.fixture(scope="session")
def clip_frames() -> list[Frame]:
    """Two frames of the real clip, cut to 120x72 where something is to be seen."""
    with av.open(str(CLIP)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [np.ascontiguousarray(frames[number][60:132, 100:220]) for number in (20, 70)]


@pytest.fixture(scope="session")
def small_network() -> Network:
    """A network of the same family, small enough for many runs: 8 features, depth 2, receptive field 4."""
    random = np.random.default_rng(1)

    def layer(inputs: int, outputs: int, prelu: bool) -> Layer:
        weights = random.normal(0, 0.12, (outputs, inputs, 3, 3)).astype(np.float16).astype(np.float32)
        biases = random.normal(0, 0.02, outputs).astype(np.float32)
        return Layer(weights, biases, np.full(outputs, 0.2, np.float32) if prelu else None)

    layers = (layer(3, 8, True), layer(8, 8, True), layer(8, 8, True), layer(8, 48, False))
    return Network(layers, b"".join(stored(one) for one in layers))


def stored(layer: Layer) -> bytes:
    """A layer as ncnn stores it."""
    weights = layer.weights.astype("<f2").tobytes()
    slopes = b"" if layer.slopes is None else layer.slopes.tobytes()
    tag = (0x01306B47).to_bytes(4, "little")
    return tag + weights + bytes(-len(weights) % 4) + layer.biases.tobytes() + slopes


class FakeSession(Session):
    """Repeats pixels, and does as it is told first; counts what is open and what is in flight."""

    def __init__(self, shape: FrameShape, scale: int, concurrency: int, first: Callable[[Frame], None]) -> None:
        super().__init__("fake", shape, scale, concurrency)
        self.first = first
        self.closed = 0
        self.threads: set[threading.Thread] = set()

    def _run(self, frame: Frame) -> Frame:
        self.threads.add(threading.current_thread())
        self.first(frame)
        return frame.repeat(self.scale, axis=0).repeat(self.scale, axis=1)

    def _release(self) -> None:
        self.closed += 1


class FaultyEngine:
    """An engine whose sessions do what `fault` makes of the right output, or that fails to open with it."""

    def __init__(self, name: str, fault: Callable[[Frame], Frame] | Exception) -> None:
        self.name = name
        self.fault = fault
        self.sessions: list[Session] = []

    def devices(self) -> list[Device]:
        return [Device(self.name, "CPU", "a CPU", memory_gb=8)]

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:
        return None

    def open(self, device: str, request: SessionRequest) -> Session:
        if isinstance(self.fault, Exception):
            raise self.fault
        inner = OpenVinoEngine("f32").open(device, request)
        self.sessions.append(_FaultySession(self.name, inner, self.fault))
        return self.sessions[-1]


class _FaultySession(Session):
    def __init__(self, name: str, inner: Session, fault: Callable[[Frame], Frame]) -> None:
        super().__init__(name, inner.shape, inner.scale, inner.concurrency)
        self.inner = inner
        self.fault = fault

    def _run(self, frame: Frame) -> Frame:
        return self.fault(self.inner.run(frame))

    def _release(self) -> None:
        self.inner.close()


class SmallMemoryEngine:
    """OpenVINO that runs out of memory for windows above `most` pixels, when opened or when run."""

    name = "small"

    def __init__(self, most: int, when: str) -> None:
        self.most = most
        self.when = when
        self.opened: list[FrameShape] = []
        self.sessions: list[Session] = []

    def devices(self) -> list[Device]:
        return [Device(self.name, "CPU", "a CPU", memory_gb=8)]

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:
        return None

    def open(self, device: str, request: SessionRequest) -> Session:
        too_large = request.shape.pixels > self.most
        if too_large and self.when == "open":
            raise OutOfMemoryError("no memory to open")
        self.opened.append(request.shape)
        inner = OpenVinoEngine("f32").open(device, request)

        def fault(output: Frame) -> Frame:
            if too_large:
                raise OutOfMemoryError("no memory to run")
            return output

        self.sessions.append(_FaultySession(self.name, inner, fault))
        return self.sessions[-1]


@pytest.fixture
def fake_session() -> Callable[..., FakeSession]:
    def make(concurrency: int = 2, first: Callable[[Frame], None] = lambda _: None) -> FakeSession:
        return FakeSession(FrameShape(4, 3), 2, concurrency, first)

    return make


@pytest.fixture
def faulty_engine() -> type[FaultyEngine]:
    return FaultyEngine


@pytest.fixture
def small_memory_engine() -> type[SmallMemoryEngine]:
    return SmallMemoryEngine
