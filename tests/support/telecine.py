"""Makes film as it is on NTSC discs: MPEG-2 at 24000/1001, with flags by which players repeat fields up to 29.97."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av

from frame_marks import HEIGHT, WIDTH, Mark, drawn
from media_factory import ffmpeg

VIDEO = Fraction(30_000, 1001)
TICKS = 90_000
_EXTENSION, _SEQUENCE, _GROUP = b"\0\0\1\xb5", b"\0\0\1\xb3", 0xB8
_CODES = re.compile(rb"\x00\x00\x01[\x00\xb8]", re.DOTALL)  # of pictures and groups of them
_CODE_29_97 = 4
_TOP_FIRST, _REPEAT, _PROGRESSIVE = 0x80, 0x02, 0x80


def film(number: int) -> int:
    """Fields of a frame of film: three and two by turns."""
    return 3 - number % 2


def telecined(
    path: Path, frames: int, fields: Callable[[int], int] = film, output: Sequence[str] = ()
) -> list[float]:
    """Make a film whose frame n is shown for `fields(n)` fields, and a tone; returns when each frame is shown."""
    stream = path.with_suffix(".m2v")
    raw = b"".join(drawn(Mark(1, number)).tobytes() for number in range(frames))
    ffmpeg("-f", "rawvideo", "-pixel_format", "gray", "-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", str(VIDEO),
           "-i", "-", "-pix_fmt", "yuv420p", "-c:v", "mpeg2video", "-q:v", "3", "-bf", "2", "-g", "12", "-flags",
           "+cgop", "-sc_threshold", "1000000000", "-f", "mpeg2video", stream, stdin=raw)  # fmt: skip
    starts = [sum(map(fields, range(number))) for number in range(frames + 1)]
    _write_flags(stream, starts)
    ticks = [round(start / (2 * VIDEO) * TICKS) for start in starts]
    _mux(stream, path, ticks, output)
    return [tick / TICKS for tick in ticks[:-1]]


def _write_flags(stream: Path, starts: list[int]) -> None:
    data = bytearray(stream.read_bytes())
    place = -1
    while (place := data.find(_SEQUENCE, place + 1)) >= 0:
        data[place + 7] = data[place + 7] & 0xF0 | _CODE_29_97
        extension = data.find(_EXTENSION, place)
        data[extension + 5] &= ~0x08  # the sequence is not progressive: fields may repeat
    for number, picture in _pictures(data):
        extension = data.find(_EXTENSION, picture)
        flags = data[extension + 7] & ~(_TOP_FIRST | _REPEAT)
        flags |= 0 if starts[number] % 2 else _TOP_FIRST
        flags |= _REPEAT if starts[number + 1] - starts[number] == 3 else 0
        data[extension + 7] = flags
        data[extension + 8] |= _PROGRESSIVE
    stream.write_bytes(data)


def _pictures(data: bytes | bytearray) -> list[tuple[int, int]]:
    """Number in the order of display, and place, of each picture; they are numbered from the start of their group."""
    found: list[tuple[int, int]] = []
    first = 0
    for code in _CODES.finditer(data):
        place = code.start()
        if data[place + 3] == _GROUP:
            first = len(found)
        else:
            found.append((first + (data[place + 4] << 2 | data[place + 5] >> 6), place))
    return found


def _mux(stream: Path, path: Path, ticks: list[int], output: Sequence[str]) -> None:
    order = [number for number, _ in _pictures(stream.read_bytes())]
    delay = ticks[1] * 2
    with (
        av.open(str(stream)) as source,
        av.open(str(path), "w", options=dict(zip(output[::2], output[1::2], strict=True))) as muxed,
    ):
        target = muxed.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        for number, packet, place in zip(order, packets, range(len(order)), strict=True):
            packet.stream, packet.time_base = target, Fraction(1, TICKS)
            packet.pts, packet.dts = ticks[number] + delay, ticks[place]
            packet.duration = ticks[number + 1] - ticks[number]
            muxed.mux(packet)
