"""Reads how long the titles of a disc are, and which files they are made of, from its small index files. Pure.

Anybody may have made these files: whatever does not fit together is no title.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_CLOCK = 45_000  # Hz, of times in a Blu-ray's playlists
_SECTOR = 2048  # bytes, of a DVD
_MOST_ITEMS = 1000  # of a list; players take 999


class Playlist(NamedTuple):
    """A title of a Blu-ray."""

    seconds: float
    clips: tuple[str, ...]  # names without ending of the files in STREAM/, in playing order


def read_playlist(data: bytes) -> Playlist | None:
    """Return the title that a .mpls file describes; None if it is none.

    The layout is that of libbluray's `mpls_parse.c`: the offset of the playlist at byte 8; there the number of play
    items at byte 6, and from byte 10 on the items, each with its length, a clip's name of 5 digits, and at bytes 12
    and 16 behind the length the times at which it begins and ends.
    """
    try:
        if data[:4] != b"MPLS":
            return None
        (start,) = struct.unpack_from(">I", data, 8)
        (count,) = struct.unpack_from(">H", data, start + 6)
        position, ticks, clips = start + 10, 0, []
        for _ in range(min(count, _MOST_ITEMS)):
            length, name, begin, end = struct.unpack_from(">H5s7xII", data, position)
            clips.append(name.decode("ascii"))
            ticks += max(0, end - begin)
            position += 2 + length
    except (struct.error, UnicodeDecodeError):
        return None
    return Playlist(ticks / _CLOCK, tuple(clips)) if all(map(str.isdecimal, clips)) and clips else None


def read_title_set(data: bytes) -> float | None:
    """Return the seconds of the longest title in a DVD's title set, from its .IFO file; None if it has no title.

    The layout is that of libdvdread's `ifo_types.h`: at byte 0xCC the sector of the table of program chains; there
    their number in 2 bytes, and from byte 8 on entries of 8 bytes, the last 4 of which are the offset of a program
    chain in the table; at byte 4 of that its playing time, as hours, minutes and seconds in BCD.
    """
    try:
        if data[:12] != b"DVDVIDEO-VTS":
            return None
        (sector,) = struct.unpack_from(">I", data, 0xCC)
        table = sector * _SECTOR
        (count,) = struct.unpack_from(">H", data, table)
        times = []
        for number in range(min(count, _MOST_ITEMS)):
            (offset,) = struct.unpack_from(">I", data, table + 8 + 8 * number + 4)
            hours, minutes, seconds = map(_from_bcd, struct.unpack_from("BBB", data, table + offset + 4))
            times.append(3600.0 * hours + 60.0 * minutes + seconds)
    except struct.error:
        return None
    return max(times, default=None)


def _from_bcd(value: int) -> int:
    return 10 * (value >> 4) + (value & 0x0F)
