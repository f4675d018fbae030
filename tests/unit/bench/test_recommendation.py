"""What a benchmark recommends, and how long it says that an episode takes."""

from __future__ import annotations

import pytest

from bench_reports import engine_report
from framewatch.bench.engine_speed import faster
from framewatch.bench.recommendation import in_words, recommend
from framewatch.bench.report import Clip, EndToEnd, EngineRow, Recommendation

CLIP = Clip(name="a clip", width=960, height=540, frames=100, fps=25.0, scale=2, encoder="libx264 veryfast")


def row(engine: str, tflops: float) -> EngineRow:
    return EngineRow(engine=engine, result=engine_report(tflops, f"{engine}/x"))


def run(lanes: int, fps: float, engine: str = "openvino/bf16") -> EndToEnd:
    seconds = 100 / fps
    return EndToEnd(
        lanes=lanes,
        engine=engine,
        frames=100,
        seconds=seconds,
        fps=fps,
        render_fps=fps,
        phases={"start": 1.0, "open": 1.0, "render": seconds - 2.0},
        busy={},
        slowest="upscale",
        slowest_fps=fps,
        share=1.0,
    )


def recommended(rows: list[EngineRow], runs: list[EndToEnd], auto: int = 1) -> Recommendation:
    return recommend(CLIP, rows, runs, auto)


def test_auto_is_right_where_it_uses_the_fastest() -> None:
    found = recommended([row("openvino", 2.0), row("ncnn", 1.0), row("openvino f32", 9.0)], [run(1, 5.0)])
    assert (found.engine, found.lanes) == ("auto", "auto")


def test_an_engine_that_was_asked_for_is_not_called_the_fastest() -> None:
    found = recommend(CLIP, [row("ncnn", 1.0)], [run(1, 5.0, "ncnn/f32")], 1, "ncnn")
    assert found.engine == "ncnn"
    assert found.reasons[0] == "engine: ncnn was asked for; no other was measured."


def test_eight_bits_are_mentioned_where_they_are_faster_than_the_engine_in_use() -> None:
    found = recommended([row("openvino", 1.0), row("openvino fast", 2.0)], [run(1, 5.0, "openvino/x")])
    assert found.engine == "auto"
    assert any(reason.startswith("precision: fast is 2.0 times") for reason in found.reasons)
    other = recommended([row("openvino", 1.0), row("openvino fast", 2.0)], [run(1, 5.0, "ncnn/f32")])
    assert not any(reason.startswith("precision") for reason in other.reasons)


@pytest.mark.parametrize(("fastest", "setting"), [("ncnn", "ncnn"), ("ncnn-vulkan", "ncnn"), ("torch", "cuda")])
def test_a_faster_engine_is_named_as_the_configuration_names_it(fastest: str, setting: str) -> None:
    found = recommended([row("openvino", 1.0), row(fastest, 2.0)], [run(1, 5.0)])
    assert found.engine == setting
    assert fastest in found.reasons[0]


def test_of_two_measurements_the_faster_counts_and_keeps_the_comparison_with_the_reference() -> None:
    first, second = (row("openvino", tflops).result for tflops in (1.0, 2.0))
    assert first is not None
    assert second is not None
    found = faster(first, second.evolve(psnr_db=0.0))
    assert (found.fps, found.psnr_db) == (2.0, 60.0)
    assert faster(second, first.evolve(psnr_db=0.0)) == second


def test_more_lanes_are_recommended_only_where_they_are_clearly_faster() -> None:
    assert recommended([], [run(1, 20.0), run(2, 20.5)], auto=1).lanes == "auto"
    assert recommended([], [run(1, 20.0), run(2, 30.0)], auto=1).lanes == 2
    assert recommended([], [run(2, 20.0)], auto=4).lanes == 2


def test_an_episode_takes_time_by_its_pixels_and_the_start_counts_once() -> None:
    measured, full = recommended([], [run(1, 10.0)]).episodes
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
def test_durations_are_written_as_people_say_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
