"""What the index files of discs say, whatever is in them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from discs import playlist, title_set
from framewatch.library.disc_titles import read_playlist, read_title_set
from framewatch.library.discs import disc_above, disc_kind, named_like


def test_a_playlist_says_its_length_and_its_clips() -> None:
    found = read_playlist(playlist(("00001", 60.5), ("00007", 3.0)))
    assert found is not None
    assert found.seconds == pytest.approx(63.5)
    assert found.clips == ("00001", "00007")


def test_a_title_set_says_the_length_of_its_longest_title() -> None:
    assert read_title_set(title_set((0, 0, 30), (1, 42, 10), (0, 5, 0))) == 3600 + 42 * 60 + 10


@pytest.mark.parametrize("data", [b"", b"MPLS", b"DVDVIDEO-VTS", b"MPLS0200" + b"\xff" * 50, b"x" * 5000])
def test_other_content_is_no_title(data: bytes) -> None:
    assert read_playlist(data) is None
    assert read_title_set(data) is None


def test_damaged_index_files_raise_nothing() -> None:
    chance = random.Random(7)  # noqa: S311 - reproducible, not secret
    for whole in (playlist(("00001", 60.5), ("00007", 3.0)), title_set((0, 0, 30), (1, 42, 10))):
        for _ in range(2000):
            data = bytearray(whole[: chance.randrange(len(whole))])
            for _ in range(min(3, len(data))):
                data[chance.randrange(len(data))] = chance.randrange(256)
            read_playlist(bytes(data))
            read_title_set(bytes(data))


def test_a_disc_is_known_by_the_name_of_its_folder_and_named_like_the_one_above() -> None:
    assert disc_kind("Video_TS")
    assert not disc_kind("VIDEO")
    assert disc_above("a/VIDEO_TS/VTS_01_1.VOB") == "a/VIDEO_TS"
    assert disc_above("a/BDMV/STREAM/BDMV/1") == "a/BDMV"
    assert disc_above("a/b.mkv") is None
    assert named_like(Path("Film 1.5/BDMV")).stem == "Film 1.5"
    assert named_like(Path("VIDEO_TS")) == Path("VIDEO_TS")
    assert named_like(Path("a/b.mkv")) == Path("a/b.mkv")
