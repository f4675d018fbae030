"""The video's filters, in order: the source's own shape first, the network between, looks and size after. Pure.

    deinterlace, flip, rotate, crop | network | effects, burned subtitles, scale, pad

What stands before the bar runs in the decoder where the network comes between, else in ffmpeg like the rest.
"""

from __future__ import annotations

from pathlib import Path

from framewatch.media import colour
from framewatch.media.encoders import encoder_args
from framewatch.media.filter_graph import Filter
from framewatch.media.filters.burned_subtitles import burn_filter, script_path
from framewatch.media.filters.video_effects import deinterlace_args, effect_filters
from framewatch.media.plan.avi_timestamps import picture_filter
from framewatch.media.plan.plan import Plan
from framewatch.media.plan.sizing import steps
from framewatch.media.preset.preset import Preset

_TURNS = {0: (), 90: ("clock",), 180: (), 270: ("cclock",)}
# Frames before a cut may be a tick away from where the rounded cut says; half a millisecond is less than any frame.
_CUT_SLACK = 0.0005
_LARGEST = 2**31 - 1  # what an integer of ffmpeg's holds


def source_filters(preset: Preset) -> tuple[Filter, ...]:
    """Flip, rotate and crop, of an upright picture whose chroma is not subsampled."""
    crop = preset.active_crop
    return (
        *((Filter("hflip"),) if preset.flip_horizontal else ()),
        *((Filter("vflip"),) if preset.flip_vertical else ()),
        *(Filter("transpose", turn) for turn in _TURNS[preset.rotation]),
        *((Filter("hflip"), Filter("vflip")) if preset.rotation == 180 else ()),
        *((Filter("crop", f"{crop.width}:{crop.height}:{crop.x}:{crop.y}:exact=1"),) if crop else ()),
    )


def deinterlace_filters(preset: Preset) -> tuple[Filter, ...]:
    """The filter that makes whole pictures of interlaced ones; it comes before everything."""
    return () if preset.deinterlace == "off" else (Filter("bwdif", deinterlace_args(preset.deinterlace)),)


def encoded_chain(
    plan: Plan, encoder: str, out: Path, begins: float = 0.0, lead: int = 0, *, planes: bool = False
) -> str:
    """Filters for the frames that come out of the network; the arguments are those of `commands.piece_command`."""
    effects = _effects(plan, encoder, lead)
    placed = _placed(plan, out, shift=_shift(plan) + plan.video_start + begins)
    made = encoder_args.encoder_format(plan.preset, plan.pixel_format)
    # Some filters do not take the layouts of hardware: they get the plain one, and the encoder its own at the end.
    target = plan.pixel_format if effects or placed else made
    made_yuv = colour.tagged_filter if planes else colour.encode_filter
    converted = made_yuv(plan.colour, plan.source_height, target, encoder)
    last = [*placed, f"format={made}"] if effects or placed else []
    if placed or made != target:
        last = _under_stand_in(plan, last)
    return ",".join([*_cut_to_even(plan), converted, *effects, *last, _sar(plan)])


def transcoded_chain(plan: Plan, encoder: str, out: Path) -> str:
    """Filters for the source's frames as ffmpeg decodes them, turned upright."""
    after = [*_effects(plan, encoder), *_placed(plan, out, shift=_shift(plan) - plan.delay)]
    made = encoder_args.encoder_format(plan.preset, plan.pixel_format)
    target = plan.pixel_format if after else made
    if plan.container == "gif":
        made = target = "yuv444p"
    told = [picture_filter(plan.stamps, plan.delay - plan.container_start)] if plan.stamps.runs else []
    chain = [*told, *map(str, deinterlace_filters(plan.preset)), *_timed(plan), *_shaped(plan), *_cut_to_even(plan)]
    if plan.rgb:
        chain.append(colour.encode_filter(plan.colour, plan.source_height, target, encoder))
    else:
        chain.append(f"format={target}")
    chain += [*after, f"format={made}"] if after else []
    if after or plan.preset.reorients or plan.preset.active_crop:
        chain.append(_sar(plan))
    return ",".join([*_under_stand_in(plan, chain), *_palette(plan)])


def _under_stand_in(plan: Plan, filters: list[str]) -> list[str]:
    """Run `filters` on frames with a matrix tag that they accept, and put the source's own back after them."""
    stand_in = colour.stand_in_matrix(plan.colour)
    if stand_in is None:
        return filters
    return [f"setparams=colorspace={stand_in}", *filters, f"setparams=colorspace={plan.colour.matrix}"]


