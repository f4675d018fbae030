"""Filters that change how a video looks, as parts of ffmpeg's `-filter`. Pure.

Levels are computed with `lutyuv`, not with ffmpeg's `eq`, which is 8-bit only and would silently reduce deeper video.
The order: denoising and debanding before levels and colour, blur and sharpening after both, and the vignette, which
covers all of it, last.
"""

from __future__ import annotations

import math

from framewatch.media.preset.preset import Preset

_DENOISE_FRAMES = 24
_BAND_THRESHOLD = 0.02  # of `deband`: ffmpeg's default, as the medium strength


def effect_filters(preset: Preset, depth: int, *, full_range: bool) -> list[str]:
    """Return the filters of a preset, for planar YUV.

    Args:
        preset: what the user wants.
        depth: bits per component.
        full_range: whether black is 0 instead of 16.
    """
    return [*_cleaning(preset), *_levels(preset, depth, full_range=full_range), *_finishing(preset)]


def remembered_frames(preset: Preset) -> int:
    """Return how many frames the preset's filters must have seen before the first one that counts.

    `hqdn3d` averages over time: after a second, at most a twentieth of what a frame contributes is left.
    """
    return _DENOISE_FRAMES if preset.denoise else 0


def deinterlace_args(mode: str) -> str:
    """Return the arguments of `bwdif`: one frame out per frame in; "on" treats every frame as interlaced."""
    return f"mode=send_frame:parity=auto:deint={'all' if mode == 'on' else 'interlaced'}"


def _cleaning(preset: Preset) -> list[str]:
    chain = []
    if preset.denoise:
        chain.append(f"hqdn3d={_text(preset.denoise)}")
    if preset.deband:
        threshold = _text(preset.deband * _BAND_THRESHOLD)
        chain.append("deband=" + ":".join(f"{plane}thr={threshold}" for plane in (1, 2, 3, 4)))
    return chain


def _levels(preset: Preset, depth: int, *, full_range: bool) -> list[str]:
    """Contrast around mid-grey, then brightness, then gamma, all on luma from 0 to 1; saturation on chroma."""
    unit = 1 << (depth - 8)
    low, span = (0, (1 << depth) - 1) if full_range else (16 * unit, 219 * unit)
    middle, saturation = 128 * unit, 0.0 if preset.grayscale else preset.saturation
    parts = []
    if (preset.brightness, preset.contrast, preset.gamma) != (0, 1, 1):
        luma = f"clip(((val-{low})/{span}-0.5)*{_text(preset.contrast)}+0.5+{_text(preset.brightness)},0,1)"
        # The filter truncates fractions: half a step turns that into rounding.
        parts.append(f"y={low}+{span}*pow({luma},1/{_text(preset.gamma)})+0.5")
    if saturation != 1:
        chroma = f"clip((val-{middle})*{_text(saturation)}+{middle}+0.5,0,{(1 << depth) - 1})"
        parts += [f"u={chroma}", f"v={chroma}"]
    levels = [f"lutyuv={':'.join(_quoted(part) for part in parts)}"] if parts else []
    return [*([f"hue=h={_text(preset.hue)}"] if preset.hue else []), *levels]


def _finishing(preset: Preset) -> list[str]:
    chain = []
    if preset.blur:
        chain.append(f"gblur=sigma={_text(preset.blur)}")
    if preset.sharpen:
        chain.append(f"unsharp=5:5:{_text(preset.sharpen)}")
    if preset.vignette:
        chain.append(f"vignette=angle={_text(preset.vignette * math.pi / 2)}")
    return chain


def _quoted(part: str) -> str:
    """Return an option whose expression contains commas."""
    key, _, expression = part.partition("=")
    return f"{key}='{expression}'"


def _text(value: float) -> str:
    return f"{value:.6g}"
