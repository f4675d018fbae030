"""A lane keeps the order of frames, handles repeats, bounds memory, and leaves nothing running."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from framewatch.errors import EngineError, MediaError, WorkerError
from framewatch.render.lane import Lane, LanePermits, NotBegunError, Permit, RepeatedFrame
from framewatch.render.tasks import Sizing
from framewatch.upscale.frames.frame import Frame
from waiting import eventually


class Sink:
    """Keeps the first pixel of each frame."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.seen: list[int] = []
        self.finished = self.aborted = False
        self._fail_at = fail_at

    def write(self, frame: Frame) -> None:
        if len(self.seen) == self._fail_at:
            raise WorkerError("the encoder died")
        self.seen.append(int(frame[0, 0, 0]))

    def finish(self) -> None:
        self.finished = True

    def abort(self) -> None:
        self.aborted = True


def plain_frame(number: int) -> Frame:
    return np.full((2, 2, 3), number, np.uint8)


def unchanged(frames: Iterable[Frame]) -> Iterator[Frame]:
    yield from frames


def test_each_frame_is_upscaled_once_and_written_as_often_as_it_is_shown() -> None:
    sink = Sink()
    repeats = [1, 3, 2]
    lane = Lane([RepeatedFrame(plain_frame(n), r) for n, r in enumerate(repeats)], unchanged, sink, Sizing())
    lane.run()
    assert sink.seen == [0, 1, 1, 1, 2, 2]
    assert (sink.finished, sink.aborted) == (True, False)
    assert (lane.meter.decoded, lane.meter.upscaled, lane.meter.encoded, lane.meter.distinct) == (6, 6, 6, 3)


def test_a_frame_that_is_repeated_is_upscaled_once() -> None:
    upscaled: list[int] = []

    def counted(frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            upscaled.append(int(frame[0, 0, 0]))
            yield frame

    numbers, repeats = [7, 7, 7, 3, 7, 7], [1, 2, 1, 1, 1, 3]
    frames = [RepeatedFrame(plain_frame(number), repeat) for number, repeat in zip(numbers, repeats, strict=True)]
    other = np.full((2, 2, 3), 7, np.uint8)
    other[1, 1, 2] = 8  # one value of one pixel
    sink = Sink()
    lane = Lane([*frames, RepeatedFrame(other, 1)], counted, sink, Sizing())
    lane.run()
    assert upscaled == [7, 3, 7, 7]
    assert sink.seen == [7, 7, 7, 7, 3, 7, 7, 7, 7, 7]
    assert (lane.meter.decoded, lane.meter.upscaled, lane.meter.encoded, lane.meter.distinct) == (10, 10, 10, 4)


def test_decoding_runs_ahead_only_as_far_as_the_channels_hold() -> None:
    gate, taken = threading.Event(), []

    def source() -> Iterator[RepeatedFrame]:
        for number in range(50):
            taken.append(number)
            yield RepeatedFrame(plain_frame(number), 1)

    def held(frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            gate.wait()
            yield frame

    sink = Sink()
    lane = Lane(source(), held, sink, Sizing(load=2, save=1))
    runner = threading.Thread(target=lane.run)
    runner.start()
    # One in the engine, two in the channel, one being put, and one that might have been a repeat of that.
    eventually(lambda: len(taken) == 5, what="a full channel")
    gate.set()
    runner.join(10)
    assert sink.seen == list(range(50))


@pytest.mark.parametrize("stage", ["decode", "upscale", "encode"])
def test_a_failing_stage_ends_the_lane_with_its_own_error(stage: str) -> None:
    errors = {"decode": MediaError("bad frame"), "upscale": EngineError("lost device"), "encode": WorkerError("dead")}

    def source() -> Iterator[RepeatedFrame]:
        for number in range(100):
            if stage == "decode" and number == 20:
                raise errors["decode"]
            yield RepeatedFrame(plain_frame(number), 1)

    def upscale(frames: Iterable[Frame]) -> Iterator[Frame]:
        for number, frame in enumerate(frames):
            if stage == "upscale" and number == 20:
                raise errors["upscale"]
            yield frame

    before = set(threading.enumerate())
    sink = Sink(fail_at=20 if stage == "encode" else None)
    with pytest.raises(type(errors[stage])):
        Lane(source(), upscale, sink, Sizing(load=2, save=2)).run()
    assert sink.aborted
    assert not sink.finished
    assert set(threading.enumerate()) <= before


def test_a_lane_that_is_not_to_begin_upscales_nothing_and_frees_its_permits() -> None:
    sink, turns = Sink(), threading.Semaphore(1)
    permits = LanePermits(Permit(threading.Semaphore(1)), Permit(turns), lambda: False)
    frames = [RepeatedFrame(plain_frame(number), 1) for number in range(50)]
    lane = Lane(frames, unchanged, sink, Sizing(load=2, save=1), permits)
    with pytest.raises(NotBegunError):
        lane.run()
    permits.upscale.release()
    assert (sink.seen, sink.finished, sink.aborted) == ([], False, True)
    assert turns.acquire(blocking=False)
