"""The entries that follow from what the probe knows of streams: depth, colour resolution, transparency. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from framewatch.domain import Entry, MediaInfo, Stream, Video
from framewatch.domain.inventory import UNKNOWN

_CHROMA = {"422": "chroma_422", "444": "chroma_444"}


def complete_inventory(info: MediaInfo) -> tuple[Entry, ...]:
    """Return everything that a file has beyond picture and sound."""
    return merged(info.inventory, (entry for stream in info.streams for entry in _of_stream(stream)))


def merged(*parts: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the entries of all parts, each kind once for a stream, as detailed as it is known."""
    found: dict[tuple[str, int | None, str], Entry] = {}
    for each in (entry for part in parts for entry in part):
        key = (each.kind, each.stream, each.detail if each.kind == UNKNOWN else "")
        known = found.get(key, each)
        found[key] = known.evolve(detail=known.detail or each.detail, data=known.data or each.data)
    return tuple(found.values())


def _of_stream(stream: Stream) -> Iterator[Entry]:
    if stream.video is not None and not stream.cover:
        yield from (Entry(kind=kind, stream=stream.index, detail=detail) for kind, detail in _of_video(stream.video))


def _of_video(video: Video) -> Iterable[tuple[str, str]]:
    if video.alpha:
        yield "alpha", ""
    chroma = next((kind for mark, kind in _CHROMA.items() if mark in video.pixel_format), None)
    if chroma is not None:
        yield chroma, video.pixel_format
    if video.hdr and video.hdr.mastering:
        yield "hdr_mastering", ""
    if video.hdr and video.hdr.light:
        yield "hdr_light", "MaxCLL {}, MaxFALL {} cd/m²".format(*video.hdr.light)
