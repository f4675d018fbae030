"""Films whose frames have captions, HDR10+ or Dolby Vision, made by hand, and what a decoder finds in a film."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import av

from framewatch.media.probe.side_data import side_data
from media_factory import ffmpeg

PQ = ("-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc")
AFD = b"\xb5\x00\x31DTG1\x41\xfa"


class Attached(IntEnum):
    """Types of libav's AVFrameSideDataType that the tests look for."""

    A53_CC = 1
    AFD = 7
    DYNAMIC_HDR_PLUS = 17


def caption(number: int) -> bytes:
    """The A/53 message of frame `number`: a pair of CTA-608 text, and one that is padding."""
    text = bytes([32 + number % 90, 33 + number % 90])
    return b"\xb5\x00\x31GA94\x03" + bytes([0x42, 0xFF, 0xFC, *text, 0xFA, 0x00, 0x00, 0xFF])


def caption_bytes(number: int) -> bytes:
    """What libav attaches to a frame with the message `caption(number)`."""
    return caption(number)[10:16]


# CTA-608: begin a text, clear it, its row, what it says, show it; after a second, clear the screen. Most come twice.
_SPELLED = (
    *((0x14, 0x20),) * 2,
    *((0x14, 0x2E),) * 2,
    *((0x14, 0x70),) * 2,
    *zip(b"HLO", b"EL ", strict=True),
    *((0x14, 0x2F),) * 2,
    *((0, 0),) * 30,
    *((0x14, 0x2C),) * 2,
)


def spelled(number: int) -> bytes:
    """The A/53 message of frame `number` of a film that says HELLO from its eleventh frame on, for about a second."""
    pair = _SPELLED[number] if number < len(_SPELLED) else (0, 0)
    odd = [byte | 0x80 if byte.bit_count() % 2 == 0 else byte for byte in pair]
    return b"\xb5\x00\x31GA94\x03" + bytes([0x41, 0xFF, 0xFC, *odd, 0xFF])


def hdr10plus(number: int, windows: int = 1) -> bytes:
    """The message of SMPTE ST 2094-40 (application version 1) of frame `number`, which changes with it."""
    fields = [(1, 8), (windows, 2)]
    for _ in range(windows - 1):  # place of the window, its ellipse, and how they overlap
        fields += [(0, 16), (0, 16), (9, 16), (9, 16), (5, 16), (5, 16), (0, 8), (2, 16), (4, 16), (4, 16), (0, 1)]
    fields += [(400, 27), (0, 1)]
    for _ in range(windows):
        fields += [(1000 + number, 17), (2000, 17), (3000, 17), (500 + number, 17)]
        fields += [(2, 4), (1, 7), (100, 17), (99, 7), (9000, 17), (0, 10)]
    fields += [(0, 1), *[(0, 1)] * windows, *[(0, 1)] * windows]
    bits = "".join(format(value, f"0{width}b") for value, width in fields)
    bits += "0" * (-len(bits) % 8)
    return b"\xb5\x00\x3c\x00\x01\x04" + int(bits, 2).to_bytes(len(bits) // 8, "big")


def with_messages(source: Path, target: Path, of: Callable[[int], Sequence[bytes]], after: bytes = b"") -> Path:
    """Copy an H.264 or H.265 film in MP4, with messages of T.35 before each frame, counted in display order.

    `after`: a NAL unit that follows each frame.
    """
    last = len(after).to_bytes(4, "big") + after if after else b""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        stream = read.streams.video[0]
        copied = written.add_stream_from_template(stream)
        packets = [packet for packet in read.demux(stream) if packet.size]
        frames = {pts: number for number, pts in enumerate(sorted(packet.pts or 0 for packet in packets))}
        for packet in packets:
            units = [_sei(each, stream.codec_context.name) for each in of(frames[packet.pts or 0])]
            made: Any = av.Packet(
                b"".join(len(unit).to_bytes(4, "big") + unit for unit in units) + bytes(packet) + last
            )
            made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
            made.time_base, made.is_keyframe, made.stream = packet.time_base, packet.is_keyframe, copied
            written.mux(made)
    return target


def _sei(message: bytes, codec: str) -> bytes:
    made = bytearray()
    for byte in (4, len(message), *message, 0x80):
        if byte <= 3 and made[-2:] == b"\x00\x00":
            made.append(3)
        made.append(byte)
    return (b"\x06" if codec == "h264" else b"\x4e\x01") + bytes(made)


def with_dolby_vision(source: Path, target: Path, profile: int, compatibility: int) -> Path:
    """Copy an MP4 of H.265 that has its index at the end, and state Dolby Vision in it."""
    flags = 1 << 2 | (profile == 7) << 1 | 1  # RPU, enhancement layer, base layer
    record = bytes([1, 0, profile << 1, 1 << 3 | flags, compatibility << 4]) + bytes(19)
    box = _box(b"dvcC" if profile <= 7 else b"dvvC", record)
    target.write_bytes(b"".join(_with_box(source.read_bytes(), box)))
    return target


def with_stereo(source: Path, target: Path) -> Path:
    """Copy an MP4 that has its index at the end, and state that one view is above the other."""
    target.write_bytes(b"".join(_with_box(source.read_bytes(), _box(b"st3d", bytes([0, 0, 0, 0, 1])))))
    return target


def _with_box(data: bytes, box: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        payload = data[at + 8 : at + size]
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            payload = b"".join(_with_box(payload, box))
        elif kind == b"stsd":
            payload = payload[:8] + _box(payload[12:16], payload[16:] + box)
        yield _box(kind, payload)
        at += size


def _box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def attached(path: Path, kind: Attached) -> list[bytes | None]:
    """What a decoder attaches to each frame, in display order."""
    with av.open(str(path)) as container:
        types: Any = (kind,)
        return [side_data(frame, *types).get(types[0]) for frame in container.decode(video=0)]


def texts(path: Path) -> bytes:
    """All caption triplets of a film, one after the other."""
    return b"".join(each or b"" for each in attached(path, Attached.A53_CC))


def hdr_film(path: Path, *, frames: int = 10, pixel_format: str = "yuv420p10le") -> Path:
    """An H.265 film of PQ in MP4, with B-frames."""
    params = "log-level=error:keyint=6:min-keyint=6:bframes=2"
    pattern = f"testsrc2=size=64x64:rate=25:duration={frames / 25}"
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", params, "-tag:v", "hvc1")
    ffmpeg("-f", "lavfi", "-i", pattern, "-pix_fmt", pixel_format, *codec, *PQ, path)
    return path
