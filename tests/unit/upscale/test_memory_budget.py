"""The table of GPU memory."""

from __future__ import annotations

import pytest

from framewatch.upscale.memory_budget import needed_gb


@pytest.mark.parametrize(
    ("size", "gigabytes"),
    [
        ((640, 360), (2, 3, 4)),
        ((1920, 1080), (2, 3, 4)),
        ((2560, 1440), (3, 4.5, 6)),
        ((3840, 2160), (4, 6, 8)),
        ((2160, 3840), (4, 6, 8)),
        ((3842, 2160), (8, 12, 16)),
        ((7680, 4320), (8, 12, 16)),
        ((15360, 8640), (32, 48, 64)),
    ],
)
def test_the_first_row_that_holds_the_output_says_the_memory(
    size: tuple[int, int], gigabytes: tuple[float, ...]
) -> None:
    assert tuple(needed_gb(*size, scale) for scale in (2, 3, 4)) == gigabytes
