"""Detects incomplete copies: what the outermost structure of a container states, against the size of the file.

ISO media (MP4, MOV) states the size of its boxes, and in its index where the data is, Matroska the size of its
segment, AVI of its RIFF chunk, ASF in its file properties, and FLV, if the program cared, in its metadata. Packet
streams (MPEG-TS, Ogg) state nothing.
"""

from __future__ import annotations

import os
import struct
from enum import StrEnum
from typing import BinaryIO, NamedTuple

from framewatch.media.iso_files.extent import KINDS, iso_extent
from framewatch.media.matroska_files.elements import EBML, SEGMENT, read_vint

COPY_AGAIN_HINT = "copy it into the folder again; it will be taken when it is complete"

_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_BROADCAST = 1  # a flag: sizes are not valid (ASF specification, section 3.2)
_FLV_SIZE = b"\x00\x08filesize\x00"  # a name with its length, and the mark of a number (AMF 0)
_HEADER = 65_536  # bytes: in which the header of ASF or FLV is


class Family(StrEnum):
    """A container format, by the first bytes of a file."""

    ISO = "MP4 or MOV"
    MATROSKA = "Matroska or WebM"
    RIFF = "AVI"
    FLV = "FLV"
    OGG = "Ogg"
    ASF = "ASF"
    TS = "MPEG transport stream"
    PS = "MPEG program stream"


class Extent(NamedTuple):
    """What the outermost structure of a file states."""

    family: Family | None  # None: the first bytes are not those of a video container
    missing: int = 0  # bytes that are stated and not there
    indexed: bool = True  # False: an ISO file without an index
    trailing: int = 0  # bytes behind the end of an ISO file, unless they are zeros

    @property
    def truncated(self) -> bool:
        """Whether the file is certainly incomplete."""
        return self.missing > 0 or not self.indexed


def read_extent(file: BinaryIO) -> Extent:
    """Read the outermost structure of a file, in a few reads anywhere in it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(200)
    family = _family(head)
    if family is Family.ISO:
        return Extent(family, *iso_extent(file, size))
    if family is Family.MATROSKA:
        return Extent(family, _matroska_missing(file, size))
    if family is Family.RIFF:
        stated = 8 + int(struct.unpack_from("<I", head, 4)[0])
        return Extent(family, max(0, stated - size))
    if family in (Family.ASF, Family.FLV):
        return Extent(family, max(0, _stated_size(head + file.read(_HEADER), family) - size))
    return Extent(family)


def _stated_size(header: bytes, family: Family) -> int:
    """Return the size that the header of an ASF or FLV file states; 0 if it states none."""
    if family is Family.ASF:
        start = header.find(_ASF_FILE)
        if start < 0 or start + 92 > len(header) or header[start + 88] & _ASF_BROADCAST:
            return 0
        return int(struct.unpack_from("<Q", header, start + 40)[0])
    start = header.find(_FLV_SIZE)
    if start < 0 or start + len(_FLV_SIZE) + 8 > len(header):
        return 0
    stated = float(struct.unpack_from(">d", header, start + len(_FLV_SIZE))[0])
    return int(stated) if 0 < stated < 2**53 else 0


def _family(head: bytes) -> Family | None:
    checks = (
        (head[4:8] in KINDS, Family.ISO),
        (head.startswith(EBML), Family.MATROSKA),
        (head.startswith(b"RIFF") and head[8:12] == b"AVI ", Family.RIFF),
        (head.startswith(b"FLV\x01"), Family.FLV),
        (head.startswith(b"OggS"), Family.OGG),
        (head.startswith(_ASF), Family.ASF),
        (head.startswith(b"\x00\x00\x01\xba"), Family.PS),
        # Packets of m2ts are 192 bytes long, with four bytes in front.
        (
            (head[:1] == b"G" and head[188:189] == b"G") or (head[4:5] == b"G" and head[196:197] == b"G"),
            Family.TS,
        ),
    )
    return next((family for found, family in checks if found), None)


def _matroska_missing(file: BinaryIO, size: int) -> int:
    """Bytes missing of the Segment, after the EBML header (RFC 8794, RFC 9559); 0 if it states no length."""
    file.seek(4)
    header = read_vint(file)
    if header is None:
        return 1
    if header > size:
        return header - size
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != SEGMENT:
        return 0
    length = read_vint(file)
    return 0 if length is None else max(0, file.tell() + length - size)
