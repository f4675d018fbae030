"""Which preset a file takes: compares `only_if` with what the probe found. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from framewatch.domain import MediaInfo, Stream
from framewatch.errors import Finding
from framewatch.library.kinds import Kind
from framewatch.media.containers import rules
from framewatch.media.preset.only_if import DEMUXERS_OF, OnlyIf
from framewatch.media.preset.preset import Preset

# What a container can be made of, by its kind.
_TAKEN: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "video": (Kind.VIDEO,),
        "animation": (Kind.VIDEO,),
        "audio": (Kind.SOUND, Kind.VIDEO),
        "image": (Kind.PICTURE,),
    }
)


class Choice(NamedTuple):
    """The preset that a file takes."""

    preset: Preset | None  # None: the file is skipped
    reasons: tuple[Finding, ...] = ()  # why the presets before this one did not match


def choose_preset(preset: Preset, info: MediaInfo) -> Choice:
    """Return the first of the preset and those in its `else` that the file matches."""
    reasons: list[Finding] = []
    for variant in preset.variants:
        mismatches = _mismatches(variant.only_if, info) if variant.only_if else []
        if not mismatches:
            return Choice(variant, tuple(reasons))
        reasons += mismatches
    return Choice(None, tuple(reasons))


def wanted_kinds(preset: Preset) -> frozenset[Kind]:
    """Return the kinds of files that a preset and those in its `else` are for."""
    kinds = {rules().containers[variant.container].kind for variant in preset.variants}
    return frozenset(kind for each in kinds for kind in _TAKEN[each])


def _mismatches(only_if: OnlyIf, info: MediaInfo) -> list[Finding]:
    """Return the conditions that a file does not meet; empty if it meets all."""
    messages = [*_file_mismatches(only_if, info), *_video_mismatches(only_if, info)]
    return [Finding("only_if.no_match", message, "", "only_if") for message in messages]


def _file_mismatches(only_if: OnlyIf, info: MediaInfo) -> Iterator[str]:
    demuxers = {name for file_type in only_if.containers for name in DEMUXERS_OF[file_type]}
    if demuxers and not demuxers & set(info.container.split(",")):
        yield f"it is {info.container}, not {' or '.join(only_if.containers)}"
    main = _main_stream(info)
    duration = (main.duration if main else None) or info.duration
    yield from _out_of_range(f"it is {duration:.10g} s long", duration, "duration", only_if)


def _video_mismatches(only_if: OnlyIf, info: MediaInfo) -> Iterator[str]:
    main = _main_stream(info)
    if main is None or main.video is None:
        video_keys = set(OnlyIf.model_fields) - {"containers", "min_duration", "max_duration"}
        if any(getattr(only_if, name) not in (None, ()) for name in video_keys):
            yield "it has no video or image that can be read"
        return
    if only_if.codecs and main.codec not in only_if.codecs:
        yield f"its video is {main.codec}, not {' or '.join(only_if.codecs)}"
    width, height = main.video.upright
    rate = float(main.video.rate or 0)
    yield from _out_of_range(f"it is {width} pixels wide", width, "width", only_if)
    yield from _out_of_range(f"it is {height} pixels high", height, "height", only_if)
    yield from _out_of_range(f"it has {rate:.10g} frames per second", rate, "fps", only_if)


def _out_of_range(fact: str, value: float, name: str, only_if: OnlyIf) -> Iterator[str]:
    least, most = getattr(only_if, f"min_{name}"), getattr(only_if, f"max_{name}")
    if least is not None and value < least:
        yield f"{fact}, less than min_{name} {least:g}"
    if most is not None and value > most:
        yield f"{fact}, more than max_{name} {most:g}"


def _main_stream(info: MediaInfo) -> Stream | None:
    """Return the main video or, in an image file, the image. The cover of an audio file is neither."""
    images = info.streams if all(stream.cover for stream in info.streams) else ()
    return info.main_video or next(iter(images), None)
