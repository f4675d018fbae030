"""The golden self-test: whether an engine computes this network on this device, before it gets real frames.

Drivers and runtimes have returned black, green and mis-tiled frames with no error at all. One synthetic frame goes
through the session, at the very shape that it was opened for. Three patches of the output, in two corners and in the
middle, are compared with the reference, computed on the patch and its halo only. It costs one frame, and little of
numpy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.errors import EngineError
from framewatch.upscale.engine import INT8, Session
from framewatch.upscale.frames import pixels, yuv
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network import reference
from framewatch.upscale.network.network import Network

_MIN_PSNR = 40.0  # dB; bf16 gives 55 and more, float16 64, a fault less than 25
# 8 bits against the reference in 8 bits: bf16 around them moves values to another level. 37 dB and more were
# measured.
_MIN_INT8_PSNR = 32.0

# Of the chroma of planes that are not left-sited: engines that take planes give 55 and more, and where chroma is half
# a pixel off, one of the patches has 47 and less.
_MIN_SITED_PSNR = 50.0

_PATCH = 8  # input pixels of a patch's side
_PERIOD = 120  # pixels after which the synthetic frame repeats; common tile sizes are no multiples of it
_HINT = "update this device's driver or runtime; until then another engine is used where there is one"

Box = tuple[slice, slice]
"""Rows and columns of a frame."""


def check(session: Session, network: Network | None) -> None:
    """Run the synthetic frame through a session and compare the output.

    Args:
        session: for frames of its shape.
        network: what it should compute, in 8 bits where they are allowed and the session's name says that it uses
            them; None: pixel repetition.

    Raises:
        EngineError: `engine.golden_mismatch`: the output is wrong; or as `Session.run`.
        OutOfMemoryError: as `Session.run`.
    """
    required = _MIN_PSNR
    if network is not None and network.int8:
        if session.name.endswith(INT8):
            required = _MIN_INT8_PSNR
        else:  # 8 bits were allowed, but the engine does not use them
            network = replace(network, int8=())
    shape, output_shape = session.shape, session.shape.upscaled(session.scale)
    frame = synthetic(shape)
    output = session.run(frame)
    if not output_shape.fits(output):
        what = f"{output.shape} {output.dtype} came out instead of {output_shape.array} {output_shape.dtype}"
        raise _mismatch(session, what)
    for box in _patches(shape):
        luma_or_rgb, *chroma = _patch_psnrs(session, network, frame, output, box)
        limits = [(luma_or_rgb, required), *((each, _chroma_limit(shape, required)) for each in chroma)]
        for psnr, least in limits:
            if psnr < least:
                where = f"the patch at {box[1].start}, {box[0].start}"
                raise _mismatch(session, f"{where} is off by {psnr:.1f} dB; {least:.0f} are required")


def _chroma_limit(shape: FrameShape, required: float) -> float:
    """Return the least PSNR of chroma, which is stricter where another siting than the usual one could be ignored."""
    return max(required, _MIN_SITED_PSNR) if shape.yuv and not shape.yuv.left_sited else required


def patch_psnr(session: Session, network: Network | None, frame: Frame, output: Frame, box: Box) -> float:
    """Return the PSNR in dB of a patch of an upscaled frame against the reference; of planes, of the worst one.

    Args:
        session: has made `output` of `frame`.
        network: what it should compute; None: pixel repetition.
        frame: of the session's shape.
        output: of its upscaled shape.
        box: of `frame`; with even bounds where there are chroma planes.
    """
    return min(_patch_psnrs(session, network, frame, output, box))


def _patch_psnrs(session: Session, network: Network | None, frame: Frame, output: Frame, box: Box) -> list[float]:
    """As `patch_psnr`, for each plane."""
    shape, output_shape = session.shape, session.shape.upscaled(session.scale)
    found = _cut(output_shape, output, _scaled(box, session.scale))
    expected = _expected(shape, frame, box, network, session.scale)
    return [pixels.psnr(one, other, output_shape.peak) for one, other in zip(found, expected, strict=True)]


def synthetic(shape: FrameShape) -> Frame:
    """Return a deterministic frame with gradients, waves and edges in all colours and at all brightnesses."""
    pattern = _pattern()
    if shape.yuv is None:
        return _repeated(pixels.quantise(pattern, shape.dtype), shape.height, shape.width)
    luma, *chroma = yuv.from_rgb(pattern, shape.yuv)
    u, v = (_repeated(plane, shape.height // 2, shape.width // 2) for plane in chroma)
    return yuv.join_planes((_repeated(luma, shape.height, shape.width), u, v))


def _pattern() -> npt.NDArray[Any]:
    """Return one period of the synthetic frame: RGB in [0, 1]."""
    y, x = np.mgrid[0:_PERIOD, 0:_PERIOD].astype(np.float32)
    edges = 0.25 * ((x // 17 + y // 13) % 2)
    waves = [0.2 * np.sin(x / (3 + colour) + y / (9 - 2 * colour)) for colour in range(3)]
    slopes = [0.4 + 0.3 * x / _PERIOD, 0.7 - 0.4 * y / _PERIOD, 0.2 + 0.3 * (x + y) / _PERIOD]
    pattern = np.stack([edges + wave + slope for wave, slope in zip(waves, slopes, strict=True)], axis=2)
    return pattern.clip(0, 1)


def _repeated(pattern: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[Any]:
    rows = np.arange(height) % pattern.shape[0]
    return np.ascontiguousarray(pattern[rows][:, np.arange(width) % pattern.shape[1]])


def _patches(shape: FrameShape) -> Iterator[Box]:
    """Yield the first corner, the middle, the last corner; the whole frame where it is smaller than a patch."""
    for share in (0.0, 0.5, 1.0):
        yield _side(shape.height, share), _side(shape.width, share)


def _side(length: int, share: float) -> slice:
    start = int(max(length - _PATCH, 0) * share)
    start -= start % 2 if length % 2 == 0 else 0  # planes have an even size and are cut at even positions
    return slice(start, min(start + _PATCH, length))


def _scaled(box: Box, scale: int) -> Box:
    rows, columns = (slice(side.start * scale, side.stop * scale) for side in box)
    return rows, columns


def _cut(shape: FrameShape, frame: Frame, box: Box) -> list[Frame]:
    """Cut a box out of each plane of a frame, or out of its RGB."""
    parts = shape.parts(frame)
    factors = [shape.height // part.shape[0] for part in parts]
    return [
        part[tuple(slice(side.start // factor, side.stop // factor) for side in box)]
        for part, factor in zip(parts, factors, strict=True)
    ]


def _expected(
    shape: FrameShape, frame: Frame, box: Box, network: Network | None, scale: int
) -> list[npt.NDArray[Any]]:
    """Return what should come out for a box, computed on it and its halo, plane by plane."""
    halo = _halo(shape, network, scale)
    rows, columns = (
        slice(max(side.start - halo, 0), min(side.stop + halo, length))
        for side, length in zip(box, (shape.height, shape.width), strict=True)
    )
    inner = tuple(
        slice(side.start - outer.start, side.stop - outer.start)
        for side, outer in zip(box, (rows, columns), strict=True)
    )
    window = replace(shape, height=rows.stop - rows.start, width=columns.stop - columns.start)
    image = _image(shape, _cut(shape, frame, (rows, columns)))
    upscaled = _frame(shape, _upscaled(network, image, scale))
    return _cut(window.upscaled(scale), upscaled, _scaled((inner[0], inner[1]), scale))


def _halo(shape: FrameShape, network: Network | None, scale: int) -> int:
    """Return the pixels around a box that its output depends on; even for planes."""
    halo = network.halo(scale) if network else 0
    return halo + halo % 2 + yuv.CHROMA_REACH if shape.yuv else halo


def _image(shape: FrameShape, parts: list[Frame]) -> npt.NDArray[Any]:
    """Return parts of a frame as RGB in [0, 1], rounded to the integers in which a session computes."""
    if shape.yuv is None:
        return parts[0].astype(np.float32) / np.float32(shape.peak)
    y, u, v = (part[..., 0] for part in parts)
    rgb = pixels.quantise(yuv.to_rgb((y, u, v), shape.yuv), shape.rgb.dtype)
    return rgb.astype(np.float32) / np.float32(shape.rgb.peak)


def _upscaled(network: Network | None, image: npt.NDArray[Any], scale: int) -> npt.NDArray[Any]:
    if network is None:
        return image.repeat(scale, axis=0).repeat(scale, axis=1)
    return reference.upscale(network, image, scale)


def _frame(shape: FrameShape, image: npt.NDArray[Any]) -> Frame:
    """Return an upscaled image as a frame of the session's layout."""
    if shape.yuv is None:
        return pixels.quantise(image, shape.dtype)
    return yuv.join_planes(yuv.from_rgb(np.clip(image, 0, 1), shape.yuv.out))


def _mismatch(session: Session, what: str) -> EngineError:
    message = f"{session.name} computes wrong pixels on this machine: {what}"
    return EngineError(message, code="engine.golden_mismatch", hint=_HINT)
