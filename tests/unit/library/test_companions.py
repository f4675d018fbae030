"""Which files belong to a video."""

from __future__ import annotations

import time
import unicodedata

import pytest

from framewatch.library.companions import (
    family_of,
    is_folder_companion,
    is_written_for_a_video,
    without_video,
)


def names(video: str, *files: str, folders: tuple[str, ...] = ()) -> list[str]:
    return [companion.name for companion in family_of(video, (video, *files), folders).companions]


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("film.srt", "up (2).srt"),
        ("film.SRT", "up (2).SRT"),
        ("film.en.srt", "up (2).en.srt"),
        ("film.pt-BR.forced.ass", "up (2).pt-BR.forced.ass"),
        ("film.idx", "up (2).idx"),
        ("film.nfo", "up (2).nfo"),
        ("film.jpg", "up (2).jpg"),
        ("film-thumb.jpg", "up (2)-thumb.jpg"),
        ("film-fanart2.png", "up (2)-fanart2.png"),
        ("film-320-10.bif", "up (2)-320-10.bif"),
        ("film.chapters.xml", "up (2).chapters.xml"),
        ("film.info.json", "up (2).info.json"),
        ("film.de.ac3", "up (2).de.ac3"),
        ("film.mkv.srt", "up (2).mp4.srt"),
        ("FILM.srt", "up (2).srt"),
    ],
)
def test_a_companion_gets_the_name_of_the_output(name: str, beside: str) -> None:
    family = family_of("film.mkv", ["film.mkv", name], [])
    assert [(each.name, each.beside("up (2).mp4")) for each in family.companions] == [(name, beside)]
    assert family.companions[0].for_output
    assert not family.shared


@pytest.mark.parametrize(
    "name", ["films.srt", "other.srt", "film.xyz", "film-trailer.mp4", "film2-thumb.jpg", "film.part", "poster.jpg"]
)
def test_other_files_are_no_companions(name: str) -> None:
    assert names("film.mkv", name) == []


def test_a_video_without_ending_has_companions_too() -> None:
    family = family_of("film", ["film", "film.en.srt"])
    assert [each.beside("up.mp4") for each in family.companions] == ["up.en.srt"]


def test_a_folder_of_trickplay_pictures_belongs_to_the_video() -> None:
    assert names("film.mkv", folders=("film.trickplay", "film", "other.trickplay")) == ["film.trickplay"]


def test_a_checksum_belongs_to_the_source_alone() -> None:
    family = family_of("film.mkv", ["film.mkv", "film.mkv.md5", "film.sfv"])
    assert [(each.name, each.for_output) for each in family.companions] == [
        ("film.mkv.md5", False),
        ("film.sfv", False),
    ]


def test_a_companion_belongs_to_the_video_with_the_longest_name() -> None:
    files = ("film.part2.mkv", "film.srt", "film.part2.srt", "film.part2.en.srt")
    assert names("film.mkv", *files) == ["film.srt"]
    assert names("film.part2.mkv", "film.mkv", *files[1:]) == ["film.part2.en.srt", "film.part2.srt"]


def test_two_videos_with_one_stem_share_their_companions() -> None:
    family = family_of("film.mkv", ["film.mkv", "film.mp4", "film.srt"])
    assert family.shared
    assert [each.name for each in family.companions] == ["film.srt"]
    assert not family_of("film.mkv", ["film.mkv", "film.part2.mp4", "film.srt"]).shared


def test_pictures_that_a_preset_for_images_takes_are_no_companions_of_each_other() -> None:
    assert names("photo.jpg", "photo-thumb.jpg", "photo.png", "photo.jpg.xmp", "photo.xmp") == [
        "photo.jpg.xmp",
        "photo.xmp",
    ]


def test_accents_may_be_composed_differently() -> None:
    composed = unicodedata.normalize("NFC", "été.mkv")
    srt = unicodedata.normalize("NFD", "été.en.srt")
    family = family_of(composed, [composed, srt])
    assert [each.beside("x.mp4") for each in family.companions] == ["x.en.srt"]


@pytest.mark.parametrize(
    ("name", "is_folder", "belongs"),
    [
        *((name, False, True) for name in ("poster.jpg", "Fanart12.PNG", "season01-poster.jpg", "season-all.jpg")),
        *((name, False, True) for name in ("folder.jpg", "tvshow.nfo", "theme.mp3", ".plexmatch")),
        *((name, True, True) for name in ("Subs", "extrafanart", ".actors")),
        *((name, False, False) for name in ("holiday.jpg", "release.nfo", "Subs", "readme.txt")),
        *((name, True, False) for name in ("Sample", "poster.jpg")),
    ],
)
def test_what_belongs_to_a_whole_folder(name: str, is_folder: bool, belongs: bool) -> None:
    assert is_folder_companion(name, is_folder=is_folder) is belongs


def test_a_subtitle_file_without_its_video_has_come_too_late() -> None:
    late = ["a/film.en.forced.srt", "film.srt", "a/other.nfo", "b/film.srt"]
    assert without_video(late, ["a/film.mkv", "b/Film.mp4", "a/none"]) == ["film.srt", "a/other.nfo"]
    assert is_written_for_a_video("film.SRT")
    assert not is_written_for_a_video("readme.txt")


def test_thousands_of_names_that_begin_alike_take_no_minutes() -> None:
    videos = [f"a.{number}.mkv" for number in range(3000)]
    began = time.process_time()
    family = family_of("a.mkv", ("a.mkv", *videos, *(f"a.x{number}.srt" for number in range(3000)), "a.7.srt"))
    assert len(family.companions) == 3000
    assert time.process_time() - began < 5
