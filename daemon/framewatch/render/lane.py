"""One segment's way from source frames to encoded piece, as three stages that run side by side.

    decode thread -> channel(load) -> engine (proc frames in flight) -> channel(save) -> encode thread

The channels are bounded, so wall time is that of the slowest stage and memory does not grow with the length of the
video. A frame that is shown several times is decoded and upscaled once and written as often as it is shown; so is one
that is followed by frames with the very same pixels.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from framewatch.domain import StageName
from framewatch.errors import CancelledError
from framewatch.render.channel import Channel, ChannelClosedError
from framewatch.render.tasks import Sizing
from framewatch.upscale.frames.frame import Frame

_APART = 4099  # values between those that are compared first; a prime, so that they are not of one column


class FrameSink(Protocol):
    """What takes the finished frames: the running encoder."""

    def write(self, frame: Frame) -> None:
        """Take one frame."""

    def finish(self) -> None:
        """End the stream and wait until everything is encoded; raises when it was not."""

    def abort(self) -> None:
        """Stop at once and leave nothing running."""


@dataclass(frozen=True)
class TimedFrame:
    """A decoded picture and how many output frames show it."""

    pixels: Frame
    repeat: int

    def shows(self, other: TimedFrame) -> bool:
        """Whether the other is the same picture; most that are not differ at a few places already."""
        one, two = self.pixels, other.pixels
        if one.shape != two.shape or not np.array_equal(one.reshape(-1)[::_APART], two.reshape(-1)[::_APART]):
            return False
        return np.array_equal(one, two)


def merged(frames: Iterable[TimedFrame]) -> Iterator[TimedFrame]:
    """The same pictures; one that comes again right after itself, as drawn animation has them, only once."""
    waiting: TimedFrame | None = None
    for frame in frames:
        if waiting is not None and waiting.shows(frame):
            waiting = replace(waiting, repeat=waiting.repeat + frame.repeat)
            continue
        if waiting is not None:
            yield waiting
        waiting = frame
    if waiting is not None:
        yield waiting


Upscale = Callable[[Iterable[Frame]], Iterator[Frame]]


@dataclass
class Meter:
    """What the stages have done so far; written by one thread each, read by the reporter."""

    decoded: int = 0  # output frames whose source is decoded
    upscaled: int = 0
    encoded: int = 0
    distinct: int = 0  # source frames that were upscaled
    busy: dict[StageName, float] = field(default_factory=dict)  # seconds each stage was at work, waits left out

    @contextmanager
    def working(self, stage: StageName) -> Iterator[None]:
        """Counts the time inside as work of `stage`."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.busy[stage] = self.busy.get(stage, 0.0) + time.monotonic() - begun

    @property
    def stage(self) -> StageName:
        """The stage to show: the last that has begun."""
        if self.encoded:
            return "encode"
        return "upscale" if self.decoded else "decode"


class Lane:
    """Runs the three stages over one segment."""

    def __init__(
        self,
        frames: Iterable[TimedFrame],
        upscale: Upscale,
        sink: FrameSink,
        sizing: Sizing,
        on_decoded: Callable[[], None] = lambda: None,
    ) -> None:
        """`frames` are decoded lazily, `upscale` keeps the order, `sink` is the encoder.

        `on_decoded` is called, from a thread, as soon as no frame is to be decoded any more.
        """
        self.meter = Meter()
        self._on_decoded = on_decoded
        self._aborted = False
        self._frames = merged(frames)
        self._upscale = upscale
        self._sink = sink
        self._loaded: Channel[TimedFrame] = Channel(sizing.load)
        self._upscaled: Channel[TimedFrame] = Channel(sizing.save)
        self._repeats: deque[int] = deque()

    def run(self) -> None:
        """Work until the last frame is encoded.

        Raises:
            FramewatchError: what the first stage to fail failed with; the other stages have ended by then, and the
                encoder has been stopped.
            CancelledError: it was aborted.
        """
        stages = [
            threading.Thread(target=self._decode, name="decode", daemon=True),
            threading.Thread(target=self._enlarge, name="upscale", daemon=True),
        ]
        for stage in stages:
            stage.start()
        try:
            self._encode()
        except BaseException:
            self._sink.abort()
            raise
        finally:
            self._upscaled.abandon()
            self._loaded.abandon()
            for stage in stages:
                stage.join()

    def abort(self) -> None:
        """Stop at once; from any thread."""
        self._aborted = True
        self._loaded.abandon()
        self._upscaled.abandon()
        self._sink.abort()

    def _decode(self) -> None:
        try:
            self._load()
        finally:
            self._on_decoded()

    def _load(self) -> None:
        with _feeding(self._loaded):
            frames = iter(self._frames)
            while True:
                with self.meter.working("decode"):
                    frame = next(frames, None)
                if frame is None:
                    return
                self._loaded.put(frame)
                self.meter.decoded += frame.repeat

    def _enlarge(self) -> None:
        with _feeding(self._upscaled):
            begun = time.monotonic()
            waited = _Waits()
            for pixels in self._upscale(waited.over(self._engine_input())):
                frame = TimedFrame(pixels, self._repeats.popleft())
                self.meter.distinct += 1
                self.meter.upscaled += frame.repeat
                with waited:
                    self._upscaled.put(frame)
                self.meter.busy["upscale"] = time.monotonic() - begun - waited.seconds

    def _engine_input(self) -> Iterator[Frame]:
        for frame in self._loaded:
            self._repeats.append(frame.repeat)
            yield frame.pixels

    def _encode(self) -> None:
        for frame in self._upscaled:
            with self.meter.working("encode"):
                for _ in range(frame.repeat):
                    self._sink.write(frame.pixels)
                    self.meter.encoded += 1
        if self._aborted:
            raise CancelledError("the work was stopped")
        with self.meter.working("encode"):
            self._sink.finish()


class _Waits:
    """Adds up the time that a stage spends waiting for its neighbours."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begun = 0.0

    def __enter__(self) -> None:
        self._begun = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.monotonic() - self._begun

    def over(self, items: Iterator[Frame]) -> Iterator[Frame]:
        """The same items; the time until each arrives is counted."""
        while True:
            with self:
                item = next(items, None)
            if item is None:
                return
            yield item


@contextmanager
def _feeding(channel: Channel[TimedFrame]) -> Iterator[None]:
    """Ends `channel` as the stage ends: with its failure, or because the consumer left, or finished."""
    try:
        yield
    except ChannelClosedError:
        channel.finish()
    except BaseException as error:  # noqa: BLE001 - a thread's boundary: the consumer raises it again
        channel.fail(error)
    else:
        channel.finish()
