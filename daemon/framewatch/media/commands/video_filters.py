"""The video's filters, in order. Pure.

    deinterlace, flip, rotate, crop | network | effects, burned subtitles, scale, pad

What is before the first bar shapes the source. It runs in the decoder where the network comes between, else in ffmpeg
like the rest. What is after the network is the same chain with and without it, on YUV in the output's pixel format.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from framewatch.media import colour
from framewatch.media.commands import chroma_filters
from framewatch.media.encoders import encoder_args
from framewatch.media.filter_graph import Filter
from framewatch.media.filters.burned_subtitles import burn_filter, script_path
from framewatch.media.filters.fitting import fit_chain
from framewatch.media.filters.video_effects import deinterlace_args, effect_filters
from framewatch.media.plan.avi_timestamps import frame_filter
from framewatch.media.plan.plan import VideoPlan
from framewatch.media.plan.plane_format import PlaneCoding
from framewatch.media.preset.preset import Preset
from framewatch.media.siting import between_samples, siting_options

_TRANSPOSE = {0: (), 90: ("clock",), 180: (), 270: ("cclock",)}
# A frame before the cut may be a tick later than the rounded cut says; half a millisecond is shorter than any frame.
_CUT_SLACK = 0.0005
_MAX_INT = 2**31 - 1  # the largest integer of ffmpeg's options


class SegmentEncoding(NamedTuple):
    """What the encoder's command needs to know of a segment. The default is a whole video in RGB."""

    start: float = 0.0  # seconds from the output's first frame to the segment's
    lead: int = 0  # frames that come before the segment's first, for filters with a memory, and are dropped
    planes: PlaneCoding | None = None  # how the frames are coded; None: packed RGB in `working_format`
    threads: int | None = None  # of the encoder, as `encoder_args.video_args` takes them


def source_filters(preset: Preset) -> tuple[Filter, ...]:
    """Flip, rotate and crop, for upright frames without chroma subsampling."""
    crop = preset.active_crop
    return (
        *((Filter("hflip"),) if preset.flip_horizontal else ()),
        *((Filter("vflip"),) if preset.flip_vertical else ()),
        *(Filter("transpose", direction) for direction in _TRANSPOSE[preset.rotation]),
        *((Filter("hflip"), Filter("vflip")) if preset.rotation == 180 else ()),
        *((Filter("crop", f"{crop.width}:{crop.height}:{crop.x}:{crop.y}:exact=1"),) if crop else ()),
    )


def deinterlace_filters(preset: Preset) -> tuple[Filter, ...]:
    """Return the filter that makes interlaced frames progressive; it comes before everything else."""
    return () if preset.deinterlace == "off" else (Filter("bwdif", deinterlace_args(preset.deinterlace)),)


def upscaled_chain(plan: VideoPlan, out: Path, segment: SegmentEncoding) -> str:
    """Return the filters for a segment's frames as they come out of the network."""
    effects = _effects(plan, segment.lead)
    shaped = _shaped_for_output(plan, out, shift=_shift(plan) + plan.video_start + segment.start)
    encoder_format = encoder_args.encoder_format(plan.preset, plan.pixel_format)
    # Some filters do not take hardware surfaces: they get the plain format, and the encoder its own at the end.
    target = plan.pixel_format if effects or shaped else encoder_format
    coding = (plan.colour, plan.source_height, target, plan.encoder)
    to_yuv = colour.tagged_filter(*coding) if segment.planes else colour.encode_filter(*coding, plan.chroma.siting)
    last = [*shaped, f"format={encoder_format}"] if effects or shaped else []
    if shaped or encoder_format != target:
        last = _under_stand_in_matrix(plan, last)
    return ",".join([*_cut_to_even(plan), to_yuv, *effects, *last, _sar(plan)])


def transcoded_chain(plan: VideoPlan, out: Path) -> str:
    """Return the filters for the source's frames as ffmpeg decodes and rotates them."""
    after = [*_effects(plan), *_shaped_for_output(plan, out, shift=_shift(plan) - plan.delay)]
    encoder_format = encoder_args.encoder_format(plan.preset, plan.pixel_format)
    target = plan.pixel_format if after else encoder_format
    if plan.container == "gif":
        encoder_format = target = "yuv444p"
    times = plan.frame_times
    own_times = [frame_filter(times, plan.delay - plan.container_start)] if times.runs else []
    deinterlace = map(str, deinterlace_filters(plan.preset))
    chain = [
        *own_times,
        *_fitted(plan),
        *([] if between_samples(plan.visible) else _without_hidden_edges(plan)),
        *deinterlace,
        *_timed(plan),
        *_source_shape(plan, target),
    ]
    chain += [*after, f"format={encoder_format}"] if after else []
    if after or plan.preset.reorients or plan.preset.active_crop or plan.visible:
        chain.append(_sar(plan))
    return ",".join(_under_stand_in_matrix(plan, [*chain, *_palette(plan)]))


def _fitted(plan: VideoPlan) -> list[str]:
    """Fit pictures that are not like the first one into it; what comes after sees no change."""
    return fit_chain(plan.fitting, plan.delay - plan.container_start) if plan.fitting else []


def _under_stand_in_matrix(plan: VideoPlan, filters: list[str]) -> list[str]:
    """Run `filters` on frames with a matrix tag that they accept, and put the source's own back after them."""
    stand_in = colour.stand_in_matrix(plan.colour)
    if stand_in is None:
        return filters
    own = [] if plan.container == "gif" else [f"setparams=colorspace={plan.colour.matrix}"]  # a gif is RGB by now
    return [f"setparams=colorspace={stand_in}", *filters, *own]


