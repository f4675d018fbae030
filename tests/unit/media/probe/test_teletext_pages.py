"""The pages of subtitles, as the tables of a transport stream have them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from framewatch.media.probe.probe import probe
from framewatch.media.probe.streams.teletext_pages import teletext_pages
from media_factory import make_video
from teletext import OTHER_PAGE, PAGE, PID, with_teletext


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    plain = make_video(tmp_path_factory.mktemp("teletext") / "plain.ts")
    return with_teletext(plain.read_bytes(), [(0.5, "word")], 1.0, (PAGE, OTHER_PAGE))


@pytest.mark.parametrize("size", [188, 192, 204])
@pytest.mark.parametrize("cut", [0, 50])
def test_pages_are_found_by_their_track_whatever_the_packets_size(size: int, cut: int, broadcast: bytes) -> None:
    before, after = (4, 0) if size == 192 else (0, size - 188)
    packets = (broadcast[at : at + 188] for at in range(0, len(broadcast), 188))
    data = b"".join(bytes(before) + packet + bytes(after) for packet in packets)
    assert [page.number for page in teletext_pages(data[cut:])[PID]] == [888, 877]


def test_the_probe_tells_the_pages_of_a_track(broadcast: bytes, tmp_path: Path) -> None:
    film = tmp_path / "a.ts"
    film.write_bytes(broadcast)
    assert [(each.codec, each.pages) for each in probe(film).streams] == [("h264", ()), ("dvb_teletext", (888, 877))]


def test_damaged_tables_have_no_pages_and_raise_nothing(broadcast: bytes) -> None:
    chance = random.Random(47)  # noqa: S311 - damage, no secrets
    for _ in range(300):
        data = bytearray(broadcast[: 188 * 12])
        for _ in range(chance.randrange(1, 40)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        pages = teletext_pages(bytes(data[: chance.randrange(len(data))]))
        assert all(100 <= page.number <= 899 for found in pages.values() for page in found)
    assert teletext_pages(b"") == {}
