"""Languages with a region or script (BCP 47), which Matroska has beside three letters and libav does not read."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from framewatch.domain import Entry, MediaInfo
from framewatch.media.damage.ebml import elements, read_vint

_TRACKS, _ENTRY, _LANGUAGE = b"\x16\x54\xae\x6b", b"\xae", b"\x22\xb5\x9d"
_MAX_TRACKS = 1 << 20  # bytes of the tracks' description
_MAX_TAG = 35  # characters that RFC 5646 wants a tag to have room for
_LETTERS = 3


def language_entries(file: BinaryIO, info: MediaInfo) -> tuple[Entry, ...]:
    """Return an entry for each track whose language says more than its three letters."""
    streams = [stream for stream in info.streams if stream.kind != "attachment" and not stream.cover]
    found = _languages(file)
    if len(found) != len(streams):  # there are tracks that libav leaves out
        return ()
    pairs = zip(streams, found, strict=True)
    return tuple(
        Entry(kind="language_region", stream=stream.index, detail=tag)
        for stream, tag in pairs
        if len(tag) > _LETTERS and tag != stream.language
    )


def _languages(file: BinaryIO) -> list[str]:
    tracks = next((each for each in elements(file) if each.name == _TRACKS), None)
    if tracks is None or tracks.end is None or tracks.end - tracks.start > _MAX_TRACKS:
        return []
    file.seek(tracks.start + len(_TRACKS))
    if read_vint(file) is None:
        return []
    body = file.read(tracks.end - file.tell())
    return [_tag(content) for name, content in _children(body) if name == _ENTRY]


def _tag(track: bytes) -> str:
    found = next((content for name, content in _children(track) if name == _LANGUAGE), b"")
    text = found.rstrip(b"\0").decode("ascii", "replace")
    return text if len(text) <= _MAX_TAG and text.replace("-", "").isalnum() and text.isascii() else ""


def _children(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the elements of one level, up to the first that is none."""
    file = BytesIO(data)
    while first := file.read(1):
        width = 9 - first[0].bit_length() if first[0] else 0
        if not 1 <= width <= 4:
            return
        name = first + file.read(width - 1)
        length = read_vint(file)
        if length is None or length > len(data) - file.tell():
            return
        yield name, file.read(length)
