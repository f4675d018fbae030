"""What libav knows of a file's streams and tells in its log alone, by way of its own description of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, cast

import av
from av.container import InputContainer

from framewatch.domain import Edges
from framewatch.media.probe.safe_open import tags

_STREAM = re.compile(r"^ +Stream #0:(\d+)", re.MULTILINE)
_CODEC = re.compile(r"[^\n]*?: (?:Video|Audio|Subtitle|Data): (\w+)(?: \((\w+))?")
_HIDDEN = re.compile(r"^      Frame [Cc]ropping: (\d+)/(\d+)/(\d+)/(\d+)$", re.MULTILINE)
_HIDE = ("mov", "matroska")  # containers that can say that a part of the picture is not to be shown


@dataclass(frozen=True, slots=True)
class Dump:
    """What was told, by the index of the stream."""

    codecs: dict[int, str] = field(default_factory=dict)  # ffmpeg's names, also of those without a decoder here
    edges: dict[int, tuple[int, ...]] = field(default_factory=dict)  # pixels hidden: left, right, top, bottom

    def hidden(self, index: int, width: int, height: int) -> Edges:
        """What the container hides of a picture of that size; nothing where it would hide all of it."""
        left, right, top, bottom = self.edges.get(index, (0, 0, 0, 0))
        if left + right >= width or top + bottom >= height:
            return Edges()
        return Edges(left=left, right=right, top=top, bottom=bottom)


def dump(container: InputContainer) -> Dump:
    """Ask, where there is something that is to be had in no other way."""
    known = all(stream.codec_context or stream.type == "attachment" for stream in container.streams)
    if known and not (container.streams.video and container.format.name.startswith(_HIDE)):
        return Dump()
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        text: str = cast(Any, container).dumps_format()  # the stubs of PyAV 18 lack it
    finally:
        av.logging.set_level(level)
    parts = _STREAM.split(text)[1:]
    told = dict(zip(map(int, parts[::2]), parts[1::2], strict=True))
    named = {index: name for index, part in told.items() if (name := _codec(part))}
    cropped = {} if _forged(container) else {index: _HIDDEN.search(part) for index, part in told.items()}
    return Dump(named, {index: tuple(map(int, found.groups())) for index, found in cropped.items() if found})


def _forged(container: InputContainer) -> bool:
    """Whether names of tags, which are shown as they are, may look like lines of the description."""
    told: tuple[dict[str, str], ...] = (container.metadata, *(each.metadata for each in container.streams))
    told += tuple(each["metadata"] for each in container.chapters())
    return any(not name.isprintable() for metadata in told for name in tags(metadata))


def _codec(part: str) -> str:
    found = _CODEC.match(part)
    if found is None:
        return ""
    name, tag = found.groups()
    return tag or "" if name == "none" else name
