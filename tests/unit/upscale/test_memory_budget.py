"""The tables of GPU memory and stages."""

from __future__ import annotations

import pytest

from framewatch.upscale.memory_budget import Stages, needed_gb, stages


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


@pytest.mark.parametrize(
    ("size", "proc"),
    [((1920, 1080), 4), ((1921, 1080), 2), ((3840, 2160), 2), ((3841, 2160), 1), ((2, 2), 4)],
)
def test_the_output_size_decides_how_many_frames_are_upscaled_at_once(size: tuple[int, int], proc: int) -> None:
    assert stages(*size, cpus=8).proc == proc


@pytest.mark.parametrize(("cpus", "around"), [(0, 1), (1, 1), (2, 1), (3, 2), (7, 4), (64, 4)])
def test_decoding_and_encoding_get_half_of_the_cores(cpus: int, around: int) -> None:
    assert stages(640, 360, cpus) == Stages(around, 4, around)