def _effects(plan: VideoPlan, lead: int = 0) -> list[str]:
    """Return the preset's effects, on YUV frames of the source's or the network's size; then the lead is dropped."""
    depth = 10 if plan.pixel_format.endswith("10le") else 8
    full = plan.colour.range == "full" and not plan.encoder.startswith(colour.LIMITED_ONLY)
    without_lead = [f"trim=start_frame={lead}", "setpts=PTS-STARTPTS"] if lead else []
    return [*effect_filters(plan.preset, depth, full_range=full), *without_lead]


def _shaped_for_output(plan: VideoPlan, out: Path, *, shift: float) -> list[str]:
    """Burned subtitles, scaling and padding."""
    burned = burn_filter(plan.preset, script_path(out), shift) if plan.preset.subtitle_burn_path else []
    return [*burned, *_sized(plan)]


def _shift(plan: VideoPlan) -> float:
    """Seconds from the source's beginning, from which burned subtitles count, to the output's."""
    return plan.cut.start if plan.cut else 0.0


def _sized(plan: VideoPlan) -> list[str]:
    width, height = plan.scaled_width, plan.scaled_height
    chain = []
    if (width, height) != (plan.frame_width, plan.frame_height):
        siting = "".join(siting_options(side, plan.chroma.siting, plan.pixel_format) for side in ("in", "out"))
        chain.append(f"scale={width}:{height}:flags={plan.scaling}+accurate_rnd+full_chroma_int{siting}")
        chain += _cropped(plan, width, height)
    if plan.width > width or plan.height > height:
        chain.append(f"pad={plan.width}:{plan.height}:(ow-iw)/2:(oh-ih)/2:black")
    return chain


def _cut_to_even(plan: VideoPlan) -> list[str]:
    """Return the filter that drops a column or row which the pixel format cannot hold, where nothing is scaled."""
    frame = (plan.frame_width, plan.frame_height)
    return _cropped(plan, *frame) if (plan.scaled_width, plan.scaled_height) == frame else []


def _cropped(plan: VideoPlan, width: int, height: int) -> list[str]:
    """Return the filter that drops what a frame is larger than the output; a smaller one is padded later."""
    kept = min(width, plan.width), min(height, plan.height)
    return [f"crop={kept[0]}:{kept[1]}:0:0"] if kept != (width, height) else []


def _without_hidden_edges(plan: VideoPlan) -> list[str]:
    """Cut off what the container hides, where `fit_chain` has not done so."""
    part = plan.visible
    if part is None:
        return []
    left, top = f"if(gt(iw,{part.width}),{part.left},0)", f"if(gt(ih,{part.height}),{part.top},0)"
    return [f"crop={part.width}:{part.height}:'{left}':'{top}':exact=1"]


def _source_shape(plan: VideoPlan, target: str) -> list[str]:
    """Flip, rotate and crop the source's frames, and convert them to the pixel format `target`.

    A mirrored frame has its chroma on the other side, and an odd edge lies between two samples of chroma. So frames
    get full chroma before. Odd edges that are hidden are cut off here, too.
    """
    shaped, even, crop = [*map(str, source_filters(plan.preset))], _cut_to_even(plan), plan.preset.active_crop
    if hidden := between_samples(plan.visible):
        shaped = [*_without_hidden_edges(plan), *shaped]
    if plan.limited_grey:
        return [*shaped, *even, colour.limited_grey_filter(target)]
    if plan.rgb:
        levels = colour.rgb_levels(plan.working_format)
        return [*shaped, *even, *levels, colour.encode_filter(plan.colour, plan.source_height, target, plan.encoder)]
    odd = crop is not None and any(value % 2 for value in (crop.x, crop.y, crop.width, crop.height))
    if plan.preset.reorients or odd or hidden:
        into, out = chroma_filters.through_full_chroma(plan, target)
        return [*into, *shaped, *even, *out]
    return [*shaped, *even, *chroma_filters.converted(plan, target)]


def _timed(plan: VideoPlan) -> list[str]:
    """Return the filters for the cut and the timeline.

    `fps` rounds as the timeline does, but may end earlier after the last frame.
    """
    start = plan.video_start + plan.delay
    chain = [f"trim=start={start - _CUT_SLACK:.6f}"] if plan.cut else []
    if plan.rate is None:
        if plan.frame_times.equal and plan.expected.frames is not None:
            chain.append("select='isnan(prev_selected_pts)+gt(pts,prev_selected_pts)'")
        return [*chain, f"trim=end_frame={plan.frames}"] if plan.cut else chain
    begin = start - plan.grid_lead
    grid = f"fps={plan.rate.numerator}/{plan.rate.denominator}:start_time={begin:.6f}:eof_action=pass"
    return [*chain, grid, "tpad=stop_mode=clone:stop=2", f"trim=end_frame={plan.frames}"]


def _sar(plan: VideoPlan) -> str:
    """Return the filter for the exact SAR: without `max` the filter approximates it by numbers up to 100."""
    return f"setsar={plan.sar.numerator}/{plan.sar.denominator}:max={_MAX_INT}"


def _palette(plan: VideoPlan) -> list[str]:
    """Return the filters for a gif's palette, which is chosen from all frames and then used for all of them."""
    if plan.container != "gif":
        return []
    preset = plan.preset
    return [
        colour.rgb_filter(plan.colour),
        f"split[all][kept];[all]palettegen=max_colors={preset.gif_colors}:reserve_transparent=0[palette]"
        f";[kept][palette]paletteuse=dither={preset.gif_dither}",
    ]
