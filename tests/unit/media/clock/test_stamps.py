"""Time stamps in the bytes of MPEG streams."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from framewatch.domain import ClockStep, InputFile, SourceClock
from framewatch.media.clock.corrected import ClockCorrection
from framewatch.media.clock.jumps import TICKS, WRAP, Bridged
from framewatch.media.probe.packet_scan import scan
from framewatch.media.probe.pyav_values import packets
from framewatch.media.probe.safe_open import open_media
from framewatch.storage.files import named_by_user
from media_factory import make_video

KINDS = {
    "plain.ts": ("mpegts", ("-f", "mpegts")),
    "blu-ray.m2ts": ("mpegts", ("-f", "mpegts", "-mpegts_m2ts_mode", "1")),
    "mpeg2.vob": ("mpeg", ("-c:v", "mpeg2video", "-bf", "2", "-c:a", "ac3", "-f", "vob")),
    "mpeg1.mpg": ("mpeg", ("-c:v", "mpeg1video", "-bf", "2", "-c:a", "mp2", "-f", "mpeg")),
}
EVERY_KIND = pytest.mark.parametrize("name", KINDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("stamps")
    for name, (_, output) in KINDS.items():
        make_video(made / name, seconds=2, audio=True, output=output)
    return made


def moved(path: Path, seconds: float, first: int = 0) -> InputFile:
    step = ClockStep(stream=None, first=first, before=first, offset=round(seconds * TICKS) % WRAP)
    return named_by_user(path).evolve(clock=SourceClock(container=KINDS[path.name][0], steps=(step,)))  # type: ignore[arg-type]


def times(file: InputFile) -> list[tuple[int, int | None, int | None, int]]:
    """Stream, PTS, DTS and size of each packet."""
    with open_media(file) as container:
        return [(each.stream_index, each.pts, each.dts, each.size) for each in packets(container) if each.size]


@EVERY_KIND
@pytest.mark.parametrize("seconds", [1000, 40_000.5])
def test_all_times_are_moved_and_nothing_else_changes(name: str, seconds: float, folder: Path) -> None:
    before, after = times(named_by_user(folder / name)), times(moved(folder / name, seconds))
    ticks = round(seconds * TICKS)
    assert after == [(stream, (pts or 0) + ticks, (dts or 0) + ticks, size) for stream, pts, dts, size in before]


@EVERY_KIND
@pytest.mark.parametrize("size", [100, 4096, 65_537])
def test_the_size_of_the_pieces_makes_no_difference(name: str, size: int, folder: Path) -> None:
    path = folder / name
    clock = moved(path, 77, first=path.stat().st_size // 2).clock
    assert clock is not None
    data = path.read_bytes()
    with path.open("rb") as file:
        correction = ClockCorrection(file.fileno(), clock)
        whole = correction.corrected(data, 0)
        pieces = [correction.corrected(data[begin : begin + size], begin) for begin in range(0, len(data), size)]
    assert b"".join(pieces) == whole
    assert len(whole) == len(data) != sum(one == other for one, other in zip(whole, data, strict=True))


def test_a_transport_stream_is_found_again_behind_junk(folder: Path, tmp_path: Path) -> None:
    data = (folder / "plain.ts").read_bytes()
    broken = tmp_path / "plain.ts"
    broken.write_bytes(data[: 188 * 40] + b"G" * 77 + data[188 * 40 :])
    before, after = times(named_by_user(broken)), times(moved(broken, 500))
    known = [(one, other) for one, other in zip(before, after, strict=True) if one[1] is not None]
    assert {(other[1] or 0) - (one[1] or 0) for one, other in known} == {500 * TICKS}


@EVERY_KIND
def test_the_clock_turns_over_after_33_bits(name: str, folder: Path) -> None:
    start = times(named_by_user(folder / name))[0][1] or 0
    after = times(moved(folder / name, (WRAP - start) / TICKS - 1))
    with av.open(str(folder / name)) as container:
        stream = container.streams.video[0].index
    shown = sorted(pts for index, pts, _, _ in after if index == stream and pts is not None)
    assert shown[-1] - shown[0] == 49 * TICKS // 25


def test_a_packet_with_a_damaged_header_in_a_transport_stream_is_not_left(folder: Path, tmp_path: Path) -> None:
    data = bytearray((folder / "plain.ts").read_bytes())
    for number, name in enumerate((0xE0, 0xC0, 0xE0)):  # an identifier that no sound has, and marks that are gone
        at = data.index(bytes((0, 0, 1, name)), len(data) // 3 * number)
        data[at + 3] = 0xB8 if name == 0xC0 else name
        data[at + 6] &= 0x3F
        data[at + 9] &= 0x0E
        data[at + 13] &= 0xFE
    broken = tmp_path / "plain.ts"
    broken.write_bytes(data)
    before, after = times(named_by_user(broken)), times(moved(broken, 500))
    assert {(other[1] or 0) - (one[1] or 0) for one, other in zip(before, after, strict=True)} == {500 * TICKS}


def test_a_damaged_time_of_a_sound_is_moved_back_to_those_around_it(folder: Path, tmp_path: Path) -> None:
    data = bytearray((folder / "plain.ts").read_bytes())
    at = data.index(b"\0\0\1\xc0", len(data) // 2)
    data[at + 9] ^= 4  # 6.6 hours
    damaged = tmp_path / "plain.ts"
    damaged.write_bytes(data)
    source = named_by_user(damaged)
    bridged = scan(source, 0)
    assert isinstance(bridged, Bridged)
    assert times(source.evolve(clock=bridged.clock)) == times(named_by_user(folder / "plain.ts"))
