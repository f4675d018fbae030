"""Which preset a file takes: `only_if` is held against what the probe found. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from framewatch.domain import MediaInfo, Stream
from framewatch.errors import Finding
from framewatch.media.preset.only_if import DEMUXERS_OF, OnlyIf
from framewatch.media.preset.preset import Preset


class Choice(NamedTuple):
    """What is to be done with a file."""

    preset: Preset | None  # None: nothing; it is skipped
    reasons: tuple[Finding, ...] = ()  # why presets before this one were not taken


def choose(preset: Preset, info: MediaInfo) -> Choice:
    """The preset, or that in its `else`, which this file matches."""
    reasons: list[Finding] = []
    way: Preset | None = preset
    while way is not None:
        missed = mismatches(way.only_if, info) if way.only_if else []
        if not missed:
            return Choice(way, tuple(reasons))
        reasons += missed
        way = way.else_
    return Choice(None, tuple(reasons))


def mismatches(only_if: OnlyIf, info: MediaInfo) -> list[Finding]:
    """What of a condition does not hold for a file; empty where all of it holds."""
    found = [*_kind(only_if, info), *_picture(only_if, info)]
    return [Finding("only_if.no_match", message, "", "only_if") for message in found]


def _kind(only_if: OnlyIf, info: MediaInfo) -> Iterator[str]:
    families = {name for kind in only_if.containers for name in DEMUXERS_OF[kind]}
    if families and not families & set(info.container.split(",")):
        yield f"it is {info.container}, not {' or '.join(only_if.containers)}"
    length = (_main(info) or _NOTHING).duration or info.duration
    yield from _outside("it is", length, only_if.min_duration, only_if.max_duration, "duration", " s long")


def _picture(only_if: OnlyIf, info: MediaInfo) -> Iterator[str]:
    main = _main(info)
    if main is None or main.video is None:
        asked = set(OnlyIf.model_fields) - {"containers", "min_duration", "max_duration"}
        if any(getattr(only_if, name) not in (None, ()) for name in asked):
            yield "it has no picture that can be looked at"
        return
    if only_if.codecs and main.codec not in only_if.codecs:
        yield f"its video is {main.codec}, not {' or '.join(only_if.codecs)}"
    width, height = main.video.upright
    yield from _outside("it is", width, only_if.min_width, only_if.max_width, "width", " pixels wide")
    yield from _outside("it is", height, only_if.min_height, only_if.max_height, "height", " pixels high")
    rate = float(main.video.rate or 0)
    yield from _outside("it has", rate, only_if.min_fps, only_if.max_fps, "fps", " frames a second")


def _outside(verb: str, value: float, least: float | None, most: float | None, name: str, unit: str) -> Iterator[str]:
    shown = f"{verb} {value:.10g}{unit}"
    if least is not None and value < least:
        yield f"{shown}, less than min_{name} {least:g}"
    if most is not None and value > most:
        yield f"{shown}, more than max_{name} {most:g}"


_NOTHING = Stream(index=0, kind="data", codec="")


def _main(info: MediaInfo) -> Stream | None:
    """The video or, in a picture file, the picture; a cover that travels with sound is neither."""
    stills = info.streams if all(stream.cover for stream in info.streams) else ()
    return info.main_video or next(iter(stills), None)
