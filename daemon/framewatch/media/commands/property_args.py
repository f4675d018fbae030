"""Options for what the output carries of a file's inventory, and against what it only seems to carry. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from framewatch.media.inventory.carriage import Carriage
from framewatch.media.inventory.languages import three_letters
from framewatch.media.plan.plan import MuxPlan, VideoPlan

# Tags of a video that say how to show it. ffmpeg copies them even where it does not copy what they speak of.
_TAGS_OF_KINDS = {
    "alpha": "alpha_mode",
    "stereo3d": "stereo_mode",
    "stereo3d_other": "stereo_mode",
    "timecode": "timecode",
    "timecode_odd": "timecode",
}


def marks(plan: MuxPlan, index: int) -> Iterator[str]:
    """Yield ffmpeg's names of the dispositions of a stream that the output carries."""
    for each in _of(plan, index):
        group, _, name = each.kind.partition(".")
        if group == "disposition" and each.outcome == "carried":
            yield name


def language_args(plan: MuxPlan, index: int, specifier: str) -> list[str]:
    """Return the language of a track where the container has no place for the source's own tag."""
    tag = next((each for each in _of(plan, index) if each.kind == "language_tag"), None)
    if tag is None or tag.outcome == "carried":
        return []
    return [f"-metadata:s:{specifier}", f"language={three_letters(tag.detail) or 'und'}"]


def timecode_args(plan: VideoPlan) -> list[str]:
    """Return the timecode of the video, which segments do not have."""
    found = [each for each in _of(plan, plan.main.index) if each.kind in ("timecode", "timecode_odd")]
    return [
        part for each in found if each.outcome == "carried" for part in ("-metadata:s:v:0", f"timecode={each.detail}")
    ]


def without_false_tags(plan: VideoPlan) -> list[str]:
    """Return options that remove the tags of the video and the file that speak of what the output does not have."""
    lost = [each for each in plan.carriage if each.outcome == "dropped" and each.kind in _TAGS_OF_KINDS]
    return [
        part
        for each in lost
        if each.stream in (None, plan.main.index)
        for part in (
            "-metadata" if each.stream is None else "-metadata:s:v:0",
            f"{_TAGS_OF_KINDS[each.kind]}=",
        )
    ]


def _of(plan: MuxPlan, index: int) -> Iterator[Carriage]:
    return (each for each in plan.carriage if each.stream == index)
