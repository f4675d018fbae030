"""What every engine promises: a frame, its shape, a device, an engine, and a session that upscales frames."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol, Self

from framewatch.errors import EngineError
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network.network import Network

"""uint8 or uint16, C-contiguous. RGB: (height, width, 3), full range: 0..255 or 0..65535. Planes of YUV 4:2:0:
(height * 3 / 2, width), first all of Y, then U, then V, as ffmpeg's yuv420p and yuv420p10le lie in a pipe."""


INT8 = "/int8"
"""How the name of a session ends that computes in 8 bits."""


@dataclass(frozen=True, slots=True)
class Device:
    """Something that an engine can run on here, or the reason why it cannot."""

    engine: str
    id: str  # what `Engine.open` takes: "CPU", a Vulkan device's number; "" where there is none
    description: str = ""
    usable: bool = True
    note: str = ""  # why it is not usable, or what it will be run with
    memory_gb: float = 0.0  # of a GPU; for a processor, of the machine
    gpu: bool = False  # it leaves the processor's cores to decoders and encoders
    in_flight: int = 1  # frames that it wants at once, so that copies run beside the computation
    planes: bool = False  # it takes and gives planes of YUV 4:2:0 as well as RGB


class Session(ABC):
    """Upscales frames of one shape. Made by an engine; kept open from one segment to the next.

    Threads may share a session: each calls `upscale` for itself. A subclass gives `_run`, which upscales one
    frame, blocks until it is done, and is called from several threads at once.

    Args:
        name: engine and precision, such as "openvino/bf16"; part of what a finished segment is known by.
        shape: of the frames that go in.
        scale: output pixels for an input pixel along each axis.
        concurrency: most frames that are computed at once, and that each `upscale` has in flight.
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
        """Give the device's memory back; called once, when no frame is in flight."""

    def run(self, frame: Frame) -> Frame:
        """Upscale one frame of `shape` to one of `shape.upscaled(scale)`.

        Raises:
            EngineError: the frame is not of the session's shape, or the engine stopped working.
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
        """How much was computed so far: rises with each frame, and within a frame that is cut into windows."""
        return self._computed

    def _count(self) -> None:
        with self._lock:
            self._computed += 1

    def upscale(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Upscale frames in order.

        Lazy: a frame is taken from `frames` when one is asked for and fewer than `concurrency` are in flight.
        When `frames` raises, or the generator is closed, the frames in flight are finished or dropped first.

        Raises:
            EngineError: as `run`, or the session is closed.
        """
        flying: deque[Future[Frame]] = deque()
        try:
            for frame in frames:
                flying.append(self._submit(frame))
                while flying and (len(flying) >= self.concurrency or flying[0].done()):
                    yield flying.popleft().result()
            while flying:
                yield flying.popleft().result()
        finally:
            for future in flying:
                future.cancel()
            wait(flying)

    def _submit(self, frame: Frame) -> Future[Frame]:
        with self._lock:
            if self._closed:
                raise EngineError(f"the {self.name} session is closed", code="engine.closed")
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="upscale")
            return self._pool.submit(self.run, frame)

    def close(self) -> None:
        """Wait for the frames in flight, then give everything back. Closing again does nothing."""
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
    """Runs the network on a kind of device, by way of one runtime."""

    @property
    def name(self) -> str:
        """The engine's name, such as "openvino"."""

    def devices(self) -> list[Device]:
        """What it sees here; empty where there is nothing for it.

        Raises:
            EngineError: its runtime is not installed or does not load.
        """

    def most_pixels(self, device: str, network: Network, scale: int, concurrency: int) -> int | None:
        """The largest window, in input pixels, that fits the device's memory now; None: no limit."""

    def open(self, network: Network, device: str, shape: FrameShape, scale: int, concurrency: int) -> Session:
        """A session for whole frames of `shape`; planes only where the device says that it takes them.

        Raises:
            EngineError: the runtime or the device does not work.
            OutOfMemoryError: the device has too little memory for this shape.
        """
