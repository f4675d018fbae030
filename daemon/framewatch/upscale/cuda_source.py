"""The kernels' source for one shape: the files of `kernels/` and what is fixed when they are compiled."""

from __future__ import annotations

from pathlib import Path

from framewatch.upscale import cuda_layout
from framewatch.upscale.cuda_layout import Kind
from framewatch.upscale.resize import phase_taps

_FOLDER = Path(__file__).parent / "kernels"


def text(kind: Kind, tile: int, value_bytes: int, scale: int) -> str:
    """One translation unit with the kernels `head`, `conv` and `tail`.

    Args:
        kind: of the convolution.
        tile: pixels of a strip's row, a multiple of 16.
        value_bytes: of a frame's value: 1 or 2.
        scale: 2, 3 or 4.
    """
    names = {"TILE": tile, "RING": cuda_layout.RING, "BYTES": value_bytes, "SCALE": scale, "TAPS": _taps(scale)}
    defines = [f"#define {name} {value}" for name, value in names.items()]
    parts = [(_FOLDER / name).read_text("utf-8") for name in ("common.cuh", "head.cu", f"conv_{kind}.cu", "tail.cu")]
    product = [_product(tile)] if kind == "hopper" else []
    return "\n".join([*defines, parts[0], *product, *parts[1:]])


def _taps(scale: int) -> str:
    rows = ", ".join("{" + ", ".join(f"{tap:.9e}f" for tap in row) + "}" for row in phase_taps(scale))
    return "{" + rows + "}"


def _product(tile: int) -> str:
    """`product`: one asynchronous warpgroup product, whose operands depend on its width."""
    count = tile // 2
    sums = ", ".join(f"%{number}" for number in range(count))
    operands = ", ".join(f'"+f"(sums[{number}])' for number in range(count))
    return f"""
__device__ __forceinline__ void product(float (&sums)[{count}], u64 weights, u64 pixels, int add) {{
    asm volatile("{{\\n.reg .pred p;\\nsetp.ne.b32 p, %{count + 2}, 0;\\n"
                 "wgmma.mma_async.sync.aligned.m64n{tile}k16.f32.f16.f16 "
                 "{{{sums}}}, %{count}, %{count + 1}, p, 1, 1, 0, 0;\\n}}"
                 : {operands}
                 : "l"(weights), "l"(pixels), "r"(add));
}}
"""
