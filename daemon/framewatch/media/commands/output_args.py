"""Options for all of the output but its video: other streams, tags, chapters, and the container's own. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from framewatch.media.commands.property_args import language_args, service_args
from framewatch.media.commands.trim_args import audio_trim, copied_audio_args, copied_packets_args, subtitle_args
from framewatch.media.commands.uniform_sound import uniform_tracks
from framewatch.media.containers import rules
from framewatch.media.filters import audio
from framewatch.media.plan.plan import AudioPlan, MuxPlan, VideoPlan
from framewatch.media.plan.stream_table import StreamPlan

# Numbers about a track's bytes that Matroska files carry as tags; encoding makes them wrong.
_STALE_TAGS = tuple(
    name + language for name in ("BPS", "NUMBER_OF_BYTES", "NUMBER_OF_FRAMES") for language in ("", "-eng")
)

_UNOFFICIAL = ("spherical", "stereo3d", "dolby_vision")  # kinds that ffmpeg does not write into mp4 by itself

# Packets that may wait until the last stream has started: sound that starts an hour late must not end the job.
_QUEUE = "100000"


def other_streams(plan: MuxPlan, out: Path, source_input: int) -> list[str]:
    """Map audio, subtitles, attachments and covers of the source, which is input number `source_input`.

    The inputs behind it are those of `sound_inputs`.
    """
    args: list[str] = []
    for number, track in _further_videos(plan):
        copied = copied_packets_args(plan, f"v:{number}")
        args += [
            *_map(source_input, track),
            f"-c:v:{number}",
            "copy",
            *copied,
            f"-disposition:v:{number}",
            "-default",
        ]
    uniform = [track.index for track in uniform_tracks(plan)]
    for number, track in enumerate(plan.of_kind("audio")):
        made = uniform.index(track.index) if track.index in uniform else None
        mapped = _map(source_input, track) if made is None else ["-map", f"{source_input + 1 + made}:0"]
        args += [*mapped, *_audio(plan, number, track), *_title(plan, f"a:{number}", track)]
    for number, track in enumerate(plan.of_kind("subtitle")):
        codec = [f"-c:s:{number}", track.encoder or "copy", *subtitle_args(plan, f"s:{number}")]
        args += [*_map(source_input, track), *codec, *_title(plan, f"s:{number}", track)]
    attachments = plan.of_kind("attachment")
    for number, track in enumerate(attachments):
        args += [*_map(source_input, track), f"-c:t:{number}", "copy"]
    for number, cover in enumerate(plan.covers):
        if rules().containers[plan.container].covers == "track":
            args += [*_map(source_input, cover), *_cover_track(plan, number + len(plan.of_kind("video")))]
        else:
            args += _attachment(cover, out, len(attachments) + number, "cover" if number == 0 else f"cover-{number}")
    return args


def _further_videos(plan: MuxPlan) -> Iterator[tuple[int, StreamPlan]]:
    """Yield the videos beside the main one, with their numbers among those of the output."""
    videos = enumerate(plan.of_kind("video"))
    return islice(videos, 1, None) if isinstance(plan, VideoPlan) else videos


def _map(source_input: int, track: StreamPlan) -> list[str]:
    return ["-map", f"{source_input}:{track.index}"]


def _audio(plan: MuxPlan, number: int, track: StreamPlan) -> list[str]:
    if track.audio is None or track.encoder is None:
        return [f"-c:a:{number}", "copy", *copied_audio_args(plan, f"a:{number}", track.sample_rate)]
    args = audio.audio_args(number, track.encoder, track.audio, first=audio_trim(plan))
    return [*args, *without_stale_tags(f"a:{number}")]


def _title(plan: MuxPlan, specifier: str, track: StreamPlan) -> list[str]:
    """Return the track's title as `title`: mp4 calls it `name`, and other containers would keep that.

    Where no tag of the source is taken over, the language is not a tag that can be missed.
    """
    if plan.preset.metadata.removes_all:
        return []
    language = [f"-metadata:s:{specifier}", f"language={track.language}"] if plan.drops_tags else []
    language += language_args(plan, track.index, specifier)
    return [*language, *([f"-metadata:s:{specifier}", f"title={track.title}"] if track.title else [])]


def _cover_track(plan: MuxPlan, number: int) -> list[str]:
    # A cover has no time of its own: moved by the cut like the rest, it would end up before the output's start.
    at_zero = [f"-bsf:v:{number}", "setts=pts=0:dts=0"] if plan.cut else []
    return [f"-c:v:{number}", "copy", *at_zero, f"-disposition:v:{number}", "attached_pic"]


def _attachment(cover: StreamPlan, out: Path, number: int, name: str) -> list[str]:
    """Return a cover as Matroska stores it: an attached file with a conventional name."""
    extension, mime = rules().cover_types[cover.codec]
    tags = [f"mimetype={mime}", f"filename={name}.{extension}"]
    metadata = [part for tag in tags for part in (f"-metadata:s:t:{number}", tag)]
    return ["-attach", file_url(cover_path(cover, out)), *metadata]


def muxer_args(plan: MuxPlan, source_input: int) -> list[str]:
    """Return the options right before the output's name; the source is input number `source_input`."""
    container = rules().containers[plan.container]
    attachments = [track.index for track in plan.of_kind("attachment")]
    tags = metadata_args(plan, source_input, attachments)
    loop = ["-loop", str(plan.preset.gif_loop)] if plan.container == "gif" else []
    special = [*loop, *_beyond_the_standard(plan)]
    return [*tags, "-max_muxing_queue_size", _QUEUE, *special, *container.options, "-f", container.muxer]


