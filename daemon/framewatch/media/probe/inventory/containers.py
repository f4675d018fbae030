"""What a container attaches to a file and its streams, as entries of the inventory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from av.container import InputContainer
from av.stream import Disposition
from av.stream import Stream as AvStream

from framewatch.domain import Entry
from framewatch.domain.inventory import UNKNOWN
from framewatch.media.inventory.kinds import by_disposition, by_name
from framewatch.media.probe.inventory.tags import tag_entries
from framewatch.media.probe.libav_dump import LibavDump
from framewatch.media.probe.pyav_values import tags

MAX_ENTRIES = 500  # of a file; a stranger may attach anything to each of a thousand streams

# Kept and checked by what a plan says of streams.
_COUNTED_ELSEWHERE = Disposition.default | Disposition.attached_pic
_THREE_LETTERS = 3
_MAX_DETAIL = 100  # characters
_SERVICE_OF_FFMPEG = (("service_name", "Service01"), ("service_provider", "FFmpeg"))  # where nobody names one
_COMMON_LAYOUTS = {
    "stereo3d": ("side by side,", "top and bottom,"),
    "spherical": ("equirectangular", "tiled", "cubemap"),
}
_USUAL = {"stereo3d": "2D", "audio_service": "main"}  # what says nothing: one view, complete sound
# Facts about packets or decoding that libav makes up, or that belong to the demuxer alone.
_NO_PROPERTIES = (
    *("CPB properties", "MPEGTS Stream ID", "Palette", "New Extradata", "Param Change", "Skip Samples"),
    *("Quality stats", "Encryption initialization data", "Encryption info", "Producer Reference Time"),
)


def container_entries(container: InputContainer, dump: LibavDump) -> tuple[Entry, ...]:
    """List what the container attaches to the file and its streams."""
    found = [*_of_file(container, dump), *tag_entries(container)]
    defaults = _telling_defaults(container)
    for stream in container.streams:
        if stream.index in defaults:
            found.append(Entry(kind="disposition.default", stream=stream.index))
        found += (entry.evolve(stream=stream.index) for entry in _of_stream(stream, dump))
        if len(found) > MAX_ENTRIES:
            return (
                *found[:MAX_ENTRIES],
                Entry(kind=UNKNOWN, detail=f"further properties, beyond {MAX_ENTRIES}"),
            )
    return tuple(found)


def _telling_defaults(container: InputContainer) -> set[int]:
    """Return the tracks that are marked as default while others of their kind are not."""
    found: set[int] = set()
    for kind in ("audio", "subtitle"):
        tracks = [stream for stream in container.streams if stream.type == kind]
        marked = {stream.index for stream in tracks if stream.disposition & Disposition.default}
        if len(marked) < len(tracks):
            found |= marked
    return found


def _of_file(container: InputContainer, dump: LibavDump) -> Iterator[Entry]:
    if dump.forged:
        yield Entry(kind=UNKNOWN, detail="side data of streams, hidden by tags that imitate it")
    if len(dump.programs) > 1:
        yield Entry(kind="programs", detail=", ".join(dump.programs)[:_MAX_DETAIL])
    else:
        said = [each for each in dump.service if each[1] and each not in _SERVICE_OF_FFMPEG]
        yield from (Entry(kind="service", detail=name, data=value[:_MAX_DETAIL]) for name, value in said)
    if code := _lower(container.metadata).get("timecode"):
        yield Entry(kind="timecode", detail=code[:_MAX_DETAIL])


def _of_stream(stream: AvStream, dump: LibavDump) -> Iterator[Entry]:
    for datum in dump.side_data.get(stream.index, ()):
        if datum.name in by_name():
            kind = by_name()[datum.name]
            vision = dump.dolby_vision(stream.index) if kind == "dolby_vision" else None
            yield from _known(kind, vision.title if vision else datum.detail)
        elif datum.name not in _NO_PROPERTIES:
            yield Entry(kind=UNKNOWN, detail=f"side data {datum.name!r}")
    yield from _dispositions(int(stream.disposition & ~_counted_once(stream)))
    metadata = _lower(stream.metadata)
    if len(language := metadata.get("language", "")) > _THREE_LETTERS:
        yield Entry(kind="language_tag", detail=language[:_MAX_DETAIL])
    if stream.type != "data" and (code := metadata.get("timecode")):
        yield Entry(kind="timecode", detail=code[:_MAX_DETAIL])
    if stream.type == "video" and metadata.get("alpha_mode") == "1":
        yield Entry(kind="alpha")


def _counted_once(stream: AvStream) -> Disposition:
    """Return the marks of a stream that are told elsewhere, or are another one's second name."""
    flags = Disposition(stream.disposition)
    of_one_byte = stream.container.format.name == "mpegts" and Disposition.visual_impaired in flags
    return _COUNTED_ELSEWHERE | Disposition.descriptions if of_one_byte else _COUNTED_ELSEWHERE


def _lower(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return tags by their names in lower case: Matroska has TIMECODE."""
    return {name.lower(): value for name, value in tags(metadata).items()}


def _known(kind: str, detail: str) -> Iterator[Entry]:
    """Yield the entry, of another kind where only few containers have a place for such a layout."""
    common = _COMMON_LAYOUTS.get(kind)
    if detail.startswith(_USUAL.get(kind, "\0")):
        return
    if common is not None and ("(inverted)" in detail or not detail.startswith(common)):
        kind = f"{kind}_other"
    yield Entry(kind=kind, detail=detail)


def _dispositions(flags: int) -> Iterator[Entry]:
    for bit in (1 << number for number in range(flags.bit_length())):
        if flags & bit:
            kind = by_disposition().get(bit)
            yield Entry(kind=kind) if kind else Entry(kind=UNKNOWN, detail=f"disposition {bit:#x}")
