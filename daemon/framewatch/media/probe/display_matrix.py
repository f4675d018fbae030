"""How a player turns a video, by its display matrix."""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

from av.video.frame import VideoFrame

from framewatch.media.probe.side_data import SideDataType, side_data

Rotation = Literal[0, 90, 180, 270]


class Orientation(NamedTuple):
    """How a player turns frames: mirrored left to right first, then rotated clockwise."""

    rotation: Rotation = 0
    mirrored: bool = False


def orientation(frame: VideoFrame) -> Orientation:
    """Read the display matrix of a decoded frame, rounded to right angles.

    libav also makes one of EXIF's orientation.

    The matrix maps (x, y) to (a x + c y, b x + d y), with y downwards; its first numbers are a, b, 0, c, d in 16.16
    fixed point. A clockwise rotation by t is a = d = cos t, b = -c = sin t; a mirror before it negates a and b.
    """
    matrix = side_data(frame, SideDataType.DISPLAYMATRIX).get(SideDataType.DISPLAYMATRIX)
    if matrix is None:
        return Orientation()
    a, b, _, c, d = struct.unpack_from("5i", matrix)
    mirrored = a * d - b * c < 0
    cosine, sine = (d, -b) if mirrored else (d, b)
    if abs(sine) > abs(cosine):
        return Orientation(90 if sine > 0 else 270, mirrored)
    return Orientation(0 if cosine >= 0 else 180, mirrored)
