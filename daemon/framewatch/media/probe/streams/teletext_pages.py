"""Which pages of a teletext track are subtitles: the program's table says so, and libav keeps that to itself.

A track of teletext may have hundreds of pages, of which one or two are subtitles. Without their numbers, all of them
would become text. The tables are those of ISO/IEC 13818-1, section 2.4.4; the descriptor is of ETSI EN 300 468,
section 6.2.43.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from framewatch.domain import Stream

LOOK_BYTES = 4 * 2**20  # a table is sent ten times a second
_SIZES = (188, 192, 204)  # of a packet: in a broadcast, on Blu-ray, with error correction
_SYNC, _PROVEN = 0x47, 5
_PROGRAMS, _STREAMS = 0, 2  # tables
_NO_PROGRAM = 0
_TELETEXT, _VBI_TELETEXT = 0x56, 0x46  # descriptors
_SUBTITLES = (2, 5)  # types of page: subtitles, and those for people who are hard of hearing


class TeletextPage(NamedTuple):
    """A page with subtitles."""

    number: int  # as viewers know it, such as 888
    language: str


def mark_pages(data: bytes, streams: tuple[Stream, ...], pids: Mapping[int, int]) -> tuple[Stream, ...]:
    """Return the streams, with the pages of subtitles in those of teletext.

    Args:
        data: the beginning of a transport stream.
        streams: as libav has them.
        pids: of each stream, by its index.
    """
    found = teletext_pages(data)
    return tuple(
        each.evolve(pages=tuple(page.number for page in found.get(pids.get(each.index, -1), ())))
        if each.codec == "dvb_teletext"
        else each
        for each in streams
    )


def teletext_pages(data: bytes) -> dict[int, tuple[TeletextPage, ...]]:
    """Return the pages with subtitles by the PID of their track; empty where the tables are not found or broken."""
    tables: set[int] = set()
    pages: dict[int, tuple[TeletextPage, ...]] = {}
    for pid, section in _sections(data):
        if pid == 0 and section[0] == _PROGRAMS:
            tables |= set(_program_tables(section))
        elif pid in tables and section[0] == _STREAMS:
            pages |= _pages_of(section)
    return pages


def _sections(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the sections of tables that fit into one packet, as those of all but the largest multiplexes do."""
    start, size = _packets(data)
    for at in range(start, len(data) - size + 1, size):
        packet = data[at : at + 188]
        if packet[0] != _SYNC or not packet[1] & 0x40 or not packet[3] & 0x10:
            continue
        begin = 5 + packet[4] if packet[3] & 0x20 else 4
        begin += 1 + packet[begin] if begin < len(packet) else 0
        section = packet[begin:]
        length = (section[1] & 15) << 8 | section[2] if len(section) > 12 else 0
        if 12 < length <= len(section) - 3:
            yield (packet[1] & 31) << 8 | packet[2], section[: length - 1]  # without the checksum


def _packets(data: bytes) -> tuple[int, int]:
    """Return where the first packet begins, and the size of all; nothing can be read if there are none."""
    for size in _SIZES:
        for start in range(min(size, len(data))):
            if all(each == _SYNC for each in data[start : start + _PROVEN * size : size]):
                return start, size
    return len(data), _SIZES[0]


def _program_tables(section: bytes) -> Iterator[int]:
    for at in range(8, len(section) - 3, 4):
        if int.from_bytes(section[at : at + 2], "big") != _NO_PROGRAM:
            yield (section[at + 2] & 31) << 8 | section[at + 3]


def _pages_of(section: bytes) -> dict[int, tuple[TeletextPage, ...]]:
    pages: dict[int, tuple[TeletextPage, ...]] = {}
    at = 12 + ((section[10] & 15) << 8 | section[11])
    while at + 5 <= len(section):
        pid, length = (section[at + 1] & 31) << 8 | section[at + 2], (section[at + 3] & 15) << 8 | section[at + 4]
        found = tuple(_in_descriptors(section[at + 5 : at + 5 + length]))
        if found:
            pages[pid] = found
        at += 5 + length
    return pages


def _in_descriptors(data: bytes) -> Iterator[TeletextPage]:
    at = 0
    while at + 2 <= len(data):
        tag, length = data[at], data[at + 1]
        if tag in (_TELETEXT, _VBI_TELETEXT):
            for entry in range(at + 2, min(at + 2 + length, len(data)) - 4, 5):
                kind, magazine, page = data[entry + 3] >> 3, data[entry + 3] & 7, data[entry + 4]
                if kind in _SUBTITLES and page >> 4 < 10 and page & 15 < 10:
                    language = data[entry : entry + 3].decode("latin-1")
                    yield TeletextPage((magazine or 8) * 100 + (page >> 4) * 10 + (page & 15), language)
        at += 2 + length
