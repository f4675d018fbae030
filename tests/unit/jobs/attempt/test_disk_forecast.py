"""How much free space a job needs, and whether it is there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framewatch.errors import Need, Place, StorageError
from framewatch.jobs.attempt.forecast import disk as disk_forecast
from framewatch.jobs.attempt.forecast.disk import (
    FinishedSegments,
    by_disk,
    forecast,
    frame_size,
    require_room,
)
from framewatch.media.plan.plan import AudioPlan
from framewatch.media.plan.stream_table import StreamPlan
from framewatch.media.preset.preset import Preset
from framewatch.storage.free_space import human
from framewatch.storage.root import Root
from mounts import tmpfs

DISKS = {"/work": 1, "/out": 2, "/done": 3, "/in": 4}
FOLDERS: dict[Place, Root] = {"work": Root(Path("/work")), "output": Root(Path("/out")), "done": Root(Path("/done"))}
SOURCE_ROOT = Root(Path("/in"))


def disk(root: Root) -> int:
    return DISKS[str(root.path)]


def plan(**changes: Any) -> Any:
    """The part of a plan that a forecast reads."""
    values = {
        "mode": "upscale",
        "frames": 100,
        "preset": Preset(video_bitrate_mode="bitrate", video_bitrate=200),  # 1000 bytes a frame at 25
        "width": 64,
        "height": 48,
        "average_rate": 25,
        "expected": SimpleNamespace(duration=4.0),
        "of_kind": lambda _: [
            SimpleNamespace(action="encode", audio=SimpleNamespace(kbps=16, uniform=None))
        ],  # 8000 bytes
    }
    return SimpleNamespace(**(values | changes))


def sizes(needs: tuple[Need, ...]) -> dict[str, int]:
    return {str(need.place): need.size for need in needs}


def test_each_disk_needs_space_for_what_is_written_there() -> None:
    needs = forecast(plan(), SOURCE_ROOT, 5000, FinishedSegments(), FOLDERS, disk)
    assert sizes(needs) == {"work": 100_000 + 108_000, "output": 108_000, "done": 5000}


def test_the_size_of_finished_segments_replaces_the_guess() -> None:
    needs = forecast(plan(), SOURCE_ROOT, 5000, FinishedSegments(frames=50, size=10_000), FOLDERS, disk)
    assert sizes(needs) == {"work": 10_000 + 28_000, "output": 28_000, "done": 5000}


def test_on_one_disk_nothing_is_copied_and_needs_add_up() -> None:
    one = forecast(plan(), SOURCE_ROOT, 5000, FinishedSegments(), FOLDERS, lambda _: 1)
    assert sizes(one) == {"work": 208_000}
    needs = [Need("work", 1), Need("output", 2), Need("done", 3)]
    assert by_disk(needs, FOLDERS, lambda root: root == FOLDERS["output"]) == {
        FOLDERS["work"]: 4,
        FOLDERS["output"]: 2,
    }


def test_a_disk_that_is_not_mounted_is_left_out() -> None:
    away: dict[Place, Root] = {"work": FOLDERS["work"]}
    assert sizes(forecast(plan(), SOURCE_ROOT, 5000, FinishedSegments(), away, disk)) == {"work": 208_000}


def test_without_upscaling_there_are_no_segments_beside_the_result() -> None:
    assert (
        sizes(forecast(plan(mode="transcode"), SOURCE_ROOT, 5000, FinishedSegments(), FOLDERS, disk))["work"]
        == 108_000
    )
    assert sizes(forecast(plan(mode="copy"), SOURCE_ROOT, 5000, FinishedSegments(), FOLDERS, disk))["output"] == 5000
    track = StreamPlan.model_construct(kind="audio", action="encode", audio=SimpleNamespace(kbps=16, uniform=None))
    sound = AudioPlan.model_construct(mode="transcode", streams=(track,), expected=SimpleNamespace(duration=4.0))
    audio = forecast(sound, SOURCE_ROOT, 5000, FinishedSegments(), FOLDERS, disk)
    assert sizes(audio)["output"] == 8000


@given(
    done=st.integers(0, 100),
    a_frame=st.integers(0, 10_000_000),
    source=st.integers(0, 10**12),
)
def test_the_forecast_shrinks_to_the_result_as_segments_are_finished(done: int, a_frame: int, source: int) -> None:
    made = FinishedSegments(frames=done, size=done * a_frame)
    work = sizes(forecast(plan(of_kind=lambda _: []), SOURCE_ROOT, source, made, FOLDERS, disk))["work"]
    if done:
        assert work == pytest.approx((100 - done) * a_frame + 100 * a_frame, abs=1)
    assert work >= 0


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libsvtav1", "vp9", "mpeg2video"])
def test_better_quality_is_guessed_larger_and_every_guess_is_low(codec: str) -> None:
    hd = 1920 * 1080
    fine, coarse = (frame_size(Preset(video_codec=codec, crf=crf), hd, 25) for crf in (18, 30))
    assert 0 < coarse < fine < hd * 0.1 / 8 * 4


def test_every_encoder_has_a_prior() -> None:
    for codec in Preset.model_fields["video_codec"].annotation.__args__:
        assert frame_size(Preset(video_codec=codec), 1000, 25) > 0


def test_missing_space_is_named_in_the_message_and_kept_in_the_error() -> None:
    needs = (Need("work", 2_000_000_000),)
    require_room(needs, FOLDERS, 10**9, disk, lambda _: 3_000_000_000)
    with pytest.raises(StorageError) as caught:
        require_room(needs, FOLDERS, 10**9, disk, lambda _: 2_999_999_999)
    finding = caught.value.finding
    assert (finding.code, finding.where, caught.value.needs) == ("storage.will_not_fit", "/work", needs)
    assert finding.message == "2.0 GB are needed here, and 3.0 GB are free, of which 1.0 GB must stay free"


def test_the_free_space_of_a_real_disk_is_checked(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "small", 1) as small:
        need = (Need("work", 500_000),)
        assert disk_forecast.fits(need, {"work": Root(small)}, 0)
        (small / "filler").write_bytes(bytes(700_000))
        assert not disk_forecast.fits(need, {"work": Root(small)}, 0)
    assert not disk_forecast.fits((Need("work", 0),), {"work": Root(tmp_path / "gone")}, 0)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (999_960, "1.0 MB"), (2 * 10**15, "2000.0 TB")],
)
def test_sizes_are_shown_in_powers_of_ten(size: int, text: str) -> None:
    assert human(size) == text
