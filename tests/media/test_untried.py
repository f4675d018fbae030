"""Kinds of files that once failed, or lost something, in a way of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from full_run import frame_times, process
from kinds.all_kinds import KINDS

NETWORK = {"ml_upscale": "esrgan-2x", "container": "mkv"}


def made(name: str, folder: Path) -> Path:
    return next(kind for kind in KINDS if kind.name == name).make(folder)


def lengths(path: Path) -> list[float]:
    """The seconds of sound in each track, as decoded."""
    with av.open(str(path)) as container:
        tracks = range(len(container.streams.audio))
    found = []
    for track in tracks:
        with av.open(str(path)) as container:
            found.append(sum(frame.samples / frame.sample_rate for frame in container.decode(audio=track)))
    return found


@pytest.mark.parametrize(
    "deinterlace", ["auto", *(pytest.param(each, marks=pytest.mark.slow) for each in ("off", "on"))]
)
@pytest.mark.parametrize("timing", ["preserve", pytest.param("cfr", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["paff.ts", "mbaff.ts"])
def test_fields_make_one_frame_in_two(name: str, timing: str, deinterlace: str, tmp_path: Path) -> None:
    frames = 10 if name == "paff.ts" else 20
    film = made(name, tmp_path)
    for number, keys in enumerate((NETWORK, {"container": "mkv"})):
        asked: dict[str, Any] = keys | {"frame_timing": timing, "deinterlace": deinterlace}
        times = frame_times(process(film, tmp_path / str(number), **asked).result)
        assert [time - times[0] for time in times] == pytest.approx([n / 25 for n in range(frames)], abs=0.001)


def test_packets_of_sound_without_a_length_are_counted_to_their_end(tmp_path: Path) -> None:
    film = made("adpcm.flv", tmp_path)
    result = process(film, tmp_path / "work", container="mkv", audio_codec="flac").result
    assert lengths(result) == pytest.approx(lengths(film), abs=0.001)


@pytest.mark.parametrize(
    "name",
    [
        *("mpeg2.ts", "vvc.mp4"),
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in ("mpeg1.mpg", "jpeg2000.mxf", "png.mov", "dirac.mkv", "ffv1.mkv")
        ),
    ],
)
def test_what_mp4_can_hold_is_copied_into_it(name: str, tmp_path: Path) -> None:
    film = made(name, tmp_path)
    copied = process(film, tmp_path / "work", processing_mode="copy", container="mp4").result
    with av.open(str(film)) as before, av.open(str(copied)) as after:
        assert before.streams.video[0].codec.canonical_name == after.streams.video[0].codec.canonical_name
        frames = [[bytes(frame.planes[0]) for frame in each.decode(video=0)] for each in (before, after)]
    assert frames[0] == frames[1]


def codes(name: str, folder: Path, **keys: Any) -> list[str]:
    return [each.code for each in process(made(name, folder), folder / "work", **keys).warnings]


def test_a_left_channel_alone_is_encoded(tmp_path: Path) -> None:
    film = made("layout-left.mov", tmp_path)
    result = process(film, tmp_path / "work", container="mp4").result
    with av.open(str(result)) as container:
        assert container.streams.audio[0].layout.name == "mono"


def test_a_copy_that_loses_where_channels_are_is_named(tmp_path: Path) -> None:
    assert codes("layout-31.mov", tmp_path, processing_mode="copy", container="mkv") == ["audio.layout_lost"]


def test_a_subtitle_without_an_end_does_not_make_a_film_too_long(tmp_path: Path) -> None:
    film = made("vobsub-endless.mkv", tmp_path)
    assert len(frame_times(process(film, tmp_path / "work", container="mkv").result)) == 20
