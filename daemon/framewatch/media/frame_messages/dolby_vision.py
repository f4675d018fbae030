"""What Dolby Vision's metadata of a frame says of the frame, where the container says nothing."""

from __future__ import annotations

_PREFIX = "00011001"  # of an RPU in H.265, by which dovi_tool and libav recognise it, too
_MOST_ZEROS = 16  # of a number in Exp-Golomb code


def is_profile_5(rpu: bytes) -> bool:
    """Return whether a frame is of profile 5, by the beginning of its RPU.

    As libav guesses it: the RPU's own profile is 0, and the range is full. Later RPUs need not say either.
    """
    bits = _Bits("".join(format(byte, "08b") for byte in rpu[:16]))
    if bits.take(8) != int(_PREFIX, 2) or bits.take(6) != 2:
        return False
    bits.take(11)  # the format
    profile = bits.take(4)
    bits.take(4)  # the level
    if profile != 0 or not bits.take(1):
        return False
    bits.take(1)  # whether chroma is resampled with a filter of its own
    if bits.take(2) == 0:
        bits.take_golomb()  # precision of coefficients
    bits.take(2)  # whether values are normalised
    return bits.take(1) == 1


class _Bits:
    """Reads numbers from the first bit on; behind the end there are zeros."""

    def __init__(self, bits: str) -> None:
        self._bits = bits
        self._at = 0

    def take(self, count: int) -> int:
        begin, self._at = self._at, self._at + count
        return int(self._bits[begin : self._at] or "0", 2)

    def take_golomb(self) -> int:
        zeros = 0
        while zeros < _MOST_ZEROS and self.take(1) == 0:
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)
