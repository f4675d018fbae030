"""The golden self-test: whether an engine computes this network on this device, before it gets real frames.

Drivers and runtimes have given black, green and mis-tiled pictures with no error at all. One synthetic frame
goes through the session; three patches of what comes out, in two corners and in the middle, are compared with
the reference, computed on the patch and its halo alone. It costs one frame, and little of numpy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from framewatch.errors import EngineError
from framewatch.upscale import pixels, reference
from framewatch.upscale.contract import Frame, FrameShape, Session
from framewatch.upscale.network import Network

LEAST_PSNR = 40.0  # dB; bf16 gives 55 and more, float16 64, a fault less than 25

_PATCH = 8  # input pixels of a patch's side
_PERIOD = 120  # pixels after which the synthetic frame repeats; no divisor of common tile sizes
_HINT = "update this device's driver or runtime; another engine is used meanwhile where there is one"

Box = tuple[slice, slice]


def check(session: Session, network: Network | None) -> None:
    """Put the synthetic frame through a session.

    Args:
        session: takes and gives frames of its shape.
        network: what it should compute; None: pixel repetition.

    Raises:
        EngineError: `engine.golden_mismatch`: what came out is wrong; or as `Session.run`.
        OutOfMemoryError: as `Session.run`.
    """
    frame = synthetic(session.shape)
    output = session.run(frame)
    shape = (session.shape.height * session.scale, session.shape.width * session.scale, 3)
    if output.shape != shape or output.dtype != frame.dtype:
        raise _mismatch(session, f"{output.shape} {output.dtype} came out instead of {shape} {frame.dtype}")
    for box in _patches(session.shape):
        scaled = tuple(slice(side.start * session.scale, side.stop * session.scale) for side in box)
        quality = pixels.psnr(output[scaled], _expected(frame, box, network, session.scale))
        if quality < LEAST_PSNR:
            where = f"the patch at {box[1].start}, {box[0].start}"
            raise _mismatch(session, f"{where} is off by {quality:.1f} dB; {LEAST_PSNR:.0f} are required")


def synthetic(shape: FrameShape) -> Frame:
    """A deterministic frame with gradients, waves and edges in all colours and at all brightnesses."""
    y, x = np.mgrid[0:_PERIOD, 0:_PERIOD].astype(np.float32)
    edges = 0.25 * ((x // 17 + y // 13) % 2)
    waves = [0.2 * np.sin(x / (3 + colour) + y / (9 - 2 * colour)) for colour in range(3)]
    slopes = [0.4 + 0.3 * x / _PERIOD, 0.7 - 0.4 * y / _PERIOD, 0.2 + 0.3 * (x + y) / _PERIOD]
    pattern = np.stack([edges + wave + slope for wave, slope in zip(waves, slopes, strict=True)], axis=2)
    repeats = (-(-shape.height // _PERIOD), -(-shape.width // _PERIOD), 1)
    tiled = np.tile(pixels.quantise(pattern, shape.dtype), repeats)
    return np.ascontiguousarray(tiled[: shape.height, : shape.width])


def _patches(shape: FrameShape) -> Iterator[Box]:
    """The first corner, the middle, the last corner; the whole frame where it is smaller than a patch."""
    for part in (0.0, 0.5, 1.0):
        yield _side(shape.height, part), _side(shape.width, part)


def _side(length: int, part: float) -> slice:
    start = int(max(length - _PATCH, 0) * part)
    return slice(start, min(start + _PATCH, length))


def _expected(frame: Frame, box: Box, network: Network | None, scale: int) -> npt.NDArray[Any]:
    """What should come out for a patch, computed on it and its halo."""
    if network is None:
        return frame[box].repeat(scale, axis=0).repeat(scale, axis=1)
    halo = network.halo(scale)
    outer = tuple(slice(max(side.start - halo, 0), side.stop + halo) for side in box)
    image = frame[outer].astype(np.float32) / np.float32(np.iinfo(frame.dtype).max)
    upscaled = reference.upscale(network, image, scale)
    inner = tuple(
        slice((side.start - around.start) * scale, (side.stop - around.start) * scale)
        for side, around in zip(box, outer, strict=True)
    )
    return pixels.quantise(upscaled[inner], frame.dtype)


def _mismatch(session: Session, what: str) -> EngineError:
    message = f"{session.name} computes wrong pixels on this machine: {what}"
    return EngineError(message, code="engine.golden_mismatch", hint=_HINT)
