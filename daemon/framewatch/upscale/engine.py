"""The contract of every engine: what devices it finds, and the sessions that it opens on them."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from framewatch.errors import EngineError
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network.network import Network

INT8 = "/int8"
"""The end of the name of a session that computes in 8 bits."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device that an engine can use on this machine."""

    usable: ClassVar[bool] = True

    engine: str
    id: str  # what `Engine.open` takes: "CPU", or the number of a GPU
    description: str  # its model, as its driver names it
    memory_gb: float  # of a GPU; for a CPU, of the machine
    note: str = ""  # how it will be used, such as its precision
    gpu: bool = False  # whether it leaves the CPU's cores to decoders and encoders
    in_flight: int = 1  # frames that it needs at once so that copies run while it computes
    planes: bool = False  # whether it takes and returns YUV 4:2:0 planes as well as RGB


@dataclass(frozen=True, slots=True)
class UnusableDevice:
    """A device that an engine sees but cannot use, or the engine itself where its runtime does not load."""

    usable: ClassVar[bool] = False

    engine: str
    description: str
    note: str  # why not


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a session is opened for."""

    network: Network
    shape: FrameShape  # of the frames that go in
    scale: int  # 2, 3 or 4
    concurrency: int = 1  # the most frames that are computed at once


class Session(ABC):
    """Upscales frames of one shape. Made by an engine; kept open from one segment to the next.

    Threads may share a session: each calls `upscale` for itself. A subclass implements `_run`, which upscales one
    frame, blocks until it is done, and is called from several threads at once.

    Args:
        name: engine and precision, such as "openvino/bf16". It is stored with finished segments.
        shape: of the frames that go in.
        scale: output pixels for an input pixel along each axis.
        concurrency: the most frames that are computed at once, and that each `upscale` has in flight.
    """

    def __init__(self, name: str, shape: FrameShape, scale: int, concurrency: int) -> None:
        self.name = name
        self.shape = shape
        self.scale = scale
        self.concurrency = max(1, concurrency)
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False
        self._computed = 0

    @abstractmethod
    def _run(self, frame: Frame) -> Frame: ...

    def _release(self) -> None:  # noqa: B027 - not every session holds something
        """Free the device's memory; called once, when no frame is in flight."""

    def run(self, frame: Frame) -> Frame:
        """Upscale one frame of `shape` to one of `shape.upscaled(scale)`.

        Raises:
            EngineError: the frame does not have the session's shape, or the engine stopped working.
            OutOfMemoryError: the device has too little memory.
        """
        if not self.shape.fits(frame):
            found = f"{frame.shape} {frame.dtype}"
            raise EngineError(
                f"a contiguous frame of {self.shape} is expected, not {found}", code="engine.wrong_frame"
            )
        output = self._run(frame)
        self._count()
        return output

    @property
    def computed(self) -> int:
        """A count that rises with each frame, and with each tile of a frame: a sign of progress, not a total."""
        return self._computed

    def _count(self) -> None:
        with self._lock:
            self._computed += 1

    def upscale(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Upscale frames in order.

        Lazy: a frame is taken from `frames` when one is asked for and fewer than `concurrency` are in flight. When
        `frames` raises, or the generator is closed, the frames in flight are finished or dropped first.

        Raises:
            EngineError: as `run`, or the session is closed.
        """
        in_flight: deque[Future[Frame]] = deque()
        try:
            for frame in frames:
                in_flight.append(self._submit(frame))
                while in_flight and (len(in_flight) >= self.concurrency or in_flight[0].done()):
                    yield in_flight.popleft().result()
            while in_flight:
                yield in_flight.popleft().result()
        finally:
            for future in in_flight:
                future.cancel()
            wait(in_flight)

    def _submit(self, frame: Frame) -> Future[Frame]:
        with self._lock:
            if self._closed:
                raise EngineError(f"the {self.name} session is closed", code="engine.closed")
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="upscale")
            return self._pool.submit(self.run, frame)

    def close(self) -> None:
        """Wait for the frames in flight, then release everything. Closing again does nothing."""
        with self._lock:
            closed, self._closed = self._closed, True
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        if not closed:
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Engine(Protocol):
    """Runs the network on one kind of device, through one runtime."""

    @property
    def name(self) -> str:
        """The engine's name, such as "openvino"."""

    def devices(self) -> Sequence[Device | UnusableDevice]:
        """Return what the engine sees on this machine; empty where there is nothing for it.

        Raises:
            EngineError: its runtime is not installed or does not load.
        """

    def max_tile_pixels(self, device: str, request: SessionRequest) -> int | None:
        """Return the largest tile, in input pixels, that fits the device's free memory; None: no limit."""

    def open(self, device: str, request: SessionRequest) -> Session:
        """Open a session for whole frames of the request's shape; for planes only where the device takes them.

        Raises:
            EngineError: the runtime or the device does not work.
            OutOfMemoryError: the device has too little memory for this shape.
        """
