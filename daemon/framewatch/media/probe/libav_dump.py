"""What libav knows about streams but tells only in its log, in its description ("dump") of the file.

Containers can hide a part of the frames (`clap` in MOV, PixelCrop in Matroska). The ffmpeg program crops it off since
version 7.1, so the decoder of frames for the network has to do the same, and this is the only place where libav tells
Python about it. It also names codecs without a decoder, programs, what is attached to streams ("side data") and,
where it logs more than usual, where chroma lies.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast, get_args

import av
from av.container import InputContainer

from framewatch.domain import ChromaSiting, DolbyVision, Edges
from framewatch.media.probe.pyav_values import tags

_STREAM = re.compile(r"^ +Stream #0:(\d{1,5})(?!\d)", re.MULTILINE)
_CODEC = re.compile(r"[^\n]*?: (?:Video|Audio|Subtitle|Data): (\w+)(?:, \d+ reference frames?)?(?: \((\w+))?")
_SITING = re.compile(rf"[^\n]*?: Video: [^\n]*?[(, ]({'|'.join(get_args(ChromaSiting))})\), \d+x\d+")
_CROPPING = re.compile(r"^      Frame [Cc]ropping: (\d{1,20})/(\d{1,20})/(\d{1,20})/(\d{1,20})$", re.MULTILINE)
_PROGRAM = re.compile(r"^  Program (\d+) ([^\n]*)$", re.MULTILINE)
_SERVICE = re.compile(r"^      service_name    : ([^\n]*)$", re.MULTILINE)
_SERVICE_TAG = re.compile(r"^      (service_name|service_provider) *: ([^\n]*)$", re.MULTILINE)
_SIDE_DATA = re.compile(r"^    Side data:\n((?:      [^\n]*\n?)+)", re.MULTILINE)
_DOLBY_VISION = re.compile(r"profile: (\d{1,3}),.* el flag: (\d),.* compatibility id: (\d{1,3})")
_UNKNOWN_SIDE_DATA = re.compile(r"(unknown side data type \S+)")
_listening = threading.Lock()  # held by the thread that changes how PyAV logs, which is one setting for all threads


class SideDatum(NamedTuple):
    """Something that a container attaches to a stream."""

    name: str  # libav's
    detail: str


@dataclass(frozen=True, slots=True)
class LibavDump:
    """Facts from the description, by stream index."""

    codecs: dict[int, str] = field(default_factory=dict)  # ffmpeg's names, also of those without a decoder here
    edges: dict[int, tuple[int, ...]] = field(default_factory=dict)  # hidden pixels: left, right, top, bottom
    side_data: dict[int, tuple[SideDatum, ...]] = field(default_factory=dict)
    programs: tuple[str, ...] = ()  # their names, or numbers
    service: tuple[tuple[str, str], ...] = ()  # tags of the first program: names and values
    forged: bool = False  # tags have names that imitate the description: it tells neither edges nor side data
    sitings: dict[int, ChromaSiting] = field(default_factory=dict)  # of chroma, where container or codec state it

    def hidden_edges(self, index: int, width: int, height: int) -> Edges:
        """Return the edges that the container hides of a frame of this size; none if nothing would be left."""
        left, right, top, bottom = self.edges.get(index, (0, 0, 0, 0))
        if left + right >= width or top + bottom >= height:
            return Edges()
        return Edges(left=left, right=right, top=top, bottom=bottom)

    def dolby_vision(self, index: int) -> DolbyVision | None:
        """Return what the container says of a stream's Dolby Vision."""
        details = (each.detail for each in self.side_data.get(index, ()) if each.name == "DOVI configuration record")
        if (found := _DOLBY_VISION.search(next(details, ""))) is None:
            return None
        profile, enhanced, compatibility = map(int, found.groups())
        return DolbyVision(profile=profile, compatibility=compatibility, enhanced=bool(enhanced))


def read_dump(container: InputContainer) -> LibavDump:
    """Have libav describe the file.

    Call it where no other thread decodes. While PyAV listens to libav's log, each thread of a decoder needs the GIL
    for a message, which a thread that closes the decoder may hold while it waits for them.
    """
    with _listening:
        level = av.logging.get_level()
        av.logging.set_level(av.logging.VERBOSE)
        av.logging.set_libav_level(av.logging.VERBOSE)
        try:
            text: str = cast(Any, container).dumps_format()  # the stubs of PyAV 18 lack it
        finally:
            av.logging.set_libav_level(av.logging.INFO)  # libav's own default, which nothing here changes
            av.logging.set_level(level)
    return parse_dump(text, forged=_may_be_forged(container))


def parse_dump(text: str, *, forged: bool = False) -> LibavDump:
    """Read the description. Of one that may be forged, only the first line of each stream counts."""
    _, *parts = _STREAM.split(text)
    streams = dict(zip(map(int, parts[::2]), parts[1::2], strict=True))
    codecs = {index: name for index, part in streams.items() if (name := _codec(part))}
    sitings = {
        index: cast(ChromaSiting, found[1]) for index, part in streams.items() if (found := _SITING.match(part))
    }
    if forged:
        return LibavDump(codecs, sitings=sitings, forged=True)
    cropping = {index: found for index, part in streams.items() if (found := _CROPPING.search(part))}
    return LibavDump(
        codecs,
        edges={index: tuple(map(int, found.groups())) for index, found in cropping.items()},
        side_data={index: data for index, part in streams.items() if (data := tuple(_side_data(part)))},
        programs=tuple(_programs(text)),
        service=tuple(_service(text)),
        sitings=sitings,
    )


def _side_data(part: str) -> Iterator[SideDatum]:
    found = _SIDE_DATA.search(part)
    for line in found[1].splitlines() if found else ():
        unknown = _UNKNOWN_SIDE_DATA.match(line.strip())
        name, _, detail = line.strip().partition(": ") if unknown is None else (unknown[1], "", "")
        yield SideDatum(name.rstrip(":"), detail.strip())


def _programs(text: str) -> Iterator[str]:
    starts = [*_PROGRAM.finditer(text)]
    ends = (*(each.start() for each in starts), len(text))[1:]
    for start, end in zip(starts, ends, strict=True):
        first_stream = _STREAM.search(text, start.end(), end)
        service = _SERVICE.search(text, start.end(), first_stream.start() if first_stream else end)
        yield (service[1] if service else start[2].strip()) or start[1]


def _service(text: str) -> Iterator[tuple[str, str]]:
    """Yield what a broadcaster says of the first program."""
    if (start := _PROGRAM.search(text)) is None:
        return
    first_stream = _STREAM.search(text, start.end())
    end = first_stream.start() if first_stream else len(text)
    yield from ((found[1], found[2].strip()) for found in _SERVICE_TAG.finditer(text, start.end(), end))


def _may_be_forged(container: InputContainer) -> bool:
    """Return whether what libav prints as it is could look like a line of the description: names, and languages."""
    all_tags: tuple[dict[str, str], ...] = (container.metadata, *(each.metadata for each in container.streams))
    all_tags += tuple(each["metadata"] for each in container.chapters())
    raw = (text for metadata in map(tags, all_tags) for text in (*metadata, metadata.get("language", "")))
    return any(not text.isprintable() for text in raw)


def _codec(part: str) -> str:
    found = _CODEC.match(part)
    if found is None:
        return ""
    name, tag = found.groups()
    return tag or "" if name == "none" else name
