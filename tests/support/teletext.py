"""Adds a teletext track with subtitles to a transport stream (ETSI EN 300 706, EN 300 472, EN 300 468)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

PID = 0x111
PAGE, OTHER_PAGE = 0x88, 0x77  # of magazine 8: 888 and 877
_PACKET = 188
_UNIT = 46  # bytes of a data unit, and of the PES header with the data identifier
_HAMMING = bytes.fromhex("1502495e6473382fd0c78c9ba1b6fdea")
_ERASE, _SUBTITLE, _SERIAL = 1 << 3, 1 << 3, 1  # C4, C6 and C11, in their nibbles
_FILLER = 0xFF  # a page that is never shown; its header ends the page before
_ROW = 20
_FIRST_PTS = 126_000  # of what ffmpeg's muxer writes: 1.4 s
_TICKS = 90_000


def with_teletext(
    stream: bytes, texts: Sequence[tuple[float, str]], seconds: float, announced: Sequence[int] = (PAGE,)
) -> bytes:
    """Return a transport stream of one program, made by ffmpeg, with such a track.

    Args:
        stream: the transport stream.
        texts: when each text is sent, in seconds from the first packet; an empty one removes the one before.
        seconds: how long the stream lasts.
        announced: the pages that the program's table names as subtitles; the texts are all on the first of them.
    """
    packets = [stream[at : at + _PACKET] for at in range(0, len(stream), _PACKET)]
    table = next(_pid(packet) for packet in packets if _pid(packet) >= 0x1000 and _pid(packet) != 0x1FFF)
    made = [_with_track(packet, announced) if _pid(packet) == table else packet for packet in packets]
    counter = 0
    for done, (time, text) in enumerate(texts):
        pes = _pes(round(_FIRST_PTS + time * _TICKS), _page(text))
        at = 4 + round((len(packets) - 4) * time / seconds) + done * len(pes) // 184
        made[at:at] = [
            _ts(pes[begin : begin + 184], counter + begin // 184, first=begin == 0)
            for begin in range(0, len(pes), 184)
        ]
        counter += len(pes) // 184
    return b"".join(made)


def _pid(packet: bytes) -> int:
    return (packet[1] & 31) << 8 | packet[2]


def _ts(payload: bytes, counter: int, *, first: bool) -> bytes:
    return bytes([0x47, (0x40 if first else 0) | PID >> 8, PID & 255, 0x10 | counter & 15]) + payload


def _with_track(packet: bytes, announced: Sequence[int]) -> bytes:
    """Return the packet with the program's table, with the track in it."""
    section = packet[5:]
    length = (section[1] & 15) << 8 | section[2]
    pages = [b"eng" + bytes([2 << 3, page]) for page in announced]
    descriptor = bytes([0x56, 5 * len(pages)]) + b"".join(pages)
    track = bytes([6, 0xE0 | PID >> 8, PID & 255, 0xF0, len(descriptor)]) + descriptor
    longer = length + len(track)
    body = bytes([section[0], section[1] & 0xF0 | longer >> 8, longer & 255]) + section[3 : length - 1] + track
    return (packet[:5] + body + _crc(body).to_bytes(4, "big")).ljust(_PACKET, b"\xff")


def _crc(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 1 << 31 else 0)) & 0xFFFFFFFF
    return value


def _pes(pts: int, lines: Iterable[bytes]) -> bytes:
    """Return the lines as data units of one PES packet, which fills whole TS packets."""
    units = [bytes([3, 44, 0xE0 | 7 + number, 0xE4]) + line for number, line in enumerate(lines)]
    while len(units) % 4 != 3:
        units.append(bytes([0xFF, 44]) + b"\xff" * 44)
    stamp = [0x21 | pts >> 29 & 14, pts >> 22 & 255, 1 | pts >> 14 & 254, pts >> 7 & 255, 1 | pts << 1 & 254]
    header = bytes([0x84, 0x80, 36, *stamp]).ljust(39, b"\xff")
    payload = header + b"\x10" + b"".join(units)
    return b"\0\0\1\xbd" + len(payload).to_bytes(2, "big") + payload


def _page(text: str) -> list[bytes]:
    shown = [_line(_ROW, b"\x0b\x0b" + text.encode().ljust(36)[:36] + b"\x0a\x0a")] if text else []
    return [_header(PAGE, _ERASE, _SUBTITLE), *shown, _header(_FILLER, 0, 0)]


def _header(page: int, erase: int, subtitle: int) -> bytes:
    nibbles = (page & 15, page >> 4, 0, erase, 0, subtitle, 0, _SERIAL)
    return _reversed(_address(0) + bytes(_HAMMING[each] for each in nibbles) + _parity(b" " * 32))


def _line(row: int, text: bytes) -> bytes:
    return _reversed(_address(row) + _parity(text))


def _address(row: int) -> bytes:
    """Return magazine 8, which is sent as 0, and the row."""
    address = row << 3
    return bytes([_HAMMING[address & 15], _HAMMING[address >> 4]])


def _parity(text: bytes) -> bytes:
    return bytes(each | (0 if each.bit_count() % 2 else 0x80) for each in text)


def _reversed(line: bytes) -> bytes:
    """Return the bytes in the order in which their bits are sent."""
    return bytes(int(f"{each:08b}"[::-1], 2) for each in line)
