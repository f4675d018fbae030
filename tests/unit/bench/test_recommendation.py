"""What a benchmark advises, and how long it says that an episode takes."""

from __future__ import annotations

import pytest

from framewatch.bench.engine_speed import better
from framewatch.bench.recommendation import advise, in_words
from framewatch.bench.report import Advice, Clip, EngineRow, WholeWay
from framewatch.bench.tasks import EngineReport

CLIP = Clip(name="a clip", width=960, height=540, frames=100, fps=25.0, scale=2, encoder="libx264 veryfast")


def row(engine: str, tflops: float) -> EngineRow:
    found = EngineReport(
        name=f"{engine}/x", device="", gpu=False, layout="rgb", width=64, height=64, in_flight=1, fps=tflops,
        milliseconds=1000.0, tflops=tflops, peak_tflops=None, share=None, psnr_db=60.0,
    )  # fmt: skip
    return EngineRow(engine=engine, found=found)


def way(lanes: int, fps: float, engine: str = "openvino/bf16") -> WholeWay:
    seconds = 100 / fps
    return WholeWay(
        lanes=lanes, engine=engine, frames=100, seconds=seconds, fps=fps, render_fps=fps,
        phases={"start": 1.0, "open": 1.0, "render": seconds - 2.0}, busy={},
        slowest="upscale", slowest_fps=fps, share=1.0,
    )  # fmt: skip


def advice(rows: list[EngineRow], ways: list[WholeWay], auto: int = 1) -> Advice:
    return advise(CLIP, rows, ways, auto)


def test_auto_is_right_where_it_takes_the_fastest() -> None:
    found = advice([row("openvino", 2.0), row("ncnn", 1.0), row("openvino f32", 9.0)], [way(1, 5.0)])
    assert (found.engine, found.lanes) == ("auto", "auto")


def test_an_engine_that_was_asked_for_is_not_called_the_fastest() -> None:
    found = advise(CLIP, [row("ncnn", 1.0)], [way(1, 5.0, "ncnn/f32")], 1, "ncnn")
    assert found.engine == "ncnn"
    assert found.said[0] == "engine: ncnn was asked for; no other was measured."


def test_eight_bits_are_mentioned_where_they_are_faster_than_what_was_measured() -> None:
    found = advice([row("openvino", 1.0), row("openvino fast", 2.0)], [way(1, 5.0, "openvino/x")])
    assert found.engine == "auto"
    assert any(said.startswith("precision: fast is 2.0 times") for said in found.said)
    other = advice([row("openvino", 1.0), row("openvino fast", 2.0)], [way(1, 5.0, "ncnn/f32")])
    assert not any(said.startswith("precision") for said in other.said)


@pytest.mark.parametrize(("fastest", "word"), [("ncnn", "ncnn"), ("ncnn-vulkan", "ncnn"), ("torch", "cuda")])
def test_a_faster_engine_is_named_as_the_configuration_names_it(fastest: str, word: str) -> None:
    found = advice([row("openvino", 1.0), row(fastest, 2.0)], [way(1, 5.0)])
    assert found.engine == word
    assert fastest in found.said[0]


def test_of_two_measurements_the_faster_counts_against_the_larger_peak() -> None:
    slow, fast = (row("openvino", tflops).found for tflops in (1.0, 2.0))
    assert slow is not None
    assert fast is not None
    found = better(slow.evolve(peak_tflops=4.0, share=0.25), fast.evolve(peak_tflops=2.5, share=0.8))
    assert (found.fps, found.peak_tflops, found.share) == (2.0, 4.0, 0.5)
    assert better(slow, fast).share is None


def test_more_lanes_are_advised_only_where_they_are_clearly_faster() -> None:
    assert advice([], [way(1, 20.0), way(2, 20.5)], auto=1).lanes == "auto"
    assert advice([], [way(1, 20.0), way(2, 30.0)], auto=1).lanes == 2
    assert advice([], [way(2, 20.0)], auto=4).lanes == 2


def test_an_episode_costs_by_pixels_and_what_is_paid_once_is_paid_once() -> None:
    measured, full = advice([], [way(1, 10.0)]).episodes
    assert measured.seconds == pytest.approx(2.0 + 8.0 / 100 * 34525, rel=1e-4)
    assert (full.width, full.height, full.extrapolated) == (1920, 1080, True)
    assert full.seconds - 2.0 == pytest.approx(4 * (measured.seconds - 2.0))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 seconds"),
        (1.2, "1 second"),
        (59.7, "1 minute"),
        (61, "1 minute 1 second"),
        (599, "9 minutes 59 seconds"),
        (615, "10 minutes"),
        (3599.8, "1 hour"),
        (12_000, "3 hours 20 minutes"),
        (86_399, "1 day"),
        (90_000, "1 day 1 hour"),
        (1_000_000, "11 days"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
