"""What libav knows about streams but tells only in its log, in its description ("dump") of the file.

Containers can hide a part of the frames (`clap` in MOV, PixelCrop in Matroska). The ffmpeg program crops it off since
version 7.1, so the decoder of frames for the network has to do the same, and this is the only place where libav tells
Python about it. It also names codecs without a decoder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, cast

import av
from av.container import InputContainer

from framewatch.domain import Edges
from framewatch.media.probe.pyav_values import tags

_STREAM = re.compile(r"^ +Stream #0:(\d+)", re.MULTILINE)
_CODEC = re.compile(r"[^\n]*?: (?:Video|Audio|Subtitle|Data): (\w+)(?: \((\w+))?")
_CROPPING = re.compile(r"^      Frame [Cc]ropping: (\d+)/(\d+)/(\d+)/(\d+)$", re.MULTILINE)
_CROPPING_CONTAINERS = ("mov", "matroska")


@dataclass(frozen=True, slots=True)
class LibavDump:
    """Facts from the description, by stream index."""

    codecs: dict[int, str] = field(default_factory=dict)  # ffmpeg's names, also of those without a decoder here
    edges: dict[int, tuple[int, ...]] = field(default_factory=dict)  # hidden pixels: left, right, top, bottom

    def hidden_edges(self, index: int, width: int, height: int) -> Edges:
        """Return the edges that the container hides of a frame of this size; none if nothing would be left."""
        left, right, top, bottom = self.edges.get(index, (0, 0, 0, 0))
        if left + right >= width or top + bottom >= height:
            return Edges()
        return Edges(left=left, right=right, top=top, bottom=bottom)


def read_dump(container: InputContainer) -> LibavDump:
    """Have libav describe the file, if it may know something that it tells nowhere else."""
    known = all(stream.codec_context or stream.type == "attachment" for stream in container.streams)
    if known and not (container.streams.video and container.format.name.startswith(_CROPPING_CONTAINERS)):
        return LibavDump()
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        text: str = cast(Any, container).dumps_format()  # the stubs of PyAV 18 lack it
    finally:
        av.logging.set_level(level)
    parts = _STREAM.split(text)[1:]
    streams = dict(zip(map(int, parts[::2]), parts[1::2], strict=True))
    codecs = {index: name for index, part in streams.items() if (name := _codec(part))}
    cropping = {} if _may_be_forged(container) else {index: _CROPPING.search(part) for index, part in streams.items()}
    return LibavDump(codecs, {index: tuple(map(int, found.groups())) for index, found in cropping.items() if found})


def _may_be_forged(container: InputContainer) -> bool:
    """Return whether a tag's name, which libav prints as it is, could look like a line of the description."""
    all_tags: tuple[dict[str, str], ...] = (container.metadata, *(each.metadata for each in container.streams))
    all_tags += tuple(each["metadata"] for each in container.chapters())
    return any(not name.isprintable() for metadata in all_tags for name in tags(metadata))


def _codec(part: str) -> str:
    found = _CODEC.match(part)
    if found is None:
        return ""
    name, tag = found.groups()
    return tag or "" if name == "none" else name
