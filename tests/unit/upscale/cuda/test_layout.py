"""What the CUDA kernels get, compared with the reference by numpy in the kernels' own order."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framewatch.upscale.cuda import layout, source
from framewatch.upscale.network import reference
from framewatch.upscale.network.network import Layer, Network

KERNELS = Path(layout.__file__).parent / "kernels"
SHARED_MEMORY = 232_448  # bytes that a block may have on Hopper: 227 KiB
WIDEST_PRODUCT = 256  # columns of a wgmma
PROCESSORS = 132  # of an H100


@given(st.integers(1, 9000), st.integers(1, 5000))
def test_strips_cover_every_width_and_fit_shared_memory(width: int, height: int) -> None:
    grid = layout.grid(width, height)
    assert grid.tile * grid.strips >= width
    assert grid.tile % 16 == 0
    assert grid.tile <= WIDEST_PRODUCT
    conv = grid.conv("hopper", PROCESSORS)
    assert conv.shared_bytes <= SHARED_MEMORY
    assert conv.blocks[0] <= min(PROCESSORS, grid.strips * height)
    assert grid.tile * (grid.strips - 1) < width  # the last one has work to do
    assert grid.pitch * layout.PIXEL_BYTES % 128 == 0


@pytest.mark.parametrize(
    ("width", "tile", "strips"), [(1920, 192, 10), (1280, 160, 8), (720, 144, 5), (3840, 192, 20), (83, 96, 1)]
)
def test_common_widths_waste_little(width: int, tile: int, strips: int) -> None:
    grid = layout.grid(width, 10)
    assert (grid.tile, grid.strips) == (tile, strips)


@given(st.integers(1, 9000), st.integers(1, 5000))
def test_no_block_of_ampere_reads_beyond_the_buffer(width: int, height: int) -> None:
    grid = layout.grid(width, height)
    columns, rows, _ = grid.conv("ampere", PROCESSORS).blocks
    assert columns * layout._COLUMNS >= width
    assert rows * layout._ROWS >= height
    last_row = 7 * (height + 2) + rows * layout._ROWS + 1  # of the last plane, counted from the first
    last = last_row * grid.pitch + columns * layout._COLUMNS + layout._LEFT
    assert (last + 1) * layout.PIXEL_BYTES <= grid.activation_bytes


def as_hopper(packed: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The convolution as conv_hopper.cu does it: planes of 8 channels, one tap and 8 inputs at a time."""
    height, width, _ = values.shape
    planes = np.pad(values, ((1, 1), (1, 1), (0, 0))).reshape(height + 2, width + 2, 8, 8)
    sums = np.zeros((height, width, 64))
    for tap in range(9):
        dy, dx = divmod(tap, 3)
        for plane in range(8):
            sums += planes[dy : dy + height, dx : dx + width, plane] @ packed[tap, plane].T.astype(np.float64)
    return sums


def left_operand(fragments: np.ndarray) -> np.ndarray:
    """The 16 x 16 matrix that 32 lanes hold, by the rule of PTX for mma.m16n8k16: (..., 32, 8) to (..., 16, 16)."""
    whole = np.zeros((*fragments.shape[:-2], 16, 16), fragments.dtype)
    for lane in range(32):
        for i in range(8):
            row = lane // 4 + (8 if i // 2 % 2 else 0)
            column = lane % 4 * 2 + i % 2 + (8 if i >= 4 else 0)
            whole[..., row, column] = fragments[..., lane, i]
    return whole