def _beyond_the_standard(plan: MuxPlan) -> list[str]:
    """Have ffmpeg write boxes that ISO's standard does not have, where there is something to write into them."""
    is_iso = rules().containers[plan.container].muxer in ("mp4", "mov")
    needed = any(each.kind in _UNOFFICIAL and each.outcome == "carried" for each in plan.carriage)
    return ["-strict", "unofficial"] if is_iso and needed else []


def _tagged_stream(plan: MuxPlan) -> int | None:
    """Ogg stores the tags of a piece of music or a film in its streams; other containers store them for the file."""
    tagged = plan.of_kind("audio") if isinstance(plan, AudioPlan) else plan.of_kind("video")
    return tagged[0].index if plan.demuxer == "ogg" and tagged else None


def metadata_args(plan: MuxPlan, source: int, attachments: list[int]) -> list[str]:
    """Options for the tags and chapters of the output.

    `clean` removes all tags of file and tracks, languages and chapters, as Frame does. Covers and the names of fonts
    stay, since they are content.

    Args:
        plan: knows what the preset says, and which of the source's tags are too many or too long.
        source: the number of the input that is the source.
        attachments: indexes of the source's streams that are attached; they are useless without their names.
    """
    metadata = plan.preset.metadata
    given = [part for key, value in metadata.tags.items() for part in ("-metadata", f"{key}={value}")]
    chapters = ["-map_chapters", "-1" if plan.drops_chapters else str(source)]
    if plan.drops_tags and not metadata.removes_all:
        return ["-map_metadata", "-1", *chapters, *_names_of(attachments, source), *given]
    if metadata.mode == "replace":
        return ["-map_metadata:g", "-1", *chapters, *given]
    if metadata.mode == "preserve":
        tags = ["-map_metadata", str(source)]
        tagged_stream = _tagged_stream(plan)
        if tagged_stream is not None:
            tags += ["-map_metadata:g", f"{source}:s:{tagged_stream}"]
        shortened = ["-metadata", f"title={plan.title}"] if plan.title is not None else []
        return [*tags, *chapters, *shortened, *service_args(plan), *given]
    return ["-map_metadata", "-1", "-map_chapters", "-1", *_names_of(attachments, source)]


def _names_of(attachments: list[int], source: int) -> list[str]:
    return [
        part
        for number, index in enumerate(attachments)
        for part in (f"-map_metadata:s:t:{number}", f"{source}:s:{index}")
    ]


def without_stale_tags(specifier: str) -> list[str]:
    """Options that remove the tags that encoding makes wrong from an output stream, such as `a:0`."""
    return [part for tag in _STALE_TAGS for part in (f"-metadata:s:{specifier}", f"{tag}=")]


def cover_path(cover: StreamPlan, out: Path) -> Path:
    """Return where a cover that is attached to `out` is written first."""
    return out.with_name(f"cover-{cover.index}.{rules().cover_types[cover.codec][0]}")


def file_url(path: Path) -> str:
    """Return a path as ffmpeg takes it, whatever characters it contains or starts with."""
    return f"file:{os.fspath(path)}"
