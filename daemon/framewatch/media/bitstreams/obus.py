"""Open bitstream units of AV1 (AV1 bitstream specification, 5.3), whose sizes are checked against what is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_MAX_UNITS = 256  # of a packet that are looked at


class Obu(NamedTuple):
    """A unit."""

    kind: int
    begin: int  # of its header
    payload: int
    end: int


def obus(packet: memoryview) -> Iterator[Obu]:
    """Yield the units of a packet, up to the first that is none."""
    at = 0
    for _ in range(_MAX_UNITS):
        if at >= len(packet):
            return
        header = packet[at]
        payload = at + 1 + (header >> 2 & 1)  # the extension
        size = len(packet) - payload
        if header & 2:
            size, payload = leb128(packet, payload)
        if header & 0x80 or payload > len(packet) or payload + size > len(packet):
            return
        yield Obu(header >> 3 & 15, at, payload, payload + size)
        at = payload + size


def leb128(data: memoryview, at: int) -> tuple[int, int]:
    """Return a number and where it ends; beyond the data where it is not whole."""
    number = 0
    for index in range(8):
        if at + index >= len(data):
            break
        byte = data[at + index]
        number |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return number, at + index + 1
    return 0, len(data) + 1


def leb128_bytes(number: int) -> bytes:
    """Return a number as `leb128` reads it."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)
