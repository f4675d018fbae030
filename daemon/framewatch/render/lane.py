"""A lane: decode, upscale and encode one segment, as three stages that run side by side.

    decode thread -> channel(load) -> engine (proc frames in flight) -> channel(save) -> encode thread

The channels are bounded, so the slowest stage sets the wall time, and memory does not grow with the video's length. A
frame that is shown several times is decoded and upscaled once, and written as often as it is shown. The same holds
for a frame that is followed by frames with exactly the same pixels.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np

from framewatch.domain import StageName
from framewatch.errors import CancelledError
from framewatch.render.channel import Channel, ChannelClosedError
from framewatch.render.tasks import Sizing
from framewatch.upscale.frames.frame import Frame

_SAMPLE_STRIDE = 4099  # values between those that are compared first; a prime, so that they share no column


class FrameSink(Protocol):
    """Takes the finished frames: the running encoder."""

    def write(self, frame: Frame) -> None:
        """Take one frame."""

    def finish(self) -> None:
        """End the stream and wait until everything is encoded.

        Raises:
            FramewatchError: the encoder failed.
        """

    def abort(self) -> None:
        """Stop at once and leave nothing running."""


@dataclass(frozen=True)
class RepeatedFrame:
    """A decoded frame, and how many output frames show it."""

    pixels: Frame
    repeat: int

    def has_same_pixels(self, other: RepeatedFrame) -> bool:
        """Compare the pixels; most frames that differ do so in the few hundred values that are compared first."""
        one, two = self.pixels, other.pixels
        if one.shape != two.shape:
            return False
        if not np.array_equal(one.reshape(-1)[::_SAMPLE_STRIDE], two.reshape(-1)[::_SAMPLE_STRIDE]):
            return False
        return np.array_equal(one, two)


def merge_repeats(frames: Iterable[RepeatedFrame]) -> Iterator[RepeatedFrame]:
    """Join frames that follow each other with the same pixels.

    Animation is drawn on twos, and a variable rate made constant repeats frames. Unchanged parts of a frame are not
    looked for: that would save 2 to 5%.
    """
    waiting: RepeatedFrame | None = None
    for frame in frames:
        if waiting is not None and waiting.has_same_pixels(frame):
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
    """What the stages have done so far. Each field has one thread that writes it; the reporter reads all."""

    decoded: int = 0  # output frames whose source frame is decoded
    upscaled: int = 0
    encoded: int = 0
    distinct: int = 0  # source frames that were upscaled
    busy: dict[StageName, float] = field(default_factory=dict)  # seconds that each stage worked, without its waits

    @contextmanager
    def working(self, stage: StageName) -> Iterator[None]:
        """Count the time of the block as work of `stage`."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.busy[stage] = self.busy.get(stage, 0.0) + time.monotonic() - begun

    @property
    def stage(self) -> StageName:
        """The stage to show: the last one that has begun."""
        if self.encoded:
            return "encode"
        return "upscale" if self.decoded else "decode"


class Permit:
    """A lane's permit for one stage. It is acquired once, and released once by whoever comes first."""

    def __init__(self, permits: threading.Semaphore) -> None:
        """`permits`: what all lanes of a render share."""
        self._permits = permits
        self._held = False
        self._lock = threading.Lock()

    def acquire(self) -> None:
        """Wait for the permit."""
        self._permits.acquire()
        self._held = True

    def release(self) -> None:
        """Give the permit back; does nothing where it is not held."""
        with self._lock:
            held, self._held = self._held, False
        if held:
            self._permits.release()


class LanePermits(NamedTuple):
    """What a lane needs before a stage may begin, where it is one of several."""

    decode: Permit  # held by the caller; released as soon as no frame is left to decode
    upscale: Permit  # acquired before the first frame is upscaled
    may_begin: Callable[[], bool]  # asked when it is: another segment may have been the last for now


class NotBegunError(CancelledError):
    """A lane had its turn, and was not to begin any more."""


class Lane:
    """Runs the three stages for one segment."""

    def __init__(
        self,
        frames: Iterable[RepeatedFrame],
        upscale: Upscale,
        sink: FrameSink,
        sizing: Sizing,
        permits: LanePermits | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            frames: decoded lazily.
            upscale: keeps the order of frames.
            sink: the encoder.
            sizing: how many frames may wait before and after the engine.
            permits: of the lane, where it is one of several.
        """
        self.meter = Meter()
        self._permits = permits
        self._aborted = False
        self._frames = merge_repeats(frames)
        self._upscale = upscale
        self._sink = sink
        self._loaded: Channel[RepeatedFrame] = Channel(sizing.load)
        self._upscaled: Channel[RepeatedFrame] = Channel(sizing.save)
        self._repeats: deque[int] = deque()  # of the frames in the engine

    def run(self) -> None:
        """Work until the last frame is encoded.

        Raises:
            FramewatchError: the error of the first stage that failed; the other stages have ended by then, and the
                encoder is stopped.
            CancelledError: the lane was aborted.
            NotBegunError: it was not to begin.
        """
        stages = [
            threading.Thread(target=self._run_decode, name="decode", daemon=True),
            threading.Thread(target=self._run_upscale, name="upscale", daemon=True),
        ]
        for stage in stages:
            stage.start()
        try:
            self._run_encode()
        except BaseException:
            self._sink.abort()
            raise
        finally:
            self._upscaled.abandon()
            self._loaded.abandon()
            for stage in stages:
                stage.join()

    def abort(self) -> None:
        """Stop at once; may be called from any thread."""
        self._aborted = True
        self._loaded.abandon()
        self._upscaled.abandon()
        self._sink.abort()

    def _run_decode(self) -> None:
        try:
            self._decode()
        finally:
            if self._permits is not None:
                self._permits.decode.release()

    def _decode(self) -> None:
        with _ending(self._loaded):
            frames = iter(self._frames)
            while True:
                with self.meter.working("decode"):
                    frame = next(frames, None)
                if frame is None:
                    return
                self._loaded.put(frame)
                self.meter.decoded += frame.repeat

    def _run_upscale(self) -> None:
        with _ending(self._upscaled):
            if self._permits is not None:
                self._permits.upscale.acquire()
                if not self._permits.may_begin():
                    raise NotBegunError("no other segment is to be begun")
            begun = time.monotonic()
            waits = _Waits()
            for pixels in self._upscale(waits.timed(self._engine_input())):
                frame = RepeatedFrame(pixels, self._repeats.popleft())
                self.meter.distinct += 1
                self.meter.upscaled += frame.repeat
                with waits:
                    self._upscaled.put(frame)
                self.meter.busy["upscale"] = time.monotonic() - begun - waits.seconds

    def _engine_input(self) -> Iterator[Frame]:
        for frame in self._loaded:
            self._repeats.append(frame.repeat)
            yield frame.pixels

    def _run_encode(self) -> None:
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
    """Adds up the time that a stage waits for its neighbours."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begun = 0.0

    def __enter__(self) -> None:
        self._begun = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.monotonic() - self._begun

    def timed(self, items: Iterator[Frame]) -> Iterator[Frame]:
        """Yield the items; the time until each arrives counts as waiting."""
        while True:
            with self:
                item = next(items, None)
            if item is None:
                return
            yield item


@contextmanager
def _ending(channel: Channel[RepeatedFrame]) -> Iterator[None]:
    """End the channel that a stage writes to as the stage ends: finished, or with the error it failed with."""
    try:
        yield
    except ChannelClosedError:
        channel.finish()
    except BaseException as error:  # noqa: BLE001 - a thread's boundary: the consumer raises it again
        channel.fail(error)
    else:
        channel.finish()
