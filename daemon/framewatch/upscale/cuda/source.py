"""The kernels' source for one shape: constants as #defines, then the files of `kernels/`.

They are compiled where they run, by NVRTC, so that each GPU gets code for itself and no CUDA toolkit is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from framewatch.upscale.cuda import layout
from framewatch.upscale.cuda.layout import Kind
from framewatch.upscale.frames.yuv import Yuv420, downsample_taps, upsample_taps
from framewatch.upscale.network.resize import phase_taps

_FOLDER = Path(__file__).parent / "kernels"
_INTEGER_TYPES = {1: "unsigned char", 2: "unsigned short"}


def network_source(kind: Kind, tile: int, value_bytes: int, scale: int) -> str:
    """Return one translation unit with the kernels `head`, `conv` and `tail`.

    Args:
        kind: of the convolution.
        tile: pixels of a strip's row, a multiple of 16.
        value_bytes: of a frame's value: 1 or 2.
        scale: 2, 3 or 4.
    """
    taps = _lists(phase_taps(scale))
    defines = _defines({"TILE": tile, "RING": layout.RING, "BYTES": value_bytes, "SCALE": scale, "TAPS": taps})
    common, *kernels = (_read(name) for name in ("common.cuh", "head.cu", f"conv_{kind}.cu", "tail.cu"))
    product = [_product(tile)] if kind == "hopper" else []
    return "\n".join([*defines, common, *product, *kernels])


def planes_source(coding: Yuv420) -> str:
    """Return one translation unit with the kernels `unpack` and `pack`, for planes in this coding."""
    output = coding.out
    rgb_bytes = 1 if coding.depth == coding.out_depth == 8 else 2
    (across, down), (out_across, out_down) = coding.position, output.position
    blue_u, green_u, red_v, green_v = coding.from_chroma
    numbers = {
        "BLACK_IN": coding.black,
        "LUMA_RANGE_IN": coding.luma_range,
        "GREY_IN": coding.grey,
        "CHROMA_RANGE_IN": coding.chroma_range,
        "BLUE_OF_U": blue_u,
        "GREEN_OF_U": green_u,
        "RED_OF_V": red_v,
        "GREEN_OF_V": green_v,
        "KR": coding.kr,
        "KG": 1 - coding.kr - coding.kb,
        "KB": coding.kb,
        "BLACK_OUT": output.black,
        "LUMA_RANGE_OUT": output.luma_range,
        "GREY_OUT": output.grey,
        "PEAK_OUT": output.peak,
        "U_OF_BLUE": output.chroma_range / (2 * (1 - coding.kb)),
        "V_OF_RED": output.chroma_range / (2 * (1 - coding.kr)),
    }
    values: dict[str, object] = {
        "IN": _sample_type(coding.depth),
        "OUT": _sample_type(output.depth),
        "RGB": _INTEGER_TYPES[rgb_bytes],
        "ACROSS": _lists(upsample_taps(across)),
        "DOWN": _lists(upsample_taps(down)),
        "COLUMNS": _list(downsample_taps(out_across)),
        "ROWS": _list(downsample_taps(out_down)),
        "STRIP": layout.PACK_STRIP,
    }
    defines = _defines(values | {name: _number(number) for name, number in numbers.items()})
    return "\n".join([*defines, _read("planes.cu")])


def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _defines(values: Mapping[str, object]) -> list[str]:
    return [f"#define {name} {value}" for name, value in values.items()]


def _sample_type(depth: int) -> str:
    return _INTEGER_TYPES[1 if depth == 8 else 2]


def _number(value: float) -> str:
    return f"({value:.9e}f)"


def _list(values: Iterable[float]) -> str:
    return "{" + ", ".join(map(_number, values)) + "}"


def _lists(rows: Iterable[Iterable[float]]) -> str:
    return "{" + ", ".join(map(_list, rows)) + "}"


def _product(tile: int) -> str:
    """Return the function `product`: one asynchronous warpgroup product, whose operands depend on its width."""
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
