"""How the 4x output becomes 2x or 3x: ncnn's bicubic resize, as matrices.

ncnn's Interp type 3 has four taps, A = -0.75, half-pixel centres, no antialiasing, and clamps indices beyond an edge
to it (compared with ncnn: equal within 1e-5, edges included). Each output pixel at 2x or 3x reads 4x pixels of its
own input pixel and one 4x pixel of each neighbour, never more.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from framewatch.upscale.network.network import SHUFFLE

Matrix = npt.NDArray[np.float64]

_A = -0.75


def resize_matrix(length: int, resized: int) -> Matrix:
    """Return the (resized, length) matrix of the bicubic resize along one axis."""
    matrix = np.zeros((resized, length))
    for row in range(resized):
        centre = (row + 0.5) * length / resized - 0.5
        first = int(np.floor(centre))
        for tap, weight in enumerate(_cubic(centre - first), start=first - 1):
            matrix[row, min(max(tap, 0), length - 1)] += weight
    return matrix


def _cubic(offset: float) -> tuple[float, float, float, float]:
    """Return the weights of four pixels for a position `offset` after the second (Keys 1981, with parameter A)."""

    def near(x: float) -> float:
        return (_A + 2) * x**3 - (_A + 3) * x**2 + 1

    def far(x: float) -> float:
        return _A * x**3 - 5 * _A * x**2 + 8 * _A * x - 4 * _A

    first, second, third = far(offset + 1), near(offset), near(1 - offset)
    return first, second, third, 1 - first - second - third


def phase_taps(scale: int) -> Matrix:
    """Return the weights of an input pixel's output pixels: (scale, 6).

    The six are its own four 4x pixels, and one of each neighbour.
    """
    pixels = 3  # enough for the middle one to be free of edges
    matrix = resize_matrix(pixels * SHUFFLE, pixels * scale)
    return matrix[scale : 2 * scale, SHUFFLE - 1 : 2 * SHUFFLE + 1]


def residual_taps(scale: int) -> Matrix:
    """As `phase_taps`, for the input before it is enlarged: (scale, 3), of the previous, own and next pixel."""
    taps = phase_taps(scale)
    return np.stack([taps[:, 0], taps[:, 1:-1].sum(axis=1), taps[:, -1]], axis=1)
