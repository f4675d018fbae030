"""How many packets the index of an MP4 or MOV lists, read before libav makes room for all of them.

An index may say "80 million packets of one byte each" in twenty bytes, and libav takes 36 bytes of memory for each.
In every other container an entry of the index takes about as much room in the file as in memory.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from framewatch.media.iso_files.boxes import boxes, head, numbers
from framewatch.media.out_of_memory import index_too_costly, too_costly

_ENTRY_BYTES = 36  # of libav's AVIndexEntry and MOVTimeToSample
# Frames of sound in an entry, where libav reads chunks: so many, or fewer where they have to be whole packets.
_FRAMES_PER_ENTRY = 1024
_OWN_ENTRY = 160  # frames of a packet from which on each has an entry of its own
# Whether a track of this handler is sound. Libav ignores others: QuickTime has a second handler, of the data.
_HANDLERS = {b"soun": True, b"vide": False, b"subp": False, b"clcp": False}
_PACKET_FRAMES_AT = {1: 44, 2: 76}  # where a description of sound says how many frames a packet has, by its version
_MAX_TABLE = 64 * 2**20  # bytes of a table of chunks that are read


class TrackIndex(NamedTuple):
    """What the index lists of one track, or of one fragment of it."""

    entries: int  # that libav makes of it

    @property
    def memory(self) -> int:
        """Bytes that libav takes for it."""
        return self.entries * _ENTRY_BYTES


@dataclass
class _Track:
    sound: bool | None = None  # None: no handler says so, and libav may go by the codec
    packets: int = 0  # where sound is chunked, audio frames: also where it is compressed, as in old QuickTime files
    frame_by_frame: bool = False  # each packet of sound is one audio frame
    chunks: int = 0
    runs: bytes = b""  # how many packets the chunks hold
    frames_per_entry: int = _FRAMES_PER_ENTRY

    @property
    def index(self) -> TrackIndex:
        if self.sound is False or not self.frame_by_frame:
            return TrackIndex(self.packets)
        chunked = _chunk_entries(self.runs, self.chunks, self.frames_per_entry)
        return TrackIndex(chunked if self.sound else max(chunked, self.packets))


def index_sizes(file: BinaryIO) -> list[TrackIndex]:
    """Read what the index lists of each track and each fragment (ISO/IEC 14496-12, sections 8.6 to 8.8)."""
    end = file.seek(0, os.SEEK_END)
    tracks: list[_Track] = []
    fragments: list[TrackIndex] = []
    for kind, start, stop in boxes(file, 0, end):
        if kind == b"trak":
            tracks.append(_Track())
        elif kind == b"trun":
            fragments += _fragment(head(file, start, stop, 8))
        elif tracks:
            _read_box(file, kind, start, stop, tracks[-1])
    return [*(track.index for track in tracks), *fragments]


def check_index(tracks: Sequence[TrackIndex], size: int, room: int) -> None:
    """Return if the index of a file of `size` bytes is possible, and fits into `room` bytes of memory.

    Raises:
        MediaError: `media.too_costly`.
    """
    needed = sum(track.memory for track in tracks)
    most = max((track.entries for track in tracks), default=0)
    if most > size:  # each takes a byte or an entry at the least
        raise index_too_costly(most, needed, size)
    if needed > room:
        raise too_costly("its index", needed)


def _read_box(file: BinaryIO, kind: bytes, start: int, stop: int, track: _Track) -> None:
    if kind == b"hdlr":
        track.sound = _HANDLERS.get(head(file, start, stop, 12)[8:12], track.sound)
    elif kind == b"stsd":
        track.frames_per_entry = min(track.frames_per_entry, _frames_per_entry(head(file, start, stop, 80)))
    elif kind in (b"stsz", b"stz2"):
        track.packets = max(track.packets, *numbers(head(file, start, stop, 12), 8))
    elif kind == b"stts":
        count, _, duration = (*numbers(head(file, start, stop, 16), 4), 0, 0, 0)[:3]
        track.frame_by_frame = (count, duration) == (1, 1)
    elif kind in (b"stco", b"co64"):
        track.chunks = max(track.chunks, *numbers(head(file, start, stop, 8), 4))
    elif kind == b"stsc":
        track.runs = head(file, start, stop, _MAX_TABLE)


def _frames_per_entry(description: bytes) -> int:
    """Return how many frames of sound libav has in an entry of a chunked track at the least."""
    if numbers(description, 4)[0] != 1:
        return _OWN_ENTRY
    version = int.from_bytes(description[24:26])
    frames = numbers(description, _PACKET_FRAMES_AT[version])[0] if version in _PACKET_FRAMES_AT else 0
    if frames >= _OWN_ENTRY:
        return min(frames, _FRAMES_PER_ENTRY)  # libav does not look at it in some files
    return _FRAMES_PER_ENTRY - _FRAMES_PER_ENTRY % max(frames, 1)


def _chunk_entries(table: bytes, chunks: int, frames_per_entry: int) -> int:
    """Return the entries that libav makes of a track that it reads in chunks."""
    runs = [*struct.iter_unpack(">3I", table[8 : len(table) - (len(table) - 8) % 12])] if len(table) > 8 else []
    entries = 0
    for number, (first, frames, _) in enumerate(runs):
        after = runs[number + 1][0] if number + 1 < len(runs) else max(chunks, first) + 1
        entries += max(after - first, 0) * -(-frames // frames_per_entry)
    return entries


def _fragment(header: bytes) -> Iterator[TrackIndex]:
    if len(header) == 8:
        _, packets = struct.unpack(">2I", header)
        yield TrackIndex(packets)
