"""Verification: each way in which a finished file can differ from its plan."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from framewatch.domain import Audio, MediaInfo, Stream, Video
from framewatch.jobs.attempt.verify import compare
from framewatch.media.decode.output_inspection import Inspection, StreamInspection
from framewatch.media.plan.expectation import ExpectedStream, ExpectedVideo

RATE = Fraction(25)


def expected(**changes: Any) -> ExpectedVideo:
    values: dict[str, Any] = {
        "width": 640,
        "height": 360,
        "sar": Fraction(1),
        "rotation": 0,
        "pixel_format": "yuv420p",
        "rate": RATE,
        "frames": 100,
        "duration": 4.0,
        "streams": (
            ExpectedStream(kind="video", codec="h264"),
            ExpectedStream(kind="audio", codec="aac"),
            ExpectedStream(kind="subtitle", codec="mov_text"),
        ),
        "chapters": True,
    }
    return ExpectedVideo(**(values | changes))


def stream(number: int, kind: Any, codec: str, **changes: Any) -> StreamInspection:
    picture = Video(width=640, height=360, pixel_format="yuv420p", bit_depth=8, rate=RATE)
    sound = Audio(sample_rate=48000, channels=2)
    facts = {"video": picture.evolve(**changes.pop("picture", {}))} if kind == "video" else {}
    facts |= {"audio": sound} if kind == "audio" else {}  # type: ignore[dict-item]
    values: dict[str, Any] = {
        "stream": Stream(index=number, kind=kind, codec=codec, cover=changes.pop("cover", False), **facts),
        "packets": 100,
        "frames": 100,
        "errors": 0,
        "first": 0.0,
        "last": 3.96,
        "duration": 4.0,
    }
    values |= changes
    return StreamInspection(**({"span": values["duration"]} | values))


def found(*streams: StreamInspection, chapters: int = 2, **changes: Any) -> Inspection:
    streams = streams or good()
    info = MediaInfo(
        container="mov,mp4",
        size=1,
        start=0.0,
        duration=4.0,
        streams=tuple(each.stream for each in streams),
        chapters=chapters,
    )
    return Inspection(**({"info": info, "streams": streams, "errors": 0} | changes))


def good(**video: Any) -> tuple[StreamInspection, ...]:
    return (
        stream(0, "video", "h264", **video),
        stream(1, "audio", "aac"),
        stream(2, "subtitle", "mov_text", frames=0),
        stream(3, "data", "bin_data", frames=0),
    )


def codes(wanted: ExpectedVideo, inspection: Inspection, *audio: float | None) -> list[str]:
    findings = compare(wanted, inspection, audio)
    assert all(finding.hint for finding in findings)
    return [finding.code for finding in findings]


def test_a_file_as_planned_has_no_findings() -> None:
    assert codes(expected(), found(), 4.0) == []


def test_frames_out_of_order_are_found_where_the_source_has_none() -> None:
    swapped = found(*good(disordered=1))
    assert codes(expected(distinct=True), swapped) == ["verify.times"]
    assert codes(expected(distinct=False), swapped) == []


@pytest.mark.parametrize(
    ("inspection", "code"),
    [
        (found(*good(frames=99)), "verify.frames"),
        (found(*good(picture={"width": 642})), "verify.size"),
        (found(*good(picture={"sar": Fraction(4, 3)})), "verify.sar"),
        (found(*good(picture={"rotation": 90})), "verify.rotation"),
        (found(*good(picture={"pixel_format": "yuv420p10le"})), "verify.pixel_format"),
        (found(*good(duration=4.05)), "verify.duration"),
        (found(*good(duration=3.95)), "verify.duration"),
        (found(*good(errors=1)), "verify.decode"),
        (found(broken_off="end of file"), "verify.decode"),
        (found(chapters=0), "verify.chapters"),
        (found(stream(0, "video", "hevc"), *good()[1:]), "verify.streams"),
        (found(good()[0], good()[2]), "verify.streams"),
        (found(*good(), stream(4, "audio", "aac")), "verify.streams"),
        (found(*good(), stream(4, "video", "png", cover=True)), "verify.streams"),
        (found(good()[0], stream(1, "audio", "aac", frames=0), good()[2]), "verify.audio"),
        (found(good()[0], stream(1, "audio", "aac", duration=4.09), good()[2]), "verify.audio"),
        (found(*good()[1:]), "verify.streams"),
    ],
)
def test_each_difference_has_its_own_code(inspection: Inspection, code: str) -> None:
    assert codes(expected(), inspection, 4.0) == [code]


@pytest.mark.parametrize("duration", [3.96, 4.04])
def test_the_length_may_be_one_frame_off(duration: float) -> None:
    assert codes(expected(), found(*good(duration=duration))) == []


@pytest.mark.parametrize("duration", [3.92, 4.08])
def test_audio_may_be_one_frame_and_40_ms_off(duration: float) -> None:
    inspection = found(good()[0], stream(1, "audio", "aac", duration=duration), good()[2])
    assert codes(expected(), inspection, 4.0) == []


def test_audio_of_unknown_length_must_only_be_present() -> None:
    inspection = found(good()[0], stream(1, "audio", "aac", duration=1.0), good()[2])
    assert codes(expected(), inspection, None) == codes(expected(), inspection) == []


def test_all_differences_are_reported_at_once() -> None:
    inspection = found(stream(0, "video", "hevc", frames=50, duration=2.0), chapters=0)
    assert codes(expected(), inspection) == [
        "verify.frames",
        "verify.duration",
        "verify.streams",
        "verify.streams",
        "verify.streams",
        "verify.chapters",
    ]


def test_copied_video_may_keep_its_damage_and_an_estimated_length() -> None:
    copied = expected(pixel_format=None, frames=None, rate=None, duration=4.9)
    assert codes(copied, found(*good(errors=3, frames=97, picture={"pixel_format": "yuv444p"}))) == []
    assert codes(copied.evolve(duration=5.1), found()) == ["verify.duration"]


def test_a_message_names_what_was_planned_and_what_was_found() -> None:
    finding = compare(expected(), found(*good(frames=99)))[0]
    assert finding.message == "number of frames: 100 planned, 99 found"


@pytest.mark.parametrize(("last", "codes"), [(3.96, []), (3.9615, []), (3.97, ["verify.duration"])])
def test_with_kept_frame_times_the_time_of_the_last_frame_counts(last: float, codes: list[str]) -> None:
    # The last frame is shown for long; not every container says so.
    plan = expected(rate=None, last=3.96, duration=9.0)
    assert [each.code for each in compare(plan, found(*good(last=last)))] == codes
