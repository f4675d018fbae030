"""How much GPU memory a job is counted with, and how many frames each stage holds: from tables."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

# The most output pixels of a row, and the GB that upscaling to them takes at 2x and at 4x.
_GB_BY_OUTPUT = (
    (1920 * 1080, 2.0, 4.0),
    (2560 * 1440, 3.0, 6.0),
    (3840 * 2160, 4.0, 8.0),
    (7680 * 4320, 8.0, 16.0),
)
_UHD = 3840 * 2160
_HD = 1920 * 1080


@dataclass(frozen=True, slots=True)
class Stages:
    """How many frames each stage of the pipeline works on at once: `load:proc:save`."""

    load: int
    proc: int
    save: int


def needed_gb(width: int, height: int, scale: int) -> float:
    """Return the GPU memory in GB that a job is counted with.

    It is that of the first row which holds the output; beyond 8K it grows with the pixels. 3x, which the table does
    not have, is half-way between 2x and 4x.

    Args:
        width: of the output, in pixels.
        height: of the output, in pixels.
        scale: 2, 3 or 4.
    """
    pixels = width * height
    largest, *_ = _GB_BY_OUTPUT[-1]
    _, twice, fourfold = next((row for row in _GB_BY_OUTPUT if pixels <= row[0]), _GB_BY_OUTPUT[-1])
    amount = twice + (fourfold - twice) * (scale - 2) / 2
    return amount * max(1.0, pixels / largest)


def stages(width: int, height: int, cpus: int) -> Stages:
    """Return the stages for an output of `width` x `height` pixels on a machine with `cpus` cores.

    Upscaled at once: 1 above 4K output, 2 above 1080p, else 4. Decoded and encoded at once: half of the cores,
    rounded up, from 1 to 4.
    """
    pixels = width * height
    proc = 1 if pixels > _UHD else 2 if pixels > _HD else 4
    around = min(max(ceil(cpus / 2), 1), 4)
    return Stages(around, proc, around)
