"""Whether all of an MP4 or MOV is there: decided by where its index says that the data is."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path

import pytest

from framewatch.media.iso_files.extent import IsoExtent, iso_extent
from hostile_media import box, movie, table, track
from media_factory import ffmpeg, make_video, remux

HTML = b"<html><head><title>Thank you for your download</title></head></html>\n"
JUNK = {
    "a line break": b"\n",
    "a web page, read as a box of 1 GB": HTML,
    "seven bytes": b"1234567",
    "a tag of music": b"ID3\3\0\0\0\0\0\x20" + bytes(50),
    "an unknown box to the end": b"\0\0\0\0abcd1234",
    "a box that is too small": b"\0\0\0\2abcdefgh",
}


def look(data: bytes) -> IsoExtent:
    return iso_extent(io.BytesIO(data), len(data))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("films")
    film = make_video(folder / "film.mp4", audio=True, output=["-c:a", "aac"])
    options = {
        "front.mp4": ("-movflags", "+faststart"),
        "fragments.mp4": ("-movflags", "+frag_keyframe+empty_moov"),
        "sound.mov": ("-c:a", "pcm_s16le"),
    }
    for name, chosen in options.items():
        remux(film, folder / name, *chosen)
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", folder / "still.avif")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["film.mp4", "front.mp4", "fragments.mp4", "sound.mov", "still.avif"])
@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_bytes_behind_the_last_box_are_told_from_a_cut(films: dict[str, bytes], name: str, junk: bytes) -> None:
    assert look(films[name]) == IsoExtent()
    assert look(films[name] + junk) == IsoExtent(trailing=len(junk))
    assert look(films[name] + bytes(len(junk))) == IsoExtent()  # padding


@pytest.mark.parametrize("name", ["film.mp4", "front.mp4", "sound.mov", "still.avif"])
def test_a_cut_is_found_wherever_it_is(films: dict[str, bytes], name: str) -> None:
    whole = films[name]
    first = whole.index(b"mdat") if name != "film.mp4" else 40
    for size in {*range(first, len(whole), 97), *range(len(whole) - 40, len(whole))}:
        found = look(whole[:size])
        assert found.missing > 0 or not found.indexed, size


def test_a_fragmented_film_is_cut_where_a_box_begins_that_may_be_one(films: dict[str, bytes]) -> None:
    whole = films["fragments.mp4"]
    without_index = whole[: whole.index(b"mfra") - 4]
    assert look(without_index) == IsoExtent()
    assert look(without_index + HTML).trailing == len(HTML)
    assert look(without_index + b"\n").trailing == 1
    for begun in (b"\0\0", b"\0\0\4\0mo", b"\0\0\4\0moof\0\0"):
        assert look(without_index + begun).missing > 0
    assert look(without_index[:-10]).missing == 10


def test_the_samples_decide_and_not_what_the_last_box_states(tmp_path: Path) -> None:
    def film(offset: int, stated: int) -> bytes:
        tables = (table(b"stsz", 100, 2), table(b"stsc", 1, 1, 2, 1), table(b"stco", 1, offset))
        front = movie(tmp_path / "a.mov", track(*tables)).read_bytes()
        return front + stated.to_bytes(4) + b"mdat" + bytes(300)

    start = len(film(0, 308)) - 300
    assert look(film(start, 308)) == IsoExtent()
    assert look(film(start, 10_000)) == IsoExtent()
    assert look(film(start + 100, 10_000)) == IsoExtent()
    assert look(film(start + 101, 10_000)) == IsoExtent(missing=1)


def test_hostile_tables_are_survived(tmp_path: Path) -> None:
    large = 2**32 - 1
    tables = (
        table(b"stsz", large, large),
        table(b"stsc", 3, 1, large, 1, large, large, 1, 2, 5, 1),
        table(b"co64", 2, large, large, 0, 1),
    )
    data = movie(tmp_path / "a.mov", track(*tables)).read_bytes()
    assert look(data + HTML).missing > 0
    for cut in range(len(data)):
        look(data[:cut] + HTML)
    short = box(b"meta", b"\0\0\0\0", box(b"iloc", b"\1\0\0\0\x44\x40\xff\xff"))
    assert look(short + HTML).trailing == len(HTML)


HEIF = box(b"ftyp", b"avif\0\0\0\0avifmif1")
BOMBS = {
    "parts without width": table(b"iloc", 2000)[:-2] + struct.pack(">3H", 1, 0, 65535) * 2000,
    "items that are not there": (box(b"iloc", bytes(6), b"\xff\xff")) * 2000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_table_of_places_costs_no_more_than_its_size(bomb: bytes) -> None:
    begun = time.process_time()
    look(HEIF + box(b"meta", bytes(4), bomb))
    assert time.process_time() - begun < 5  # it was more than a minute


def test_an_index_with_more_tracks_than_libav_opens_is_not_followed() -> None:
    file = HEIF + box(b"moov", box(b"trak") * 1001)
    assert look(file + b"\n").missing == 1
    assert look(HEIF + box(b"moov", box(b"trak") * 1000) + b"\n").trailing == 1
