"""Tiles cover a frame, each pixel once, with a halo."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from framewatch.upscale.frames.tiling import plan_tiles, tile_spans

lengths = st.integers(1, 4000)
halos = st.sampled_from([0, 4, 18, 19])


@given(length=lengths, halo=halos, extra=st.integers(1, 500))
def test_spans_keep_each_pixel_once_with_its_halo_or_the_border(length: int, halo: int, extra: int) -> None:
    tile = min(2 * halo + extra, length)
    kept = 0
    for span in tile_spans(length, tile, halo):
        assert span.keep_from == kept < span.keep_to
        assert 0 <= span.start <= length - tile
        assert span.start == 0 or span.keep_from - span.start >= halo
        assert span.start + tile == length or span.start + tile - span.keep_to >= halo
        kept = span.keep_to
    assert kept == length


# The smallest tile keeps 16 to 31 pixels between two halos of at most 19 on each axis.
@given(width=lengths, height=lengths, halo=halos, most=st.integers(70 * 70, 10**7))
def test_tiles_cover_the_frame_and_are_no_larger_than_allowed(width: int, height: int, halo: int, most: int) -> None:
    tiling = plan_tiles(width, height, halo, most)
    assert tiling.columns[-1].keep_to == width
    assert tiling.rows[-1].keep_to == height
    assert tiling.width <= width
    assert tiling.height <= height
    assert tiling.width * tiling.height <= most


@given(width=lengths, height=lengths, halo=halos)
def test_a_frame_that_fits_is_one_tile(width: int, height: int, halo: int) -> None:
    for most in (None, width * height):
        tiling = plan_tiles(width, height, halo, most)
        assert (len(tiling.columns), len(tiling.rows), tiling.width, tiling.height) == (1, 1, width, height)


def test_tiles_of_full_hd_cost_little_more_than_the_frame() -> None:
    tiling = plan_tiles(1920, 1080, 18, 500_000)
    assert tiling.cost < 1.15 * 1920 * 1080


def test_tiles_for_almost_no_memory_still_keep_pixels() -> None:
    tiling = plan_tiles(1920, 1080, 19, 1)
    assert 16 + 2 * 19 <= tiling.width <= 64
    assert 16 + 2 * 19 <= tiling.height <= 64
