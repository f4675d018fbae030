"""The kind of a file by its name."""

from __future__ import annotations

import pytest

from framewatch.library.kinds import Kind, claims_kind, is_other_kind, kinds_of

VIDEO, SOUND, PICTURE, TEXT = Kind.VIDEO, Kind.SOUND, Kind.PICTURE, Kind.TEXT


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("film.mp4", {VIDEO}),
        ("FILM.MKV", {VIDEO}),
        ("poster.JPG", {PICTURE}),
        ("logo.png", {PICTURE}),
        ("theme.mp3", {SOUND}),
        ("moving.gif", {VIDEO, PICTURE}),
        ("concert.ogg", {VIDEO, SOUND}),
        ("film.en.srt", {TEXT}),
        ("archive.r07", {TEXT}),
        ("setup.exe", {TEXT}),
        ("film", set()),
        ("Vol. 1 the long way home", set()),
        ("film.", set()),
        ("bytes \udcff.mp4", {VIDEO}),
    ],
)
def test_a_name_says_what_a_file_can_be(name: str, kinds: set[Kind]) -> None:
    assert kinds_of(name) == kinds


def test_a_name_that_leaves_the_kind_open_is_neither_claimed_nor_left_alone() -> None:
    video = frozenset({VIDEO})
    for name in ("film", "film.xyz", "moving.gif", "concert.ogg"):
        assert not is_other_kind(name, video)
        assert not claims_kind(name, video)
    assert is_other_kind("poster.jpg", video)
    assert claims_kind("film.mp4", video)
    assert not claims_kind("poster.jpg", video)
