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
# Libav's names of side data of frames.
_LAYOUTS = {
    "stereo3d": "STEREO3D",
    "stereo3d_other": "STEREO3D",
    "spherical": "SPHERICAL",
    "spherical_other": "SPHERICAL",
}
# AV_STEREO3D_SIDEBYSIDE and _TOPBOTTOM, and frame_packing_arrangement_type (ITU-T H.264, D.2.26).
_FRAME_PACKING = {"01000000": 3, "02000000": 4}


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


def service_args(plan: MuxPlan) -> list[str]:
    """Return what a broadcaster says of its program, which ffmpeg reads as no tag of the file."""
    found = [each for each in plan.carriage if each.kind == "service" and each.outcome == "carried"]
    return [part for each in found for part in ("-metadata", f"{each.detail}={each.data}")]


def timecode_args(plan: VideoPlan) -> list[str]:
    """Return the timecode of the video, which segments do not have."""
    found = [each for each in _of(plan, plan.main.index) if each.kind in ("timecode", "timecode_odd")]
    return [
        part for each in found if each.outcome == "carried" for part in ("-metadata:s:v:0", f"timecode={each.detail}")
    ]


def tag_args(plan: VideoPlan) -> list[str]:
    """Return the tags of the video, which segments do not have."""
    found = [each for each in _of(plan, plan.main.index) if each.kind == "tag_of_track" and each.outcome == "carried"]
    return [part for each in found for part in ("-metadata:s:v:0", f"{each.detail}={each.data}")]


def layout_parameters(plan: VideoPlan) -> list[str]:
    """Return x264's parameter for the layout of stereo 3D in a transcode; empty where it is stated otherwise.

    From frames that have it x264 takes it too, and ffmpeg then also writes it into the container: ffmpeg 9 cannot
    filter the frames of a file that says it twice. So frames lose it (`layout_filters`), and x264 alone states it.
    """
    if not _is_in_bitstream(plan):
        return []
    data = next((each.data for each in _of(plan, plan.main.index) if each.kind == "stereo3d"), "")
    layout = _FRAME_PACKING.get(data[:8])
    return [f"frame-packing={layout}"] if layout else []


def layout_filters(plan: VideoPlan) -> list[str]:
    """Return the filters that take from frames what the output of a transcode is not to say of them."""
    return [
        f"sidedata=mode=delete:type={_LAYOUTS[each.kind]}"
        for each in _of(plan, plan.main.index)
        if each.kind in _LAYOUTS
        and (each.outcome == "dropped" or (each.kind == "stereo3d" and _is_in_bitstream(plan)))
    ]


def _is_in_bitstream(plan: VideoPlan) -> bool:
    carried = any(each.kind == "stereo3d" and each.outcome == "carried" for each in _of(plan, plan.main.index))
    return carried and plan.mode == "transcode" and plan.preset.video_codec == "libx264"


def without_false_tags(plan: VideoPlan) -> list[str]:
    """Return options that remove the tags of the video and the file that speak of what the output does not have."""
    replaced = ("stereo3d",) if _is_in_bitstream(plan) else ()
    lost = [
        each
        for each in plan.carriage
        if each.kind in _TAGS_OF_KINDS and (each.outcome == "dropped" or each.kind in replaced)
    ]
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
