"""The size of a frame after scaling and padding."""

from __future__ import annotations

from typing import Any

import pytest

from framewatch.media.plan.geometry import Size, target_size
from framewatch.media.preset.preset import Preset


@pytest.mark.parametrize(
    ("preset_keys", "size", "scaled", "padded"),
    [
        ({}, (1281, 721), (1281, 721), (1281, 721)),
        ({"resolution": "480p"}, (1920, 1080), (854, 480), (854, 480)),
        ({"resolution": "1080p"}, (1280, 720), (1920, 1080), (1920, 1080)),
        ({"resolution": "custom", "custom_width": 640, "custom_height": -1}, (1920, 800), (640, 266), (640, 266)),
        ({"resolution": "custom", "custom_height": 100}, (1920, 1080), (178, 100), (178, 100)),
        ({"resolution": "custom", "custom_width": 640, "custom_height": 640}, (1920, 1080), (640, 360), (640, 640)),
        ({"resolution": "custom", "custom_width": 300, "custom_height": 90}, (100, 100), (90, 90), (300, 90)),
        ({"output_height": 2160}, (2560, 1440), (2560, 1440), (2560, 1440)),
        ({"output_height": 2160}, (5120, 2880), (3840, 2160), (3840, 2160)),
        ({"output_width": 1000, "output_height": 2160}, (5120, 2880), (1000, 562), (1000, 562)),
    ],
)
def test_sizes_are_scaled_padded_and_even(
    preset_keys: Any, size: tuple[int, int], scaled: tuple[int, int], padded: tuple[int, int]
) -> None:
    made = target_size(Preset(**preset_keys), Size(*size), "yuv420p")
    assert (made.scaled, made.padded) == (scaled, padded)
