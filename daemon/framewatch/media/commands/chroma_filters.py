"""The filters that move chroma between the source's frames and the output's, where YUV stays YUV. Pure.

swscale only copies planes between formats of the same subsampling, whatever positions it is told. So chroma that
moves goes through 4:4:4. Luma passes all of this unchanged.
"""

from __future__ import annotations

from framewatch.media.colour import EXACT_FLAGS, encoded_colour
from framewatch.media.plan.plan import VideoPlan
from framewatch.media.siting import FULL, position_options, subsampling


def converted(plan: VideoPlan, target: str) -> list[str]:
    """Return the filters that convert frames of the source, not mirrored by the preset, to `target`.

    Args:
        plan: of a transcode of YUV.
        target: a pixel format with the output's subsampling.
    """
    if not plan.chroma.moves:
        return [f"format={target}"]
    if subsampling(plan.chroma.source_format) != subsampling(plan.chroma.output_format):
        return [_scale(plan, _in(plan) + _out(plan), last=True), f"format={target}"]
    into, out = through_full_chroma(plan, target)
    return [*into, *out]


def through_full_chroma(plan: VideoPlan, target: str) -> tuple[list[str], list[str]]:
    """Return the filters that give frames of the source full chroma, and those that convert them to `target` then."""
    chroma = plan.chroma
    if chroma.grey:
        return [], [f"format={target}"]
    full = f"yuv444p{'10le' if chroma.output_format.endswith('10le') else ''}"
    comes_full, goes_full = (subsampling(each) == FULL for each in (chroma.source_format, chroma.output_format))
    into = [] if comes_full else [_scale(plan, _in(plan), last=goes_full), f"format={full}"]
    out = [] if goes_full else [_scale(plan, _out(plan), last=True)]
    return into, [*out, f"format={target}"]


def _in(plan: VideoPlan) -> str:
    return position_options("in", plan.chroma.shown, plan.chroma.source_format)


def _out(plan: VideoPlan) -> str:
    return position_options("out", plan.chroma.output, plan.chroma.output_format)


def _scale(plan: VideoPlan, positions: str, *, last: bool) -> str:
    """Return a filter that keeps the range; the last one converts to that of the encoder, as old ffmpegs do not."""
    colour = encoded_colour(plan.colour, plan.source_height, plan.encoder) if last else plan.colour
    return f"scale=in_range={plan.colour.range}:out_range={colour.range}{positions}:flags={EXACT_FLAGS}"


def siting_args(plan: VideoPlan) -> list[str]:
    """Return the output option that states the siting, unless it is the one that every decoder expects.

    ffmpeg passes on what the source's frames state, which is wrong after a conversion.
    """
    chroma = plan.chroma
    stale = plan.mode != "upscale" and (chroma.moves or chroma.source != "left" or plan.preset.reorients)
    return ["-chroma_sample_location:v:0", chroma.siting] if stale or chroma.siting != "left" else []
