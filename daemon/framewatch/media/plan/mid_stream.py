"""What is done about a video or a sound that changes in the middle of a file, and what is said of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from framewatch.domain import Changes, MediaInfo, Picture, Stream, Timeline, picture_at
from framewatch.errors import Finding
from framewatch.media.limits import Limits
from framewatch.media.plan.stream_table import StreamPlan, location
from framewatch.media.preset.preset import Preset

_SLACK = 0.05  # seconds: packets of sound begin before what is cut
_NAMED = 3  # changes that a warning names; the others are counted


def with_changes(info: MediaInfo, changes: Changes, timeline: Timeline | None) -> MediaInfo:
    """Return `info` with the changes, and with the main video and the sound as they are where the output begins.

    That decides what all of it is made like, also where a preset cuts off what comes before. `timeline` is that of
    the output; None: it has no video.
    """
    begin = float(timeline.origin * timeline.time_base) if timeline else info.start
    streams = [_as_it_sounds(stream, changes, begin) for stream in info.streams]
    info = info.evolve(changes=changes, streams=tuple(streams))
    main = info.main_video
    picture = picture_at(changes.pictures, timeline.origin) if timeline else None
    if main is None or main.video is None or picture is None:
        return info
    stated = picture == changes.pictures[0].picture and main.video.pixel_format == picture.pixel_format
    if stated and (main.video.width, main.video.height) == (picture.width, picture.height):
        return info  # and the container may say more of the first picture than its frames do
    video = main.video.evolve(
        width=picture.width,
        height=picture.height,
        sar=picture.sar,
        pixel_format=picture.pixel_format,
        bit_depth=picture.bit_depth,
        colour=picture.colour,
    )
    now = main.evolve(video=video)
    return info.evolve(streams=tuple(now if each is main else each for each in info.streams))


def _as_it_sounds(stream: Stream, changes: Changes, begin: float) -> Stream:
    """Return a stream with the sound that it has at a time on the container's clock."""
    spans = [each for each in changes.sounds if each.stream == stream.index]
    if stream.audio is None or not spans:
        return stream
    sound = next((each.sound for each in reversed(spans) if each.seconds <= begin + _SLACK), spans[0].sound)
    layout = "" if sound.layout.endswith("channels") else sound.layout
    return stream.evolve(
        audio=stream.audio.evolve(sample_rate=sound.sample_rate, channels=sound.channels, layout=layout)
    )


def at_its_largest(info: MediaInfo) -> MediaInfo:
    """Return `info` with the main video as large and deep as it gets: what decoding it may take."""
    main = info.main_video
    if main is None or main.video is None or not info.changes.pictures:
        return info
    pictures = [each.picture for each in info.changes.pictures]
    largest = max(pictures, key=lambda each: each.width * each.height)
    depth = max(main.video.bit_depth, *(each.bit_depth for each in pictures))
    video = main.video.evolve(bit_depth=depth)
    if largest.width * largest.height > video.width * video.height:
        video = video.evolve(width=largest.width, height=largest.height)
    now = main.evolve(video=video)
    return info.evolve(streams=tuple(now if each is main else each for each in info.streams))


def _shown(changes: Changes, timeline: Timeline | None) -> Changes:
    """Return the changes in what the output shows: none where all of its frames are alike."""
    if timeline is None or not changes.pictures:
        return changes
    end = timeline.origin + Fraction(timeline.duration) / timeline.time_base
    shown = [each for each in changes.pictures if timeline.origin < each.pts < end]
    before = [each for each in changes.pictures if each.pts <= timeline.origin][-1:]
    spans = (*before, *shown) if len(before) + len(shown) > 1 else ()
    return changes.evolve(pictures=spans)


def check_pictures(changes: Changes, limits: Limits) -> list[Finding]:
    """Return a finding where the pictures become larger than what is allowed."""
    for span in changes.pictures:
        picture = span.picture
        if picture.width * picture.height > limits.max_pixels:
            message = (
                f"from {clock(span.seconds)} on, its frames are {picture.width}x{picture.height}; "
                f"at most {limits.max_pixels} pixels are allowed"
            )
            return [Finding("media.too_large", message, "cut it before, make it smaller, or raise limits.max_pixels")]
    return []


