"""The golden self-test: whether an engine computes this network on this device, before it gets real frames.

Drivers and runtimes have given black, green and mis-tiled pictures with no error at all. One synthetic frame
goes through the session; three patches of what comes out, in two corners and in the middle, are compared with
the reference, computed on the patch and its halo alone. It costs one frame, and little of numpy.
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

LEAST_PSNR = 40.0  # dB; bf16 gives 55 and more, float16 64, a fault less than 25
LEAST_INT8 = (
    32.0  # dB, of 8 bits against the reference in 8 bits: bf16 around them moves codes; they give 37 and more
)

_PATCH = 8  # input pixels of a patch's side
_PERIOD = 120  # pixels after which the synthetic frame repeats; no divisor of common tile sizes
_HINT = "update this device's driver or runtime; another engine is used meanwhile where there is one"

Box = tuple[slice, slice]


def check(session: Session, network: Network | None) -> None:
    """Put the synthetic frame through a session.

    Args:
        session: takes and gives frames of its shape.
        network: what it should compute, in 8 bits where they are allowed and the session's name says that it uses
            them; None: pixel repetition.

    Raises:
        EngineError: `engine.golden_mismatch`: what came out is wrong; or as `Session.run`.
        OutOfMemoryError: as `Session.run`.
    """
    least = LEAST_PSNR
    if network is not None and network.int8:
        if session.name.endswith(INT8):
            least = LEAST_INT8
        else:  # it was allowed 8 bits, and does without them
            network = replace(network, int8=())
    shape, scale = session.shape, session.scale
    frame, large = synthetic(shape), shape.upscaled(scale)
    output = session.run(frame)
    if not large.fits(output):
        raise _mismatch(session, f"{output.shape} {output.dtype} came out instead of {large.array} {large.dtype}")
    for box in _patches(shape):
        found = quality(session, network, frame, output, box)
        if found < least:
            where = f"the patch at {box[1].start}, {box[0].start}"
            raise _mismatch(session, f"{where} is off by {found:.1f} dB; {least:.0f} are required")


def quality(session: Session, network: Network | None, frame: Frame, output: Frame, box: Box) -> float:
    """PSNR in dB of a box of an upscaled frame against the reference; of planes, of the worst one.

    Args:
        session: has made `output` of `frame`.
        network: what it should compute; None: pixel repetition.
        frame: of the session's shape.
        output: of its upscaled shape.
        box: rows and columns of `frame`; even where there are planes of chroma.
    """
    shape, large = session.shape, session.shape.upscaled(session.scale)
    parts = _cut(large, output, _scaled(box, session.scale))
    expected = _expected(shape, frame, box, network, session.scale)
    return min(pixels.psnr(part, other, large.peak) for part, other in zip(parts, expected, strict=True))


def synthetic(shape: FrameShape) -> Frame:
    """A deterministic frame with gradients, waves and edges in all colours and at all brightnesses."""
    pattern = _pattern()
    if shape.yuv is None:
        return _repeated(pixels.quantise(pattern, shape.dtype), shape.height, shape.width)
    luma, *chroma = yuv.from_rgb(pattern, shape.yuv)
    small = [_repeated(plane, shape.height // 2, shape.width // 2) for plane in chroma]
    return yuv.joined((_repeated(luma, shape.height, shape.width), small[0], small[1]))


def _pattern() -> npt.NDArray[Any]:
    """One period, in [0, 1]."""
    y, x = np.mgrid[0:_PERIOD, 0:_PERIOD].astype(np.float32)
    edges = 0.25 * ((x // 17 + y // 13) % 2)
    waves = [0.2 * np.sin(x / (3 + colour) + y / (9 - 2 * colour)) for colour in range(3)]
    slopes = [0.4 + 0.3 * x / _PERIOD, 0.7 - 0.4 * y / _PERIOD, 0.2 + 0.3 * (x + y) / _PERIOD]
    pattern = np.stack([edges + wave + slope for wave, slope in zip(waves, slopes, strict=True)], axis=2)
    return pattern.clip(0, 1)


def _repeated(pattern: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[Any]:
    """A pattern, over and over, cut to this size."""
    rows = np.arange(height) % pattern.shape[0]
    return np.ascontiguousarray(pattern[rows][:, np.arange(width) % pattern.shape[1]])


def _patches(shape: FrameShape) -> Iterator[Box]:
    """The first corner, the middle, the last corner; the whole frame where it is smaller than a patch."""
    for part in (0.0, 0.5, 1.0):
        yield _side(shape.height, part), _side(shape.width, part)


def _side(length: int, part: float) -> slice:
    start = int(max(length - _PATCH, 0) * part)
    start -= start % 2 if length % 2 == 0 else 0  # planes are of an even size, and cut at even places
    return slice(start, min(start + _PATCH, length))


def _scaled(box: Box, scale: int) -> Box:
    rows, columns = (slice(side.start * scale, side.stop * scale) for side in box)
    return rows, columns


def _cut(shape: FrameShape, frame: Frame, box: Box) -> list[Frame]:
    """A box of each plane of a frame, or of its RGB. The box is even where there are planes of chroma."""
    parts = shape.parts(frame)
    shares = [shape.height // part.shape[0] for part in parts]
    return [
        part[tuple(slice(side.start // share, side.stop // share) for side in box)]
        for part, share in zip(parts, shares, strict=True)
    ]


def _expected(
    shape: FrameShape, frame: Frame, box: Box, network: Network | None, scale: int
) -> list[npt.NDArray[Any]]:
    """What should come out for a patch, computed on it and its halo, plane by plane."""
    halo = _halo(shape, network, scale)
    rows, columns = (slice(max(side.start - halo, 0), side.stop + halo) for side in box)
    limits = zip((rows, columns), (shape.height, shape.width), strict=True)
    outer = tuple(slice(around.start, min(around.stop, length)) for around, length in limits)
    inner = tuple(
        slice(side.start - around.start, side.stop - around.start) for side, around in zip(box, outer, strict=True)
    )
    cut = _cut(shape, frame, (outer[0], outer[1]))
    around = replace(shape, height=outer[0].stop - outer[0].start, width=outer[1].stop - outer[1].start)
    upscaled = _coded(shape, _upscaled(network, _image(shape, cut), scale))
    return _cut(around.upscaled(scale), upscaled, _scaled((inner[0], inner[1]), scale))


def _halo(shape: FrameShape, network: Network | None, scale: int) -> int:
    """Pixels around a patch that count; even for planes."""
    own = network.halo(scale) if network else 0
    return own + own % 2 + yuv.REACH if shape.yuv else own


def _image(shape: FrameShape, parts: list[Frame]) -> npt.NDArray[Any]:
    """Parts of a frame as RGB in [0, 1], rounded to the code values in which a session computes."""
    if shape.yuv is None:
        return parts[0].astype(np.float32) / np.float32(shape.peak)
    luma, blue, red = (part[..., 0] for part in parts)
    codes = pixels.quantise(yuv.to_rgb((luma, blue, red), shape.yuv), shape.rgb.dtype)
    return codes.astype(np.float32) / np.float32(shape.rgb.peak)


def _upscaled(network: Network | None, image: npt.NDArray[Any], scale: int) -> npt.NDArray[Any]:
    if network is None:
        return image.repeat(scale, axis=0).repeat(scale, axis=1)
    return reference.upscale(network, image, scale)


def _coded(shape: FrameShape, image: npt.NDArray[Any]) -> Frame:
    """An upscaled image as a frame."""
    if shape.yuv is None:
        return pixels.quantise(image, shape.dtype)
    return yuv.joined(yuv.from_rgb(np.clip(image, 0, 1), shape.yuv.out))


def _mismatch(session: Session, what: str) -> EngineError:
    message = f"{session.name} computes wrong pixels on this machine: {what}"
    return EngineError(message, code="engine.golden_mismatch", hint=_HINT)
