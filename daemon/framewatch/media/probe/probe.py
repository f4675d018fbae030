"""Probe: what a file is. Reads the headers and decodes one frame of the main video, in seconds at most.

It runs in a worker when the job is started, not at intake: 20,000 waiting files cost nothing, and a hostile file
never reaches the daemon's process.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from fractions import Fraction
from functools import partial
from typing import BinaryIO, cast

import av
from av.container import InputContainer
from av.stream import Disposition
from av.stream import Stream as AvStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from framewatch.domain import Audio, Extras, MediaInfo, Stream, StreamKind, Video
from framewatch.errors import MediaError
from framewatch.media import out_of_memory, process_bounds
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.media.image_files.image_size import image_size
from framewatch.media.inventory.derived import merged
from framewatch.media.iso_files.heif import read_pictures
from framewatch.media.iso_files.heif_grid import Grid, read_grid
from framewatch.media.limits import MAX_LANGUAGE, MAX_TITLE, Limits, check_limits, require_image_size
from framewatch.media.probe.colour_tags import colour_of
from framewatch.media.probe.completeness import explain_unreadable
from framewatch.media.probe.display_matrix import orientation
from framewatch.media.probe.hdr_metadata import hdr_metadata
from framewatch.media.probe.inventory.containers import container_entries
from framewatch.media.probe.inventory.frames import frame_entries
from framewatch.media.probe.inventory.matroska_languages import language_entries
from framewatch.media.probe.libav_dump import LibavDump, read_dump
from framewatch.media.probe.pyav_values import fraction, packets, tags
from framewatch.media.probe.safe_open import IMAGE_DEMUXERS, AnyFile, open_file, open_media
from framewatch.media.probe.sample_tables import check_index, index_sizes
from framewatch.media.probe.streams.reach import further_reach, what_is_known
from framewatch.media.probe.streams.stills import mark_stills
from framewatch.media.probe.streams.teletext_pages import LOOK_BYTES, mark_pages
from framewatch.media.probe.structure.content import HEAD, RAW, demuxer_of, unread_format
from framewatch.media.probe.structure.gif_transparency import is_opaque
from framewatch.media.probe.truncation import COPY_AGAIN_HINT, Extent, Family, read_extent
from framewatch.media.reading_cost import decoding_bytes, least_decoding_bytes, opening_bytes, opening_image_bytes
from framewatch.media.siting import siting_of

_FIRST_FRAMES = 3  # captions and the like need not begin with the first one
_IVF = b"DKIF"
_PACKETS_TO_FIRST_FRAME = 300  # a broadcast may begin seconds before its first key frame
_FONTS = {"ttf": "ttf", "truetype": "ttf", "otf": "otf", "opentype": "otf", "sfnt": "ttf"}
_TITLE_TAGS = ("title", "name", "filename")  # MP4 calls a track's title its name; attachments have file names
# MP4 has a name for the handler of a track, too, which players show as its title. Most often, a muxer names itself.
_HANDLER_OF_SOFTWARE = re.compile(
    r"handle|media|gpac|mp4|lavf|lavc|l-smash|muxer|encoder|avc|264|265|hevc|aac|google|apple|vide|soun|audio|text"
    r"|subtitle|sbtl|stereo|mono|surround|^.{0,4}$",
    re.IGNORECASE,
)
_IMAGE_BRANDS = ("avif", "avis", "heic", "heix", "hevc", "hevx", "heim", "heis", "hevm", "hevs", "mif1", "msf1")


def probe(
    source: AnyFile,
    limits: Limits | None = None,
    beat: Beat = no_beat,
    *,
    video_track: int | None = None,
    reach: int | None = None,
    described: bool = True,
) -> MediaInfo:
    """Find out what a file holds.

    Args:
        source: the file.
        limits: for sources: checked against the headers before a frame is decoded; None for files of our own.
        beat: called as reading makes progress.
        video_track: index of the video that the user wants; None: the one that the file is about.
        reach: bytes in which streams are looked for at least; None: as it turns out to be necessary.
        described: also what only libav's description tells, such as hidden edges (see `libav_dump`).

    Raises:
        MediaError: `media.empty`, `media.unsupported`, `media.not_media`, `media.truncated`, `media.protected`,
            `media.unreadable`, `media.not_a_file`, `media.too_costly`; with limits also `media.too_large`,
            `media.too_long`, `media.too_many_streams`, `media.probe_too_long`.
        StorageError: the file is gone or cannot be read now.
    """
    pixels, seconds = (limits.decoder_pixels, limits.probe_seconds) if limits else (None, None)
    size, extent, grid = _size_and_extent(source, seconds, beat)
    if extent.truncated:
        raise _truncated(source, extent)
    if limits:
        _require_affordable(source, size, extent, limits, beat)
    opening = partial(open_media, source, max_pixels=pixels, seconds=seconds, beat=beat)
    try:
        with (
            _bounded_by_image(source, size, seconds, beat) if limits else nullcontext(),
            _opened_far_enough(
                opening, partial(_headers, size=size, grid=grid, described=described), limits, reach
            ) as (container, info),
        ):
            marked = mark_stills(partial(opening, reach=info.extras.reach), container, info.streams, video_track)
            paged = _with_teletext_pages(source, container, marked, seconds, beat)
            complete = _with_regions(source, info.evolve(streams=paged, video_track=video_track), seconds, beat)
            return _with_first_frame(container, complete, partial(open_file, source, seconds, beat))
    except MediaError as error:
        if error.finding.code != MediaError.code:
            raise
        known = extent.family is not None or _is_recognised(source, beat)
        told = error if known else _not_media(source)
        raise (explain_unreadable(source, told, beat, known=known) if limits else told) from error


def _require_affordable(source: AnyFile, size: int, extent: Extent, limits: Limits, beat: Beat) -> None:
    """Let this process take what the file may need to be opened, unless its index would take more.

    Raises:
        MediaError: `media.too_costly`.
    """
    allowed = opening_bytes(limits, size)
    process_bounds.let_take(allowed)
    if extent.family in (Family.ISO, None):  # libav also finds an index after boxes of unknown kinds
        with open_file(source, limits.probe_seconds, beat) as file:
            check_index(index_sizes(file), size, process_bounds.room(allowed))


@contextmanager
def _bounded_by_image(source: AnyFile, size: int, seconds: float | None, beat: Beat) -> Iterator[None]:
    """Bound the block, which opens the file, by the size of its image if it is one and says how large.

    Raises:
        MediaError: `media.too_large`: libav would call it damaged.
    """
    with open_file(source, seconds, beat) as file:
        stated = image_size(file)
    if stated is None:
        yield
        return
    require_image_size(*stated)
    with process_bounds.narrowed(opening_image_bytes(stated.width * stated.height, size)):
        yield


def _require_room_for_frames(video: Video) -> None:
    """Return if there is room for the fewest frames that a decoder can do with.

    Decoders hide that they got no memory: they return no frame, and what only frames tell would be missing.

    Raises:
        MediaError: `media.too_costly`.
    """
    needed = least_decoding_bytes(video)
    if needed > process_bounds.room(needed):
        raise out_of_memory.too_costly(f"decoding frames of {video.width}x{video.height}", needed)


def _truncated(source: AnyFile, extent: Extent) -> MediaError:
    if extent.missing:
        message = f"{source.name} is truncated: at least {extent.missing} bytes are missing"
    else:
        message = f"{source.name} starts as {extent.family}, but its index is missing: it is truncated or unfinished"
    return MediaError(message, code="media.truncated", hint=COPY_AGAIN_HINT)


def _size_and_extent(source: AnyFile, seconds: float | None, beat: Beat) -> tuple[int, Extent, Grid | None]:
    with open_file(source, seconds, beat) as file:
        size = file.seek(0, 2)
        if size == 0:
            raise MediaError(f"{source.name} is empty (0 bytes)", code="media.empty", hint=COPY_AGAIN_HINT)
        file.seek(0)
        if unread := unread_format(file.read(HEAD)):
            message = f"{source.name} is {unread.name}, which the libav of framewatch cannot read"
            raise MediaError(message, code="media.unsupported", hint=unread.hint)
        extent = read_extent(file)
        if extent.family is not Family.ISO or extent.truncated:
            return size, extent, None
        parts = read_pictures(file, size).composed_of
        grid = read_grid(file, size) if parts else None
        if parts and grid is None:
            message = f"{source.name} is a picture of several {parts}, which framewatch cannot put together"
            raise MediaError(message, code="media.unsupported", hint="convert it to PNG, JPEG or TIFF first")
        return size, extent, grid


def _is_recognised(source: AnyFile, beat: Beat) -> bool:
    with open_file(source, beat=beat) as file:
        head = file.read(HEAD)
    return demuxer_of(head) is not None or head.startswith(_IVF)


def _not_media(source: AnyFile) -> MediaError:
    message = f"{source.name} is not a media file, despite its extension"
    hint = "framewatch reads MP4, MOV, MKV, WebM, AVI, MPEG-TS, MPEG-PS, FLV, Ogg, ASF, MXF, NUT, Y4M and raw streams"
    return MediaError(message, code="media.not_media", hint=hint)


def _with_regions(source: AnyFile, info: MediaInfo, seconds: float | None, beat: Beat) -> MediaInfo:
    """Add the languages with a region that Matroska has."""
    if not info.container.startswith("matroska"):
        return info
    with open_file(source, seconds, beat) as file:
        return info.evolve(inventory=merged(info.inventory, language_entries(file, info)))


def _with_teletext_pages(
    source: AnyFile, container: InputContainer, streams: tuple[Stream, ...], seconds: float | None, beat: Beat
) -> tuple[Stream, ...]:
    if container.format.name != "mpegts" or all(each.codec != "dvb_teletext" for each in streams):
        return streams
    with open_file(source, seconds, beat) as file:
        data = file.read(LOOK_BYTES)
    return mark_pages(data, streams, {each.index: each.id for each in container.streams})


@contextmanager
def _opened_far_enough(
    opening: Callable[..., AbstractContextManager[InputContainer]],
    headers: Callable[[InputContainer], MediaInfo],
    limits: Limits | None,
    reach: int | None,
) -> Iterator[tuple[InputContainer, MediaInfo]]:
    """Open a file, with what its headers say and, where they do not say enough, its beginning.

    Raises:
        MediaError: it exceeds the limits, or what `opening` raises.
    """
    needed = reach  # to find all that is known
    known: tuple[object, ...] = ()
    while True:
        with opening(reach=reach) as container:
            info = headers(container)
            if limits is not None and (findings := check_limits(info, limits)):
                raise MediaError.of(findings)
            before, known = known, what_is_known(info)
            needed = reach if known != before else needed
            further = further_reach(info, reach)
            if further is None:
                yield container, info.evolve(extras=info.extras.evolve(reach=needed))
                return
        reach = further


def _with_first_frame(
    container: InputContainer, info: MediaInfo, opening: Callable[[], AbstractContextManager[BinaryIO]]
) -> MediaInfo:
    """Return what only a decoded frame tells as well."""
    main = info.main_video
    if main is None:
        return info
    if main.video is not None:
        process_bounds.let_take(decoding_bytes(main.video, threads=os.cpu_count() or 1))
        _require_room_for_frames(main.video)
    frames = _first_frames(container, cast(VideoStream, container.streams[main.index]), main.video)
    video = main.video and _with_frame_facts(main.video, frames[0] if frames else None)
    if video and frames and main.codec == "gif":
        with opening() as file:
            video = video.evolve(alpha=not is_opaque(file, frames[0]))
    completed = main.evolve(video=video)
    return info.evolve(
        streams=tuple(completed if each is main else each for each in info.streams),
        inventory=merged(info.inventory, frame_entries(frames, main.index)),
    )


def _headers(container: InputContainer, size: int, grid: Grid | None, *, described: bool) -> MediaInfo:
    named = all(stream.codec_context or stream.type == "attachment" for stream in container.streams)
    dump = read_dump(container) if described or not named else LibavDump()
    chapters = container.chapters()
    streams = tuple(_stream(container, stream, dump) for stream in container.streams if _is_shown(stream, grid))
    if grid is not None:
        streams = tuple(_whole(each, grid) for each in streams)
    return MediaInfo(
        container=container.format.name,
        size=size,
        start=(container.start_time or 0) / av.time_base,
        duration=max(0, container.duration or 0) / av.time_base,
        streams=streams,
        chapters=len(chapters),
        extras=_extras(container, [chapter["metadata"] for chapter in chapters]),
        inventory=container_entries(container, dump),
    )


def _is_shown(stream: AvStream, grid: Grid | None) -> bool:
    """Return whether a stream counts: of a picture in tiles, the first one stands for all."""
    return grid is None or stream.id == grid.tiles[0]


def _whole(tile: Stream, grid: Grid) -> Stream:
    video = tile.video and tile.video.evolve(width=grid.width, height=grid.height)
    return tile.evolve(cover=True, video=video)


def _extras(container: InputContainer, of_chapters: Sequence[Mapping[str, str]]) -> Extras:
    of_file = [container.metadata, *(stream.metadata for stream in container.streams)]
    title = tags(container.metadata).get("title", "")
    return Extras(
        tags=sum(map(len, of_file)),
        tag_characters=sum(len(value) for each in (*of_file, *of_chapters) for value in each.values()),
        title=title[:MAX_TITLE] if len(title) > MAX_TITLE else None,
        shortened=tuple(stream.index for stream in container.streams if _is_shortened(tags(stream.metadata))),
        attachments={stream.index: len(stream.data) for stream in container.streams.attachments},
    )


def _is_shortened(metadata: Mapping[str, str]) -> bool:
    return len(_title(metadata)) > MAX_TITLE or len(metadata.get("language", "")) > MAX_LANGUAGE


def _title(metadata: Mapping[str, str]) -> str:
    handler = metadata.get("handler_name", "")
    named = "" if _HANDLER_OF_SOFTWARE.search(handler) or not handler.isprintable() else handler
    return next(filter(None, map(metadata.get, _TITLE_TAGS)), named)


def _stream(container: InputContainer, stream: AvStream, dump: LibavDump) -> Stream:
    kind = _kind(stream)
    flags = stream.disposition
    metadata = tags(stream.metadata)
    language = metadata.get("language", "")
    base = fraction(stream.time_base)
    return Stream(
        index=stream.index,
        kind=kind,
        codec=_codec(stream, kind, dump.codecs),
        start=_seconds(stream.start_time, base),
        duration=None if kind == "attachment" else _seconds(stream.duration, base),
        language="" if language == "und" else language[:MAX_LANGUAGE],
        title=_title(metadata)[:MAX_TITLE],
        default=bool(flags & Disposition.default),
        forced=bool(flags & Disposition.forced),
        cover=kind == "video" and (bool(flags & Disposition.attached_pic) or _is_image(container, stream)),
        video=_video(container, cast(VideoStream, stream), dump) if kind == "video" else None,
        audio=_audio(stream) if kind == "audio" else None,
    )


def _seconds(ticks: int | None, base: Fraction) -> float | None:
    return float(ticks * base) if base and ticks is not None else None


def _kind(stream: AvStream) -> StreamKind:
    known = ("video", "audio", "subtitle", "attachment")
    return cast(StreamKind, stream.type) if stream.type in known else "data"


def _codec(stream: AvStream, kind: StreamKind, names: dict[int, str]) -> str:
    context = cast("av.CodecContext | None", stream.codec_context)
    if context is not None:
        return context.codec.canonical_name
    if kind == "attachment":
        mime = stream.metadata.get("mimetype", "").lower()
        return next((name for mark, name in _FONTS.items() if mark in mime), "unknown")
    return names.get(stream.index, "unknown")


def _is_image(container: InputContainer, stream: AvStream) -> bool:
    """Return whether the file is an image, or of an animation format with a single frame in it."""
    name = container.format.name
    if name in IMAGE_DEMUXERS:
        return True
    if name in ("gif", "apng"):
        return _count_packets(container, stream, up_to=2) < 2
    brand = container.metadata.get("major_brand", "")
    return brand in _IMAGE_BRANDS and stream.frames <= 1


def _count_packets(container: InputContainer, stream: AvStream, *, up_to: int) -> int:
    """Count the packets of a stream, but not further than `up_to`, and rewind the container."""
    count = 0
    for packet in packets(container, stream):
        count += packet.size > 0
        if count >= up_to:
            break
    container.seek(0)
    return count


def _video(container: InputContainer, stream: VideoStream, dump: LibavDump) -> Video | None:
    context = cast("av.VideoCodecContext | None", stream.codec_context)
    if context is None or context.format is None or not context.width or not context.height:
        return None
    pixel_format = context.format
    # libav takes the average of a raw stream from a default of its own, even where the stream states a rate.
    average = None if container.format.name in RAW else stream.average_rate
    rate = fraction(average or stream.guessed_rate)
    return Video(
        width=context.width,
        height=context.height,
        pixel_format=pixel_format.name,
        bit_depth=max(each.bits for each in pixel_format.components),
        rate=rate if rate > 0 else None,
        sar=_sar(fraction(stream.sample_aspect_ratio)),
        interlaced=context.field_order > 1,  # AV_FIELD_UNKNOWN 0, AV_FIELD_PROGRESSIVE 1
        colour=colour_of(
            context.colorspace,
            context.color_range,
            context.color_primaries,
            context.color_trc,
            pixel_format.name,
        ),
        siting=siting_of(dump.sitings.get(stream.index), context.codec.canonical_name, pixel_format.name),
        alpha=any(each.is_alpha for each in pixel_format.components),
        dolby_vision=dump.dolby_vision(stream.index),
        hidden=dump.hidden_edges(stream.index, context.width, context.height),
    )


def _sar(ratio: Fraction) -> Fraction:
    return ratio if ratio > 0 else Fraction(1)


def _audio(stream: AvStream) -> Audio | None:
    context = cast("av.AudioCodecContext | None", stream.codec_context)
    if context is None:
        return None
    layout = "" if context.layout.name.endswith("channels") else context.layout.name  # "2 channels" is not a layout
    return Audio(sample_rate=context.sample_rate or 0, channels=context.channels or 0, layout=layout)


def _first_frames(container: InputContainer, stream: VideoStream, video: Video | None) -> list[VideoFrame]:
    """Decode the first frames, which alone tell how the video is turned, and what is attached to them.

    Raises:
        MediaError: the video is encrypted (`media.protected`).
    """
    found: list[VideoFrame] = []
    for number, packet in enumerate(packets(container, stream)):
        if number == 0 and packet.has_sidedata("encryption_info"):
            message = "this video is encrypted (DRM) and cannot be decoded"
            raise MediaError(message, code="media.protected", hint="a file without copy protection is needed")
        if video is None:  # no decoder, or no size in the headers
            break
        try:
            found += packet.decode()
        except av.FFmpegError as error:
            out_of_memory.raise_if_short(error)
        if len(found) >= _FIRST_FRAMES or number >= _PACKETS_TO_FIRST_FRAME:
            break
    return found[:_FIRST_FRAMES]


def _with_frame_facts(video: Video, frame: VideoFrame | None) -> Video:
    """Complete what the headers say by what the first frame says."""
    if frame is None:
        return video
    name = frame.format.name
    stated = colour_of(frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc, name)
    known = {key: value for key, value in stated if value is not None}
    found = orientation(frame)
    return video.evolve(
        pixel_format=name,
        bit_depth=max(each.bits for each in frame.format.components),
        interlaced=video.interlaced or frame.interlaced_frame,
        colour=video.colour.evolve(**known),
        siting=siting_of(video.siting, "", name),
        hdr=hdr_metadata(frame),
        rotation=found.rotation,
        mirrored=found.mirrored,
    )
