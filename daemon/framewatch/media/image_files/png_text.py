"""What libav is not to read of a PNG: text and colour profiles, which it would inflate whatever their size.

Text of an image is not carried into the output; only an orientation in it matters, and that is short.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from framewatch.errors import MediaError
from framewatch.media.icc import MAX_ICC_BYTES
from framewatch.media.image_files.image_size import PNG_SIGNATURE
from framewatch.media.limits import MAX_TAG_CHARACTERS

HIDDEN_PROFILE = b"icCP"
"""The chunk type that takes the place of `iCCP` in front of a profile that is too large."""

_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_HIDDEN_TEXT = b"teXT"  # ancillary and private (W3C PNG, section 5.4): decoders skip it
_ICON = b"\0\0\1\0"
_ICON_HEADER = 6
_ICON_ENTRY = struct.Struct("<12xI")  # offset of an image
_CHUNK = struct.Struct(">I4s")
_CHUNK_BYTES = 12  # length, type and CRC
_WINDOW = 64 * 1024  # bytes read at a time: chunks of image data usually have 8 or 32 KiB
_MAX_CHUNKS = 1_000_000  # with the least usual size, of an image of 8 GB
_MAX_LENGTH = 2**31 - 1  # of a chunk


def hidden_chunks(file: BinaryIO) -> dict[int, bytes]:
    """Return the chunk types to put in place of others, by their offset: of text and profiles that are too large.

    It reads PNG and APNG, and those in an icon; of other files only the first bytes. The position is 0 afterwards.

    Raises:
        MediaError: `media.unreadable`: it has more chunks than any program writes.
        StorageError: the file cannot be read now.
    """
    found = _Findings()
    for start in _images(file):
        for at, length, kind in _chunks(file, start + len(PNG_SIGNATURE)):
            found.look_at(file, at, length, kind)
    file.seek(0)
    return found.hidden


class _Findings:
    """What is to be hidden of a file, whose text is counted over all its images."""

    def __init__(self) -> None:
        self.hidden: dict[int, bytes] = {}
        self._chunks = 0
        self._profiles = 0
        self._text_left = MAX_TAG_CHARACTERS

    def look_at(self, file: BinaryIO, at: int, length: int, kind: bytes) -> None:
        self._chunks += 1
        if self._chunks > _MAX_CHUNKS:
            message = f"this PNG consists of more than {_MAX_CHUNKS} parts"
            raise MediaError(message, code="media.unreadable", hint="open it in an image editor and save it again")
        if kind == b"iCCP":
            self._profiles += 1
            is_large = self._profiles > 1 or length > MAX_ICC_BYTES  # more than one are not allowed
            if is_large or _size(kind, _body(file, at, length), MAX_ICC_BYTES) > MAX_ICC_BYTES:
                self.hidden[at + 4] = HIDDEN_PROFILE
        elif kind in _TEXT:
            # Once it is too much, the rest is not even looked at: that would take time as well.
            self._text_left -= min(length, self._text_left)
            if self._text_left:
                size = _size(kind, _body(file, at, length), self._text_left)
                self._text_left -= min(size, self._text_left)
            if not self._text_left:
                self.hidden[at + 4] = _HIDDEN_TEXT


def _images(file: BinaryIO) -> Iterator[int]:
    """Yield where each PNG begins."""
    file.seek(0)
    head = file.read(len(PNG_SIGNATURE))
    if head == PNG_SIGNATURE:
        yield 0
    elif head.startswith(_ICON):
        (count,) = struct.unpack_from("<H", head.ljust(6, b"\0"), 4)
        file.seek(_ICON_HEADER)
        entries = file.read(count * _ICON_ENTRY.size)
        for (offset,) in _ICON_ENTRY.iter_unpack(entries[: len(entries) // _ICON_ENTRY.size * _ICON_ENTRY.size]):
            file.seek(offset)
            if file.read(len(PNG_SIGNATURE)) == PNG_SIGNATURE:
                yield offset


def _chunks(file: BinaryIO, at: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield offset, length and type of each chunk. What follows an image is read as more of them, as libav does."""
    begin, window = at, b""
    while True:
        if at + _CHUNK.size > begin + len(window):
            file.seek(at)
            begin, window = at, file.read(_WINDOW)
        if len(window) < at - begin + _CHUNK.size:
            return
        if window.startswith(PNG_SIGNATURE, at - begin):
            at += len(PNG_SIGNATURE)
            continue
        length, kind = _CHUNK.unpack_from(window, at - begin)
        if length > _MAX_LENGTH:
            return
        yield at, length, kind
        at += _CHUNK_BYTES + length


def _body(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at + _CHUNK.size)
    return file.read(length)


def _size(kind: bytes, body: bytes, most: int) -> int:
    """Return how many bytes the compressed part of a chunk becomes; `most` + 1 if it is more, or damaged."""
    _, _, rest = body.partition(b"\0")  # behind the name (W3C PNG, sections 11.3.2.3 and 11.3.3)
    if kind == b"iTXt" and rest[:1] == b"\1":
        packed = rest[2:].split(b"\0", 2)[-1]  # behind a language and a translated name
    elif kind in (b"iCCP", b"zTXt"):
        packed = rest[1:]
    else:
        return 0
    try:
        return len(zlib.decompressobj().decompress(packed, most + 1))
    except zlib.error:
        return most + 1
