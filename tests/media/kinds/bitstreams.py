"""Streams that no encoder at hand writes: H.264 in fields, and tracks of data and teletext in transport streams."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

from media_factory import ffmpeg

WIDTH, HEIGHT, PACKET = 64, 64, 188


class Bits:
    """Writes a sequence of bits."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def u(self, value: int, count: int) -> Bits:
        self.text.append(f"{value:0{count}b}")
        return self

    def ue(self, *values: int) -> Bits:
        for value in values:
            code = f"{value + 1:b}"
            self.text.append("0" * (len(code) - 1) + code)
        return self

    def align(self) -> Bits:
        self.text.append("0" * (-sum(map(len, self.text)) % 8))
        return self

    def end(self) -> bytes:
        """Return the bytes, with the bit that ends a NAL unit."""
        self.text.append("1")
        text = "".join(self.align().text)
        return int(text, 2).to_bytes(len(text) // 8)


def nal(header: int, payload: bytes) -> bytes:
    """Return a NAL unit with its start code, and with what keeps start codes out of it."""
    out, zeros = bytearray((header,)), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return b"\0\0\0\1" + bytes(out)


def write_paff(folder: Path) -> None:
    """paff.h264, ten frames of H.264 whose fields are pictures of their own (written bit by bit)."""
    pattern = f"testsrc2=s={WIDTH}x{HEIGHT}:r=50:d=0.4,tinterlace=interleave_top"
    raw = ffmpeg("-f", "lavfi", "-i", pattern, "-pix_fmt", "yuv420p", "-f", "rawvideo", "-")
    size = WIDTH * HEIGHT * 3 // 2
    frames = [raw[at : at + size] for at in range(0, len(raw), size)]
    (folder / "paff.h264").write_bytes(_parameters() + b"".join(_frame(each, n) for n, each in enumerate(frames)))


def _parameters() -> bytes:
    sequence = Bits().u(77, 8).u(0, 8).u(30, 8).ue(0, 0, 0, 4, 1).u(0, 1).ue(WIDTH // 16 - 1, HEIGHT // 32 - 1)
    sequence.u(0b0010, 4).u(1, 1)  # fields may be pictures; timing follows
    sequence.u(0b00001, 5).u(1, 32).u(50, 32).u(1, 1).u(0, 4)
    picture = Bits().ue(0, 0).u(0, 2).ue(0, 0, 0).u(0, 3).ue(0, 0, 0).u(0b100, 3)
    return nal(0x67, sequence.end()) + nal(0x68, picture.end())


def _frame(planes: bytes, number: int) -> bytes:
    return b"".join(_field(planes, number, bottom) for bottom in (0, 1))


def _field(planes: bytes, number: int, bottom: int) -> bytes:
    first = number == 0 and not bottom
    bits = Bits().ue(0, 7, 0).u(number % 16, 4).u(1, 1).u(bottom, 1)
    if first:
        bits.ue(0)
    bits.u((2 * number + bottom) % 256, 8).u(0, 2 if first else 1).ue(0, 1)
    for row in range(HEIGHT // 32):
        for column in range(WIDTH // 16):
            bits.ue(25).align()
            bits.u(int.from_bytes(_macroblock(planes, row, column, bottom)), 384 * 8)
    return nal(0x65 if first else 0x61, bits.end())


def _macroblock(planes: bytes, row: int, column: int, bottom: int) -> bytes:
    """Return the samples of a macroblock of a field, as they are."""
    out, start = b"", 0
    for width, side in ((WIDTH, 16), (WIDTH // 2, 8), (WIDTH // 2, 8)):
        for line in range(side):
            at = start + ((row * side + line) * 2 + bottom) * width + column * side
            out += planes[at : at + side]
        start += width * (HEIGHT if side == 16 else HEIGHT // 2)
    return out


# --- transport streams ------------------------------------------------------------------------------------------


def add_track(data: bytes, kind: int, descriptors: bytes, payloads: Iterable[bytes], pid: int = 0x150) -> bytes:
    """Return a transport stream with one more track, whose packets are at its begin."""
    packets = [data[at : at + PACKET] for at in range(0, len(data), PACKET)]
    tables = _programme_pid(packets)
    added = [part for number, each in enumerate(payloads) for part in _packets(each, pid, number)]
    out: list[bytes] = []
    for packet in packets:
        out.append(_with_track(packet, kind, descriptors, pid) if _pid(packet) == tables else packet)
    out[12:12] = added  # behind the first clock, without which teletext has no times
    return b"".join(out)


def pes(seconds: float, payload: bytes, stream: int = 0xBD) -> bytes:
    """Return a packet of a private stream that is shown at this time."""
    ticks = round(seconds * 90000)
    stamp = bytes((
        0x21 | (ticks >> 29 & 0xE), ticks >> 22 & 0xFF, ticks >> 14 & 0xFE | 1, ticks >> 7 & 0xFF, ticks << 1 & 0xFE | 1,
    ))  # fmt: skip
    body = b"\x84\x80\x05" + stamp + payload
    return b"\0\0\1" + bytes((stream,)) + struct.pack(">H", len(body)) + body


def section(table: int, payload: bytes) -> bytes:
    """Return a section of a table, with the byte that points to it."""
    head = bytes((table,)) + struct.pack(">H", 0x3000 | len(payload) + 4) + payload
    return b"\0" + head + struct.pack(">I", checksum(head))


def checksum(data: bytes) -> int:
    """Return the CRC of ISO/IEC 13818-1, annex A."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value


def _pid(packet: bytes) -> int:
    return int.from_bytes(packet[1:3]) & 0x1FFF


def _programme_pid(packets: list[bytes]) -> int:
    table = next(each for each in packets if _pid(each) == 0)
    return int.from_bytes(table[15:17]) & 0x1FFF


def _with_track(packet: bytes, kind: int, descriptors: bytes, pid: int) -> bytes:
    length = int.from_bytes(packet[6:8]) & 0xFFF
    body = packet[5 : 8 + length - 4]
    entry = struct.pack(">BHH", kind, 0xE000 | pid, 0xF000 | len(descriptors)) + descriptors
    new = bytearray(body + entry)
    new[1:3] = struct.pack(">H", 0xB000 | length + len(entry))
    whole = bytes(new) + struct.pack(">I", checksum(bytes(new)))
    return (packet[:5] + whole).ljust(PACKET, b"\xff")


def _packets(payload: bytes, pid: int, number: int) -> Iterable[bytes]:
    parts = [payload[at : at + 184] for at in range(0, len(payload), 184)]
    for index, part in enumerate(parts):
        head = struct.pack(">BH", 0x47, pid | (0x4000 if index == 0 else 0))
        counter = (number * len(parts) + index) % 16
        if len(part) == 184:
            yield head + bytes((0x10 | counter,)) + part
            continue
        room = 183 - len(part)
        field = bytes((room,)) + (b"\0" + b"\xff" * (room - 1) if room else b"")
        yield head + bytes((0x30 | counter,)) + field + part


# --- teletext ---------------------------------------------------------------------------------------------------


def teletext(text: str) -> bytes:
    """Return the payload of a packet with page 888, which has one line (ETSI EN 300 706 and 300 472)."""
    header = _row(0, b"".join(map(_hamming, (8, 8, 0, 0, 0, 8, 0, 0))), " " * 32)
    line = _row(20, b"", f"\x0b\x0b{text}\x0a\x0a".ljust(40))
    closing = _row(0, b"".join(map(_hamming, (15, 15, 0, 0, 0, 8, 0, 0))), " " * 32)
    units = b"".join(
        b"\x03\x2c" + bytes((0xE0 | 7 + n,)) + b"\xe4" + each for n, each in enumerate((header, line, closing))
    )
    return b"\x10" + units


def _row(number: int, coded: bytes, text: str) -> bytes:
    address = _hamming(number % 2 * 8) + _hamming(number // 2)  # magazine 8 is written as 0
    return address + coded + bytes(_reversed(_odd(ord(each))) for each in text)


def _hamming(value: int) -> bytes:
    d1, d2, d3, d4 = (value >> bit & 1 for bit in range(4))
    p1, p2, p3 = 1 ^ d1 ^ d3 ^ d4, 1 ^ d1 ^ d2 ^ d4, 1 ^ d1 ^ d2 ^ d3
    bits = (p1, d1, p2, d2, p3, d3, 0, d4)
    bits = (*bits[:6], 1 ^ p1 ^ d1 ^ p2 ^ d2 ^ p3 ^ d3 ^ d4, d4)
    return bytes((_reversed(sum(bit << place for place, bit in enumerate(bits))),))


def _odd(value: int) -> int:
    return value | 0x80 * (value.bit_count() % 2 == 0)


def _reversed(value: int) -> int:
    return int(f"{value:08b}"[::-1], 2)