def as_ampere(packed: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The convolution as conv_ampere.cu does it: 36 steps of 16 input channels, each lane with its part of them."""
    height, width, _ = values.shape
    padded = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    sums = np.zeros((height, width, 64))
    for step, blocks in enumerate(left_operand(packed[:36]).astype(np.float64)):
        (dy, dx), channel = divmod(step // 4, 3), step % 4 * 16
        pixels = padded[dy : dy + height, dx : dx + width, channel : channel + 16]
        sums += pixels @ blocks.reshape(64, 16).T
    return sums


@pytest.mark.parametrize(("kind", "as_kernel"), [("hopper", as_hopper), ("ampere", as_ampere)])
@pytest.mark.parametrize("number", [1, 8, 17])
def test_packed_weights_compute_the_references_convolution(
    network: Network, number: int, kind: layout.Kind, as_kernel: Callable[..., np.ndarray]
) -> None:
    layer = network.layers[number]
    values = np.random.default_rng(number).normal(0, 1, (5, 6, 64))
    outputs = layer.biases.size
    sums = as_kernel(layout.conv_weights(layer, kind), values) + layout.biases(layer)
    slopes = layout.slopes(layer)[:, 0].astype(np.float64)
    result = np.where(sums < 0, sums * slopes, sums)
    expected = reference.apply_layer(values, layer, np.float64)
    np.testing.assert_allclose(result[..., :outputs], expected, atol=2e-3)  # slopes are rounded to float16
    assert (result[..., outputs:] == 0).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_the_first_layers_weights_compute_the_references_convolution(network: Network, dtype: str) -> None:
    random = np.random.default_rng(3)
    peak = np.iinfo(dtype).max
    frame = random.integers(0, peak + 1, (4, 5, 3)).astype(dtype)
    parts = [frame] if dtype == "uint8" else [frame & 0xFF, frame & 0xFF00]
    assert all((part.astype(np.float16) == part).all() for part in parts)  # float16 holds them exactly
    layer = network.layers[0]
    matrices = left_operand(layout.head_weights(layer, len(parts)))  # (steps, 4, 16, 16)
    weights = matrices.transpose(1, 2, 0, 3).reshape(64, -1).astype(np.float64)
    assert (weights[:, 27 * len(parts) :] == 0).all()
    sums = np.zeros((4, 5, 64))
    for y in range(4):
        for x in range(5):
            windows = [np.pad(part, ((1, 1), (1, 1), (0, 0)))[y : y + 3, x : x + 3] for part in parts]
            values = np.concatenate([window.astype(np.float64).reshape(-1) for window in windows])
            sums[y, x] = weights[:, : values.size] @ values / peak + layer.biases
    image = frame.astype(np.float64) / peak
    linear = Layer(layer.weights, layer.biases, None)
    np.testing.assert_allclose(sums, reference.apply_layer(image, linear, np.float64), atol=1e-6)


def test_a_layer_without_prelu_has_slopes_that_change_nothing(network: Network) -> None:
    assert (layout.slopes(network.layers[-1]) == 1).all()


def test_kernels_and_layout_agree_on_their_sizes() -> None:
    text = "".join(path.read_text() for path in sorted(KERNELS.iterdir()))
    found = {name: int(value) for name, value in re.findall(r"#define (\w+) (\d+)\b", text)}
    assert found["LEFT"] == layout._LEFT
    assert found["PIXEL"] == layout.PIXEL_BYTES
    assert found["PLANES"] == layout.PLANES
    assert found["HEAD_TILE"] == layout.HEAD_TILE
    assert found["TAIL_THREADS"] == layout.TAIL_THREADS
    assert found["STAGING_BYTES"] == layout._STAGING_BYTES
    assert found["CONSUMERS"] == layout._CONSUMER_WARPS * 32
    assert found["CONSUMERS"] + 32 == layout._HOPPER_THREADS
    assert found["HEAD_WARPS"] * 32 == layout._HEAD_THREADS
    assert (found["ROWS"], found["COLUMNS"]) == (layout._ROWS, layout._COLUMNS)
    assert found["CONV_THREADS"] == layout._AMPERE_THREADS


@pytest.mark.parametrize(
    ("capability", "kind"),
    [
        ((7, 5), None),
        ((8, 0), "ampere"),
        ((8, 9), "ampere"),
        ((9, 0), "hopper"),
        ((10, 0), "ampere"),
        ((12, 0), "ampere"),
    ],
)
def test_only_hopper_gets_warpgroup_products(capability: tuple[int, int], kind: str | None) -> None:
    assert layout.kind(capability) == kind


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_source_defines_its_constants_and_a_product_of_its_width(scale: int) -> None:
    text = source.network_source("hopper", tile=48, value_bytes=2, scale=scale)
    for define in ("#define TILE 48", "#define BYTES 2", f"#define SCALE {scale}"):
        assert define in text
    assert "wgmma.mma_async.sync.aligned.m64n48k16.f32.f16.f16 " in text
    assert text.count('"+f"(sums[23])') == 1
    assert '"+f"(sums[24])' not in text
    assert "#include" not in text
    assert "wgmma" not in source.network_source("ampere", tile=48, value_bytes=2, scale=scale)


@pytest.mark.parametrize(("width", "height"), [(2, 2), (256, 8), (258, 10), (1920, 1080)])
def test_the_planes_kernels_threads_cover_every_chroma_sample(width: int, height: int) -> None:
    unpack, pack = layout.unpack(width, height), layout.pack(width, height)
    for launch, rows in ((unpack, 1), (pack, layout.PACK_STRIP)):
        assert width // 2 <= launch.blocks[0] * launch.threads < width // 2 + launch.threads
        assert height // 2 <= launch.blocks[1] * rows < height // 2 + rows
