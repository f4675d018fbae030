"""The entries that follow from what the probe knows of streams: depth, colour resolution, transparency. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction

from framewatch.domain import Entry, MediaInfo, Stream, Video
from framewatch.domain.inventory import UNKNOWN
from framewatch.media.siting import LEFT_TO_CONTAINERS

# Parts of libav's names of pixel formats: packed and semi-planar ones do not say 4:2:2 or 4:4:4.
_MARKS_422 = ("422", "440", "nv16", "nv20", "p210", "p212", "p216", "y210", "y212", "y216")
_MARKS_RGB = ("gbrp", "gbrap", "rgb", "bgr", "pal8", "xyz")
_MARKS_444 = ("444", "nv24", "nv42", "p410", "p412", "p416", "ayuv", "uyva", "vuy", "v30x", "xv3", "xv4")
_CHROMA = dict.fromkeys(_MARKS_422, "chroma_422") | dict.fromkeys((*_MARKS_444, *_MARKS_RGB), "chroma_444")
_BY_DETAIL = ("tag", "tag_of_track", "service")  # of which there may be several
_PALETTES = ("gif",)  # libav decodes it to RGB, but nobody who makes one keeps colours at full resolution
_TIMECODE = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}([:;.])([0-9]{2,3})")
_DROPPING = Fraction(30_000, 1001)  # only its multiples skip numbers of frames (SMPTE ST 12-1)
_SHALLOW, _DEEP = 8, 10  # bits of a component


def complete_inventory(info: MediaInfo) -> tuple[Entry, ...]:
    """Return everything that a file has beyond picture and sound."""
    main = info.main_video
    rate = main.video.rate if main and main.video else None
    attached = (_judged(entry, rate) for entry in info.inventory)
    return merged(attached, (entry for stream in info.streams for entry in _of_stream(stream)))


def _judged(entry: Entry, rate: Fraction | None) -> Entry:
    """Return the entry, of another kind where it is a timecode that mp4's and mov's own track cannot count."""
    if entry.kind != "timecode":
        return entry
    found = _TIMECODE.fullmatch(entry.detail)
    counts = found is not None and rate is not None and int(found[2]) < rate
    drops = found is not None and found[1] in ";."
    fits = counts and (not drops or (rate or 0) % _DROPPING == 0)
    return entry if fits else entry.evolve(kind="timecode_odd")


def merged(*parts: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the entries of all parts, each kind once for a stream, as detailed as it is known."""
    found: dict[tuple[str, int | None, str], Entry] = {}
    for each in (entry for part in parts for entry in part):
        key = (each.kind, each.stream, each.detail if each.kind in (UNKNOWN, *_BY_DETAIL) else "")
        known = found.get(key, each)
        found[key] = known.evolve(detail=known.detail or each.detail, data=known.data or each.data)
    return tuple(found.values())


def _of_stream(stream: Stream) -> Iterator[Entry]:
    if stream.video is not None and not stream.cover:
        found = dict(_of_video(stream.video))
        if stream.video.siting != "left":
            found[_siting_kind(stream, stream.video)] = stream.video.siting
        if stream.codec in _PALETTES:
            found.pop("chroma_444", None)
        yield from (Entry(kind=kind, stream=stream.index, detail=detail) for kind, detail in found.items())


def _siting_kind(stream: Stream, video: Video) -> str:
    if stream.codec in LEFT_TO_CONTAINERS:
        return "chroma_siting_of_container"
    return "chroma_siting" if "420" in video.pixel_format else "chroma_siting_422"


def _of_video(video: Video) -> Iterable[tuple[str, str]]:
    if video.alpha:
        yield "alpha", ""
    chroma = next((kind for mark, kind in _CHROMA.items() if mark in video.pixel_format), None)
    if chroma is not None:
        yield chroma, video.pixel_format
    if video.bit_depth > _SHALLOW:
        yield "depth_10" if video.bit_depth <= _DEEP else "depth_12", f"{video.bit_depth} bit"
    if video.hdr and video.hdr.mastering:
        yield "hdr_mastering", ""
    if video.hdr and video.hdr.light:
        yield "hdr_light", "MaxCLL {}, MaxFALL {} cd/m²".format(*video.hdr.light)
