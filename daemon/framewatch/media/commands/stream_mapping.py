"""Options that carry the streams of a source besides its video into the output. Pure."""

from __future__ import annotations

import os
from pathlib import Path

from framewatch.media.commands.trim_args import copied_args, sound_filters, text_args
from framewatch.media.containers import rules
from framewatch.media.filters import audio
from framewatch.media.plan.plan import Plan
from framewatch.media.plan.stream_table import StreamPlan

# Numbers that Matroska files carry about a track's bytes; they are wrong as soon as it is encoded anew.
_STALE_TAGS = tuple(
    name + language for name in ("BPS", "NUMBER_OF_BYTES", "NUMBER_OF_FRAMES") for language in ("", "-eng")
)


def other_streams(plan: Plan, out: Path, source_input: int = 1) -> list[str]:
    """Sound, subtitles, attachments and covers of the source, which is input `source_input`."""
    args: list[str] = []
    for number, track in enumerate(plan.of_kind("audio")):
        args += [*_mapped(source_input, track), *_audio(plan, number, track), *_title(plan, f"a:{number}", track)]
    for number, track in enumerate(plan.of_kind("subtitle")):
        codec = [f"-c:s:{number}", track.encoder or "copy", *text_args(plan, f"s:{number}")]
        args += [*_mapped(source_input, track), *codec, *_title(plan, f"s:{number}", track)]
    attachments = plan.of_kind("attachment")
    for number, track in enumerate(attachments):
        args += [*_mapped(source_input, track), f"-c:t:{number}", "copy"]
    for number, picture in enumerate(plan.covers):
        if rules().containers[plan.container].covers == "track":
            args += [*_mapped(source_input, picture), *_cover_track(plan, number + len(plan.of_kind("video")))]
        else:
            args += _attached(picture, out, len(attachments) + number, "cover" if number == 0 else f"cover-{number}")
    return args


def _mapped(source_input: int, track: StreamPlan) -> list[str]:
    return ["-map", f"{source_input}:{track.index}"]


def _audio(plan: Plan, number: int, track: StreamPlan) -> list[str]:
    if track.audio is None:
        return [f"-c:a:{number}", "copy", *copied_args(plan, f"a:{number}")]
    args = audio.audio_args(number, track.encoder, track.audio, first=sound_filters(plan))
    return [*args, *without_stale(f"a:{number}")]


def _title(plan: Plan, place: str, track: StreamPlan) -> list[str]:
    """The track's title under its own name: mp4 calls it `name`, and other containers would keep that."""
    told = track.title and not plan.preset.metadata.removes_all
    return [f"-metadata:s:{place}", f"title={track.title}"] if told else []


def _cover_track(plan: Plan, number: int) -> list[str]:
    # A cover has no time of its own: moved with the rest by a cut, it would lie before the beginning.
    placed = [f"-bsf:v:{number}", "setts=pts=0:dts=0"] if plan.cut else []
    return [f"-c:v:{number}", "copy", *placed, f"-disposition:v:{number}", "attached_pic"]


def _attached(picture: StreamPlan, out: Path, number: int, name: str) -> list[str]:
    """A cover as Matroska has it: an attached file, known by its name."""
    ending, mime = rules().cover_types[picture.codec]
    tags = [f"mimetype={mime}", f"filename={name}.{ending}"]
    named = [part for tag in tags for part in (f"-metadata:s:t:{number}", tag)]
    return ["-attach", file_url(cover_path(picture, out)), *named]


def without_stale(place: str) -> list[str]:
    """Options that remove the tags of output stream `place` (`a:0`) that encoding makes wrong."""
    return [part for tag in _STALE_TAGS for part in (f"-metadata:s:{place}", f"{tag}=")]


def cover_path(cover: StreamPlan, out: Path) -> Path:
    """Where a cover waits to be attached to `out`."""
    return out.with_name(f"cover-{cover.index}.{rules().cover_types[cover.codec][0]}")


def file_url(path: Path) -> str:
    """A path as ffmpeg takes it whatever characters it begins with or holds."""
    return f"file:{os.fspath(path)}"
