"""The kind of a file by its name."""

from __future__ import annotations

import pytest

from framewatch import documents
from framewatch.intake.ignore.rules import IgnoreRules, known_names
from framewatch.library import companions
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


def test_the_lists_of_names_agree() -> None:
    lists = documents.read(companions.DATA).data
    media, texts = set(lists["pictures"]), {*lists["with_tags"], *lists["plain"], *lists["source_only"]}
    assert not [ending for ending in media | texts if kinds_of(f"film.{ending}") == {VIDEO}], "they would get jobs"
    assert not [ending for ending in media | texts if not kinds_of(f"film.{ending}")], "file_kinds.yaml lacks them"
    assert not set(lists["with_tags"]) & set(lists["plain"]), "those with tags need none"
    assert not [each for each in lists["subtitles"] if not IgnoreRules().ignores(f"film.{each}")], "never found late"
    unfinished = {ending for group in known_names().unfinished_endings for ending in group}
    assert set(known_names().marks) <= unfinished
