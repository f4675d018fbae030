"""Languages with a region or script (BCP 47), which Matroska has beside three letters and libav does not read."""

from __future__ import annotations

from typing import BinaryIO

from framewatch.domain import Entry, MediaInfo
from framewatch.media.matroska_files.elements import children, find_element

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
    tracks = find_element(file, _TRACKS, _MAX_TRACKS)
    return [_tag(content) for name, content in children(tracks) if name == _ENTRY]


def _tag(track: bytes) -> str:
    found = next((content for name, content in children(track) if name == _LANGUAGE), b"")
    text = found.rstrip(b"\0").decode("ascii", "replace")
    return text if len(text) <= _MAX_TAG and text.replace("-", "").isalnum() and text.isascii() else ""
