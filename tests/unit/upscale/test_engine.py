"""A session is lazy, keeps the order, limits what is in flight, and may be shared by threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fake_engines import FakeSession
from framewatch.errors import EngineError
from framewatch.upscale.engine import SessionRequest
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network.network import Network
from framewatch.upscale.openvino.engine import OpenVinoEngine


def numbered(number: int) -> Frame:
    return np.full((3, 4, 3), number, np.uint8)


def test_frames_come_out_in_order_however_long_each_takes() -> None:
    released = threading.Event()

    def first(frame: Frame) -> None:
        if frame[0, 0, 0] == 0:
            assert released.wait(10)
        elif frame[0, 0, 0] == 2:
            released.set()

    with FakeSession(3, first) as session:
        values = [int(output[0, 0, 0]) for output in session.upscale(numbered(n) for n in range(20))]
    assert values == list(range(20))


def test_frames_are_taken_only_when_needed_and_at_most_concurrency_ahead() -> None:
    taken: list[int] = []

    def source() -> Iterator[Frame]:
        for number in range(10):
            taken.append(number)
            yield numbered(number)

    with FakeSession(3) as session:
        outputs = session.upscale(source())
        assert taken == []
        for done, _ in enumerate(outputs, start=1):
            assert len(taken) - done < 3
    assert taken == list(range(10))


def test_an_input_that_raises_leaves_nothing_in_flight() -> None:
    running = threading.Semaphore(0)
    finished: list[int] = []

    def source() -> Iterator[Frame]:
        yield numbered(0)
        assert running.acquire(timeout=10)
        raise OSError("the file is gone")

    def first(frame: Frame) -> None:
        running.release()
        finished.append(int(frame[0, 0, 0]))

    with FakeSession(3, first) as session:
        with pytest.raises(OSError, match="the file is gone"):
            list(session.upscale(source()))
        assert finished == [0]
        assert len(list(session.upscale([numbered(1)]))) == 1


def test_a_closed_generator_waits_for_frames_in_flight_and_the_session_stays_open() -> None:
    started, release = threading.Event(), threading.Event()
    finished: list[int] = []

    def first(frame: Frame) -> None:
        if frame[0, 0, 0] == 0:
            assert started.wait(10)
        elif frame[0, 0, 0] == 1:
            started.set()
            assert release.wait(10)
        finished.append(int(frame[0, 0, 0]))

    with FakeSession(2, first) as session:
        outputs = session.upscale(numbered(n) for n in range(100))
        next(outputs)
        closing = threading.Thread(target=outputs.close)
        closing.start()
        assert closing.is_alive()
        release.set()
        closing.join(10)
        assert finished == [0, 1]
        assert [int(output[0, 0, 0]) for output in session.upscale([numbered(7)])] == [7]


def test_a_failing_engine_raises_where_the_frame_would_come_out() -> None:
    def first(frame: Frame) -> None:
        if frame[0, 0, 0] == 1:
            raise EngineError("the device is gone")

    with FakeSession(2, first) as session:
        outputs = session.upscale(numbered(n) for n in range(5))
        assert next(outputs)[0, 0, 0] == 0
        with pytest.raises(EngineError, match="the device is gone"):
            next(outputs)


def test_closing_ends_the_threads_and_releases_once() -> None:
    session = FakeSession(2)
    list(session.upscale([numbered(0)] * 4))
    session.close()
    session.close()
    assert session.closed == 1
    assert session.threads
    assert not any(thread.is_alive() for thread in session.threads)
    with pytest.raises(EngineError) as caught:
        list(session.upscale([numbered(0)]))
    assert caught.value.finding.code == "engine.closed"


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((4, 3, 3), np.uint8),
        np.zeros((3, 4, 3), np.uint16),
        np.zeros((3, 4), np.uint8),
        np.zeros((3, 8, 3), np.uint8)[:, ::2],
    ],
)
def test_a_frame_of_another_shape_or_layout_is_refused(frame: Frame) -> None:
    with FakeSession() as session, pytest.raises(EngineError) as caught:
        session.run(frame)
    assert caught.value.finding.code == "engine.wrong_frame"


def test_several_threads_share_one_session(small_network: Network) -> None:
    """Two segments at once, each with its own frames: none gets the other's."""
    shape = FrameShape(48, 32)
    random = np.random.default_rng(4)
    frames = [random.integers(0, 256, (32, 48, 3)).astype(np.uint8) for _ in range(24)]
    with OpenVinoEngine("f32").open("CPU", SessionRequest(small_network, shape, 2, 3)) as session:
        expected = [session.run(frame) for frame in frames]
        with ThreadPoolExecutor(2) as threads:
            halves = list(threads.map(lambda part: list(session.upscale(part)), (frames[:12], frames[12:])))
    outputs = [*halves[0], *halves[1]]
    assert all((output == one).all() for output, one in zip(outputs, expected, strict=True))
