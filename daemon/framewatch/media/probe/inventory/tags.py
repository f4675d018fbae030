"""The tags of a file and its streams that say something of the content, as entries of the inventory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from av.container import InputContainer
from av.stream import Stream as AvStream

from framewatch.domain import Entry
from framewatch.domain.inventory import UNKNOWN
from framewatch.media.limits import MAX_TAGS
from framewatch.media.probe.pyav_values import tags

# What muxers and encoders say of themselves and their numbers, and what is a property of its own.
_TECHNICAL = frozenset(
    (
        *("encoder", "encoded_by", "major_brand", "minor_version", "compatible_brands", "handler_name", "vendor_id"),
        *("duration", "creation_time", "language", "title", "name", "filename", "mimetype", "timecode", "alpha_mode"),
        *(
            "stereo_mode",
            "rotate",
            "variant_bitrate",
            "location-eng",
            "id3v2_priv",
            "metadatacreator",
            "wm/encodingtime",
        ),
        *(
            "hasvideo",
            "hasaudio",
            "hasmetadata",
            "haskeyframes",
            "canseektoend",
            "encoder-eng",
            "software",
            "reel_name",
            "com.android.version",
        ),
    )
)
_MAX_VALUE = 10_000  # characters, as of a tag in a preset
_MAX_NAME = 250  # characters; those of programs have up to fifty
_MAX_OF_TRACKS = 200_000  # characters of all tags of tracks: they may become arguments of ffmpeg, which are limited
_STATISTICS = ("bps", "number_of_", "_statistics_", "duration-", "iswm", "wmfsdk", "devicec")


def tag_entries(container: InputContainer) -> Iterator[Entry]:
    """Yield an entry for each tag; none where there are so many that all are left out.

    Names and values that no program writes are entries of an unknown kind.
    """
    streams = [stream for stream in container.streams if stream.type in ("video", "audio", "subtitle")]
    counted = len(container.metadata) + sum(len(stream.metadata) for stream in streams)
    if counted > MAX_TAGS:
        return
    of_file = _telling(container.metadata)
    if (first := tagged_stream(container)) is not None:
        of_file |= _telling(first.metadata)
    yield from (_entry("tag", None, name, value) for name, value in of_file.items())
    left = _MAX_OF_TRACKS
    for stream in streams:
        for name, value in _telling(stream.metadata).items():
            if of_file.get(name) == value:
                continue
            left -= len(name) + len(value)
            if left < 0:
                yield Entry(kind=UNKNOWN, detail=f"further tags of tracks, beyond {_MAX_OF_TRACKS} characters")
                return
            yield _entry("tag_of_track", stream.index, name, value)


def _entry(kind: str, stream: int | None, name: str, value: str) -> Entry:
    if len(name) > _MAX_NAME:
        return Entry(kind=UNKNOWN, stream=stream, detail=f"a tag with a name of {len(name)} characters")
    return Entry(kind=kind, stream=stream, detail=name, data=value)


def tagged_stream(container: InputContainer) -> AvStream | None:
    """Return the stream whose tags are those of the file: Ogg has no others."""
    if container.format.name != "ogg":
        return None
    return next(iter((*container.streams.video, *container.streams.audio)), None)


def _telling(metadata: Mapping[str, str]) -> dict[str, str]:
    lower = {name.lower(): value[:_MAX_VALUE] for name, value in tags(metadata).items()}
    return {
        name: value
        for name, value in lower.items()
        if value and name.isprintable() and name not in _TECHNICAL and not name.startswith(_STATISTICS)
    }