def change_warnings(
    preset: Preset, info: MediaInfo, timeline: Timeline | None, streams: Sequence[StreamPlan]
) -> Iterator[Finding]:
    """Yield what changes in the output's picture and in the sound tracks that are kept."""
    changes = _shown(info.changes, timeline)
    main = info.main_video
    if main is not None and len(changes.pictures) > 1:
        copied = preset.processing_mode == "copy"
        for aspect in _ASPECTS:
            yield from _picture_warning(aspect, info, changes, copied=copied)
    for row in streams:
        if row.kind == "audio" and row.action != "drop":
            yield from _sound_warning(row, info, changes)


def with_uniform_sound(streams: Sequence[StreamPlan], info: MediaInfo) -> list[StreamPlan]:
    """Return the streams; sound that changes and is encoded is made like it begins."""
    changing = {each.stream for each in info.changes.sounds}
    rows = []
    for row in streams:
        source = next((each.audio for each in info.streams if each.index == row.index), None)
        if row.audio is not None and row.index in changing and source is not None and source.channels:
            layout = source.layout or f"{source.channels}c"
            uniform = f"sample_rates={row.audio.source_rate}:channel_layouts={layout}"
            rows.append(row.evolve(audio=row.audio.evolve(uniform=uniform)))
        else:
            rows.append(row)
    return rows


class _Aspect(NamedTuple):
    """One of the properties that a picture can change."""

    code: str
    name: str
    encoded: str  # what becomes of it


_ASPECTS = (
    _Aspect("media.size_changes", "size", "it is fitted into the first one, with black beside it"),
    _Aspect("media.sar_changes", "shape of its pixels", "it is fitted into the first one, with black beside it"),
    _Aspect("media.format_changes", "pixel format or colours", "matrix and range become those of the first"),
)


def _value(aspect: _Aspect, picture: Picture) -> str:
    if aspect.name == "size":
        return f"{picture.width}x{picture.height}"
    if aspect.name == "shape of its pixels":
        return f"{picture.sar.numerator}:{picture.sar.denominator}"
    tags = picture.colour
    known = [tags.matrix, tags.range, tags.primaries, tags.transfer]
    return " ".join([picture.pixel_format, *(each for each in known if each)])


def _picture_warning(aspect: _Aspect, info: MediaInfo, changes: Changes, *, copied: bool) -> Iterator[Finding]:
    found = [
        (then.seconds, _value(aspect, before.picture), _value(aspect, then.picture))
        for before, then in pairwise(changes.pictures)
        if _value(aspect, before.picture) != _value(aspect, then.picture)
    ]
    if not found or info.main_video is None:
        return
    listed = _listed(found, changes.more_pictures, info.start)
    encoded = aspect.encoded
    if aspect.code == "media.format_changes" and _changes_light(changes):
        encoded += ", primaries and transfer do not: it looks too pale or too dark"
    where = location(info.main_video)
    if copied:
        message = (
            f"the video changes the {aspect.name}: {listed}; it is copied as it is, and not every player follows"
        )
        yield Finding(aspect.code, message, 'processing_mode "reencode" makes all of it alike', where)
    else:
        yield Finding(aspect.code, f"the video changes the {aspect.name}: {listed}; {encoded}", "", where)


def _changes_light(changes: Changes) -> bool:
    """Return whether primaries or transfer change, as from SDR to HDR."""
    return len({(each.picture.colour.primaries, each.picture.colour.transfer) for each in changes.pictures}) > 1


def _sound_warning(row: StreamPlan, info: MediaInfo, changes: Changes) -> Iterator[Finding]:
    spans = [each for each in changes.sounds if each.stream == row.index]
    found = [(then.seconds, str(before.sound), str(then.sound)) for before, then in pairwise(spans)]
    if not found:
        return
    stream = next(each for each in info.streams if each.index == row.index)
    message = f"the sound changes: {_listed(found, changes.more_sounds, info.start)}"
    if row.encoder is None:
        message += "; it is copied as it is, and not every player follows"
        yield Finding(
            "media.sound_changes", message, "an audio_codec other than copy makes it alike", location(stream)
        )
    else:
        yield Finding("media.sound_changes", f"{message}; all of it is made as it begins", "", location(stream))


def _listed(found: Sequence[tuple[float, str, str]], more: int, start: float) -> str:
    named = [f"from {before} to {then} at {clock(seconds - start)}" for seconds, before, then in found[:_NAMED]]
    rest = len(found) - len(named) + more
    return ", ".join([*named, *([f"and {rest} more times"] if rest else [])])


def clock(seconds: float) -> str:
    """Return a time as a player shows it, to the millisecond."""
    milliseconds = round(max(seconds, 0.0) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
