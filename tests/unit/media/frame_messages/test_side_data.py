"""HDR10+ that libav has parsed is written out as the message that it was."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from framewatch.media.frame_messages.kinds import kind_of
from framewatch.media.frame_messages.side_data import hdr10plus_message

SIZE = 6304


@given(st.dictionaries(st.integers(0, SIZE - 1), st.integers(0, 255), max_size=60), st.integers(0, SIZE))
def test_any_structure_gives_a_message_or_none(changes: dict[int, int], size: int) -> None:
    data = bytearray(SIZE)
    data[2] = 1
    for place, value in changes.items():
        data[place] = value
    found = hdr10plus_message(bytes(data))
    assert found is None or (kind_of(found) == "hdr10plus" and len(found) < 200)
    assert hdr10plus_message(bytes(data[:size])) is None or size == SIZE


def test_the_curve_is_written_out() -> None:
    data = bytearray(SIZE)
    data[1], data[2], data[276], data[296], data[420] = 1, 1, 1, 2, 1
    struct.pack_into("4i", data, 280, 100, 4095, 200, 4095)
    struct.pack_into("4i", data, 300, 300, 1023, 400, 1023)
    struct.pack_into("2i", data, 424, 5, 8)
    found = hdr10plus_message(bytes(data))
    assert found is not None
    bits = "".join(format(byte, "08b") for byte in found[6:])
    curve = "1" + format(100, "012b") + format(200, "012b") + format(2, "04b") + format(300, "010b")
    begin = 8 + 2 + 27 + 1 + 17 * 4 + 4 + 10 + 1
    assert bits[begin:].startswith(curve + format(400, "010b") + "1" + format(5, "06b"))
