"""Parts of a container that may hold zeros though nothing is missing: padding, indexes, fonts and pictures."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from framewatch.media.damage.zero_runs import Run
from framewatch.media.iso_files.boxes import boxes
from framewatch.media.matroska_files.elements import CLUSTER, elements

_LOOK_BACK = 64  # bytes before a run: where the header of what it pads is
_MAX_CHUNKS = 1_000_000
_FRAGMENT = (b"moof", b"mdat")
_SYNC = b"G"
_SYNC_PACKETS = 8
_TS_LENGTHS = (188, 192, 204)  # bytes: with a time in front (m2ts), with parity behind (DVB)
_MXF_FILL = bytes.fromhex(
    "060e2b34010101"
)  # and then a version, and what kind of item it is (SMPTE 377-1, table A.1)
_MXF_FILL_ITEM = bytes.fromhex("0301021001000000")


def padded_parts(file: BinaryIO, container: str) -> list[Run]:
    """Return the parts of a file that hold no packets, as far as its outermost structure says.

    Args:
        file: the file.
        container: libav's name of its format.
    """
    if container.startswith("matroska"):
        return [Run(each.start, each.end) for each in elements(file) if each.name != CLUSTER and each.end is not None]
    if container.startswith("mov"):
        return [part for kind, part in _boxes(file) if kind not in _FRAGMENT]
    return list(_avi_parts(file)) if container == "avi" else []


def is_fragmented(file: BinaryIO, container: str) -> bool:
    """Return whether an MP4 file has an index in each fragment (ISO/IEC 14496-12, section 8.8)."""
    return container.startswith("mov") and any(kind == b"moof" for kind, _ in _boxes(file))


def padding_end(file: BinaryIO, run: Run, container: str) -> int:
    """Return where the padding ends that a run of zeros is in; its start, if it is in none."""
    begin = max(run.start - _LOOK_BACK, 0)
    file.seek(begin)
    data = file.read(run.start - begin + 16)  # a length may end with zeros
    before = run.start - begin
    if container.startswith("matroska"):
        return begin + _after_void(data, before)
    if container == "avi":
        return begin + _after_junk(data, before)
    return begin + _after_fill(data, before) if container == "mxf" else run.start


def _avi_parts(file: BinaryIO) -> Iterator[Run]:
    """Yield the chunks of a RIFF file beside the lists that hold packets; OpenDML has several RIFFs in a file."""
    size = file.seek(0, os.SEEK_END)
    position = 0
    for _ in range(_MAX_CHUNKS):
        if position + 12 > size:
            return
        file.seek(position)
        name, length, kind = struct.unpack("<4sI4s", file.read(12))
        if name == b"RIFF":
            yield Run(position, position + 12)
            position += 12
            continue
        if not name.isascii() or not name.strip(b"\0"):
            return
        end = position + 8 + length + length % 2
        if (name, kind) != (b"LIST", b"movi"):
            yield Run(position, end)
        position = end


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, Run]]:
    """Yield the top-level boxes of an MP4 or MOV file."""
    begin = 0
    for kind, _, end in boxes(file, 0, file.seek(0, os.SEEK_END), ()):
        if not kind.isascii() or not kind.strip(b"\0"):
            return
        yield kind, Run(begin, end)
        begin = end


def is_avi_chunk(file: BinaryIO, start: int) -> bool:
    """Return whether an index, padding or a list begins behind a packet of an AVI file."""
    file.seek(start)
    names = (file.read(10) + bytes(10))[:10]
    return any(_is_chunk_name(names[shift : shift + 4]) for shift in (0, 1, 2))  # chunks begin at even places


def is_in_sync(file: BinaryIO, part: Run) -> bool:
    """Return whether there are packets of a transport stream in the middle of a part, as null packets are."""
    file.seek((part.start + part.end) // 2)
    data = file.read(min(_SYNC_PACKETS * 204 * 2, (part.end - part.start) // 2))
    return any(
        data[first::length][:_SYNC_PACKETS] == _SYNC * _SYNC_PACKETS
        for length in _TS_LENGTHS
        for first in range(length)
    )


def _is_chunk_name(name: bytes) -> bool:
    return name in (b"JUNK", b"LIST", b"RIFF", b"idx1") or name[:2] == b"ix" or name[2:] == b"ix"


def _after_void(data: bytes, before: int) -> int:
    """Return where a Void element ends (RFC 8794, section 11.3.2) whose header is right before the zeros."""
    start = data.rfind(b"\xec", max(before - 9, 0), before)
    if start < 0 or not data[start + 1]:
        return before
    width = 9 - data[start + 1].bit_length()
    length = int.from_bytes(data[start + 1 : start + 1 + width]) & ((1 << (7 * width)) - 1)
    return max(start + 1 + width + length, before)


def _after_junk(data: bytes, before: int) -> int:
    start = data.rfind(b"JUNK", 0, before)
    if start < 0:
        return before
    return max(start + 8 + int(struct.unpack_from("<I", data, start + 4)[0]), before)


def _after_fill(data: bytes, before: int) -> int:
    """Return where a fill item ends whose key and length (BER) are right before the zeros."""
    start = data.rfind(_MXF_FILL, 0, before)
    if start < 0 or data[start + 8 : start + 16] != _MXF_FILL_ITEM:
        return before
    first = data[start + 16]
    width = first & 0x7F if first & 0x80 else 0
    length = int.from_bytes(data[start + 17 : start + 17 + width]) if width else first
    return max(start + 17 + width + length, before)
