"""Numbers of any length, read from bytes."""

from __future__ import annotations


class BitReader:
    """Reads numbers from bytes, the highest bit first. Behind the end there are zeros."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data)
        self._size = 8 * len(data)
        self.position = 0  # in bits

    @property
    def is_over(self) -> bool:
        """Whether more was read than there is."""
        return self.position > self._size

    def read(self, bits: int) -> int:
        """Return the next `bits` bits as a number."""
        self.position += bits
        behind = self._size - self.position
        value = self._number >> behind if behind >= 0 else self._number << -behind
        return value & (1 << bits) - 1
