"""Numbers of any length, read from bytes."""

from __future__ import annotations


class BitReader:
    """Reads numbers from bytes, the highest bit first. Behind the end there are zeros."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0  # in bits

    def read(self, bits: int) -> int:
        """Return the next `bits` bits as a number."""
        value = 0
        for position in range(self.position, self.position + bits):
            byte = self._data[position // 8] if position // 8 < len(self._data) else 0
            value = value << 1 | byte >> (7 - position % 8) & 1
        self.position += bits
        return value
