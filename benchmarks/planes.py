"""Do the kernels for YUV planes compute on this GPU what numpy computes, and how long do they take?

    python -m benchmarks.planes        # needs numpy and torch with an NVIDIA GPU

In a checkout without framewatch installed: PYTHONPATH=daemon.

For every pair of chroma sitings, at 8 and 10 bit, limited and full range, both conversions of the CUDA kernels and of
torch's operators are compared with `frames/yuv.py`. Ends with status 1 where values are off by more than rounding may
move them: a step of the integers, in at most one value of a hundred; of 16 bits, which are finer than the sums of
float32 are exact, two steps.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import torch

from benchmarks.cuda import DEVICE, ON, milliseconds
from framewatch.upscale.checks import selftest
from framewatch.upscale.cuda.planes import CudaPlanes
from framewatch.upscale.frames import pixels, yuv
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.frames.yuv import Siting, Yuv420
from framewatch.upscale.torch.planes import Converter, TorchPlanes

SIZE = 642, 362
SCALE = 2
MOST = 1 / 100  # of the values of 8 and 10 bits


def codings() -> Iterator[Yuv420]:
    """Every pair of sitings, and for equal ones every depth and range."""
    sitings: tuple[Siting, ...] = get_args(Siting)
    for siting, out_siting in itertools.product(sitings, sitings):
        for full, depth, out_depth in itertools.product((False, True), (8, 10), (8, 10)):
            if siting == out_siting or (depth, out_depth, full) == (8, 8, False):
                yield Yuv420(0.2126, 0.0722, full, depth, out_depth, siting, out_siting)


def is_rounding(steps: int, share: float, *, fine: bool) -> bool:
    """Return whether a difference is one of rounding; `fine` values have 16 bits."""
    return steps <= 2 if fine else steps <= 1 and share <= MOST


def on_device(values: Frame) -> Any:
    return torch.from_numpy(values.reshape(-1).view(np.uint8)).to(DEVICE)


def converted(convert: Any, values: Frame, shape: FrameShape) -> Frame:
    out = torch.empty(shape.bytes, dtype=torch.uint8, device=DEVICE)
    convert(on_device(values), out)
    found: Frame = out.cpu().numpy().view(shape.dtype).reshape(shape.array)
    return found


def off(found: Frame, wanted: Frame) -> tuple[int, float]:
    """Return the largest difference in steps, and the share of values that differ."""
    difference = np.abs(found.astype(np.int64) - wanted)
    return int(difference.max()), float((difference > 0).mean())


def compare(converter: Converter, shape: FrameShape) -> list[tuple[int, float]]:
    """Return how far both conversions are off."""
    coding, large = shape.yuv, shape.upscaled(SCALE)
    assert coding is not None
    frame = selftest.synthetic(shape)
    image = pixels.quantise(yuv.to_rgb(yuv.split_planes(frame, shape.width, shape.height), coding), shape.rgb.dtype)
    upscaled = np.ascontiguousarray(image.repeat(SCALE, 0).repeat(SCALE, 1))
    planes = yuv.join_planes(yuv.from_rgb(upscaled.astype(np.float32) / np.float32(shape.rgb.peak), coding.out))
    return [
        off(converted(converter.unpack, frame, shape.rgb), image),
        off(converted(converter.pack, upscaled, large), planes),
    ]


def time_of(siting: Siting) -> str:
    """Return the milliseconds of both kernels for 1920x1080 at 2x."""
    shape = FrameShape.of_planes(1920, 1080, Yuv420(0.2126, 0.0722, siting=siting, out_siting=siting))
    converter, large = CudaPlanes(shape, SCALE, ON), shape.upscaled(SCALE)
    small, big = (torch.zeros(each.bytes, dtype=torch.uint8, device=DEVICE) for each in (shape, large))
    rgb, big_rgb = (torch.zeros(each.rgb.bytes, dtype=torch.uint8, device=DEVICE) for each in (shape, large))
    into, out = milliseconds(lambda: converter.unpack(small, rgb)), milliseconds(lambda: converter.pack(big_rgb, big))
    converter.close()
    return f"{into:.4f} ms in, {out:.4f} ms out"


def main() -> int:
    print(torch.cuda.get_device_name(0))
    wrong, count = 0, 0
    for coding in codings():
        shape = FrameShape.of_planes(*SIZE, coding)
        for converter in (CudaPlanes(shape, SCALE, ON), TorchPlanes(shape, SCALE, torch)):
            found = compare(converter, shape)
            converter.close()
            count += 1
            into, out = found
            if not (is_rounding(*into, fine=shape.rgb.dtype == "uint16") and is_rounding(*out, fine=False)):
                wrong += 1
                print(f"WRONG: {type(converter).__name__} {coding}: {found}")
    for siting in get_args(Siting):
        print(f"1920x1080, {siting:10} {time_of(siting)}")
    print(f"{count} conversions compared with numpy, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