def _effects(plan: Plan, encoder: str, lead: int = 0) -> list[str]:
    """The preset's effects, on YUV frames of the source's, or the network's, size, and then without the lead."""
    depth = 10 if plan.pixel_format.endswith("10le") else 8
    full = plan.colour.range == "full" and not encoder.startswith(colour.LIMITED_ONLY)
    left_out = [f"trim=start_frame={lead}", "setpts=PTS-STARTPTS"] if lead else []
    return [*effect_filters(plan.preset, depth, full_range=full), *left_out]


def _placed(plan: Plan, out: Path, *, shift: float) -> list[str]:
    """Burned subtitles, scaling and padding."""
    burned = burn_filter(plan.preset, script_path(out), shift) if plan.preset.subtitle_burn_path else []
    return [*burned, *_sized(plan)]


def _shift(plan: Plan) -> float:
    """Seconds from the source's beginning, by which subtitles count, to the output's."""
    return plan.cut.start if plan.cut else 0.0


def _sized(plan: Plan) -> list[str]:
    wide, high = plan.scaled_width, plan.scaled_height
    chain = []
    if (wide, high) != (plan.frame_width, plan.frame_height):
        across, _ = steps(plan.pixel_format)
        siting = ":in_h_chr_pos=0:out_h_chr_pos=0" if across == 2 else ""
        chain.append(f"scale={wide}:{high}:flags={plan.scaling}+accurate_rnd+full_chroma_int{siting}")
        chain += _cropped(plan, wide, high)
    if plan.width > wide or plan.height > high:
        chain.append(f"pad={plan.width}:{plan.height}:(ow-iw)/2:(oh-ih)/2:black")
    return chain


def _cut_to_even(plan: Plan) -> list[str]:
    """Where nothing is scaled, the column or row that the pixel format cannot hold is left out at once."""
    frame = (plan.frame_width, plan.frame_height)
    return _cropped(plan, *frame) if (plan.scaled_width, plan.scaled_height) == frame else []


def _cropped(plan: Plan, wide: int, high: int) -> list[str]:
    """What is larger than the output loses its last column or row; what is smaller is padded later."""
    width, height = min(wide, plan.width), min(high, plan.height)
    return [f"crop={width}:{height}:0:0"] if (width, height) != (wide, high) else []


def _shaped(plan: Plan) -> list[str]:
    """Flip, rotate and crop. An odd edge lies between two samples of subsampled chroma: it is resampled first."""
    filters = source_filters(plan.preset)
    crop = plan.preset.active_crop
    odd = crop and any(value % 2 for value in (crop.x, crop.y, crop.width, crop.height))
    deep = "10le" if plan.pixel_format.endswith("10le") else ""
    whole = [f"format=yuv444p{deep}"] if odd and not plan.rgb else []
    if not crop:
        return [*map(str, filters)]
    return [*map(str, filters[:-1]), *whole, str(filters[-1])]


def _timed(plan: Plan) -> list[str]:
    """The cut and the timeline: `fps` rounds as that does, but may see the end of the last frame earlier."""
    begin = plan.video_start + plan.delay
    chain = [f"trim=start={begin - _CUT_SLACK:.6f}"] if plan.cut else []
    if plan.rate is None:
        return [*chain, f"trim=end_frame={plan.frames}"] if plan.cut else []
    grid = f"fps={plan.rate.numerator}/{plan.rate.denominator}:start_time={begin:.6f}:eof_action=pass"
    return [*chain, grid, "tpad=stop_mode=clone:stop=2", f"trim=end_frame={plan.frames}"]


def _sar(plan: Plan) -> str:
    """The sample aspect ratio as it is: without `max` the filter keeps no number above 100."""
    return f"setsar={plan.sar.numerator}/{plan.sar.denominator}:max={_LARGEST}"


def _palette(plan: Plan) -> list[str]:
    """A gif's colours: chosen from all frames, then used for all of them."""
    if plan.container != "gif":
        return []
    preset = plan.preset
    return [
        colour.rgb_filter(plan.colour),
        f"split[all][kept];[all]palettegen=max_colors={preset.gif_colors}:reserve_transparent=0[palette]"
        f";[kept][palette]paletteuse=dither={preset.gif_dither}",
    ]
