"""The kernels' source for one shape: the files of `kernels/` and what is fixed when they are compiled."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from framewatch.upscale.cuda import layout as cuda_layout
from framewatch.upscale.cuda.layout import Kind
from framewatch.upscale.frames.yuv import ACROSS, COLUMNS, DOWN, ROWS, Yuv420
from framewatch.upscale.network.resize import phase_taps

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


def planes_text(coding: Yuv420) -> str:
    """One translation unit with the kernels `unpack` and `pack`, for planes in this coding."""
    back, rgb = coding.out, 1 if coding.depth == coding.out_depth == 8 else 2
    blue_u, green_u, red_v, green_v = coding.from_chroma
    names: dict[str, object] = {"IN": _value(coding.depth), "OUT": _value(back.depth), "RGB": _VALUES[rgb]}
    names |= {"ACROSS": _list(ACROSS), "COLUMNS": _list(COLUMNS), "ROWS": _list(ROWS)}
    names["STRIP"] = cuda_layout.PACK_STRIP
    names["DOWN"] = "{" + ", ".join(map(_list, DOWN)) + "}"
    numbers = {
        "BLACK_IN": coding.black, "LUMA_RANGE_IN": coding.luma_range,
        "GREY_IN": coding.grey, "CHROMA_RANGE_IN": coding.chroma_range,
        "BLUE_OF_U": blue_u, "GREEN_OF_U": green_u, "RED_OF_V": red_v, "GREEN_OF_V": green_v,
        "KR": coding.kr, "KG": 1 - coding.kr - coding.kb, "KB": coding.kb,
        "BLACK_OUT": back.black, "LUMA_RANGE_OUT": back.luma_range, "GREY_OUT": back.grey, "PEAK_OUT": back.peak,
        "U_OF_BLUE": back.chroma_range / (2 * (1 - coding.kb)),
        "V_OF_RED": back.chroma_range / (2 * (1 - coding.kr)),
    }  # fmt: skip
    names |= {name: _number(number) for name, number in numbers.items()}
    defines = [f"#define {name} {value}" for name, value in names.items()]
    return "\n".join([*defines, (_FOLDER / "planes.cu").read_text("utf-8")])


_VALUES = {1: "unsigned char", 2: "unsigned short"}


def _value(depth: int) -> str:
    return _VALUES[1 if depth == 8 else 2]


def _number(value: float) -> str:
    return f"({value:.9e}f)"


def _list(values: Iterable[float]) -> str:
    return "{" + ", ".join(map(_number, values)) + "}"


def _taps(scale: int) -> str:
    return "{" + ", ".join(map(_list, phase_taps(scale))) + "}"


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
