"""How much GPU memory a job reserves, from a table."""

from __future__ import annotations

# Each row: up to this many output pixels; GB at 2x; GB at 4x.
_GB_BY_OUTPUT = (
    (1920 * 1080, 2.0, 4.0),
    (2560 * 1440, 3.0, 6.0),
    (3840 * 2160, 4.0, 8.0),
    (7680 * 4320, 8.0, 16.0),
)


def needed_gb(width: int, height: int, scale: int) -> float:
    """Return the GPU memory in GB that a job reserves.

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
