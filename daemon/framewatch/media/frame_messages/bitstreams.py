"""Reads the messages of single frames from a packet, and puts messages into one: H.264, H.265, AV1 and MPEG-2.

Packets are hostile: every size is checked against what is there, and only so many units and messages of so many bytes
are looked at. A packet that is not what it says gives no message, and never an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from framewatch.domain import FrameMessageKind
from framewatch.media.bitstreams.nal_units import (
    MAX_UNITS,
    START_CODE,
    escaped,
    hvcc_arrays,
    nal_length_size,
    nal_units,
    unescaped,
)
from framewatch.media.bitstreams.obus import leb128, leb128_bytes, obus
from framewatch.media.frame_messages.captions import captions_of_dvd, captions_of_scte20
from framewatch.media.frame_messages.kinds import ATSC_HEAD, kind_of

MAX_MESSAGE = 4096  # bytes; 31 captions are 100, and HDR10+ is at most a few hundred
_MAX_MESSAGES = 32  # of a packet
_RPU_HEAD = 24  # bytes of Dolby Vision's metadata that are looked at
_MAX_SEI = 1 << 16  # bytes of one SEI NAL unit

_T35_PAYLOAD, _TIME_CODE_PAYLOAD = 4, 136  # types of SEI messages (H.265, annex D)
_ALPHA_PAYLOAD = 165  # of H.265 alone (F.14.2.8); its first bit says that there is none any more
_HVCC_LENGTH = 2  # bytes that state the length of a NAL unit in it
_MAX_PAYLOADS = 64  # of one SEI NAL unit

_AV1_FRAME_HEADER, _AV1_METADATA, _AV1_FRAME = 3, 5, 6  # types of OBUs (AV1 specification, 6.2.2)
_AV1_T35, _AV1_TIMECODE = 4, 5  # types of metadata (6.7.1)

_MPEG2_USER_DATA = START_CODE + b"\xb2"
_DVD_CAPTIONS = b"CC\x01\xf8"
_SCTE20_CAPTIONS = b"\x03"


class FrameMessage(NamedTuple):
    """Something that a bitstream attaches to a frame."""

    kind: FrameMessageKind
    data: bytes  # of T.35, from the country code on; the beginning of Dolby Vision's RPU; empty for timecodes


@dataclass(frozen=True, slots=True)
class _NalSyntax:
    """How NAL units of a codec say what they are."""

    kind: Callable[[int], int]  # of the first byte
    is_picture: Callable[[int], bool]
    sei: int
    header: int  # bytes
    rpu: int | None = None  # Dolby Vision's metadata
    alpha: int | None = None  # the SEI message about transparency


_NAL = {
    "h264": _NalSyntax(kind=lambda byte: byte & 31, is_picture=lambda kind: 1 <= kind <= 5, sei=6, header=1),
    "hevc": _NalSyntax(
        kind=lambda byte: byte >> 1 & 63,
        is_picture=lambda kind: kind < 32,
        sei=39,
        header=2,
        rpu=62,
        alpha=_ALPHA_PAYLOAD,
    ),
}

Reader = Callable[[memoryview], list[FrameMessage]]
Writer = Callable[[memoryview, Sequence[bytes]], bytes]


def reader(codec: str, extradata: bytes) -> Reader | None:
    """Return what reads the messages of a packet; None if a codec has none that are known."""
    if codec in _NAL:
        syntax, length = _NAL[codec], nal_length_size(codec, extradata)
        return lambda packet: _limited(_nal_messages(packet, syntax, length))
    readers: dict[str, Reader] = {
        "av1": lambda packet: _limited(_av1_messages(packet)),
        "mpeg2video": lambda packet: _limited(_mpeg2_messages(packet)),
    }
    return readers.get(codec)


def stated_messages(codec: str, extradata: bytes) -> list[FrameMessage]:
    """Return the messages that stand beside the packets, and count for all of them: in the hvcC of H.265."""
    if codec != "hevc" or nal_length_size(codec, extradata) is None:
        return []
    data, syntax = memoryview(extradata), _NAL[codec]
    parts = (_nal_messages(data[begin:end], syntax, _HVCC_LENGTH) for begin, end in hvcc_arrays(extradata))
    return _limited(message for part in parts for message in part)


def writer(codec: str, extradata: bytes) -> Writer | None:
    """Return what puts messages of T.35 into a packet of an own encoder; None if a codec cannot hold them."""
    if codec in _NAL:
        syntax, length = _NAL[codec], nal_length_size(codec, extradata)
        return lambda packet, messages: _with_sei(packet, messages, syntax, length)
    return {"av1": _with_metadata_obus, "mpeg2video": _with_user_data}.get(codec)


def _limited(messages: Iterator[FrameMessage]) -> list[FrameMessage]:
    return [message for message, _ in zip(messages, range(_MAX_MESSAGES), strict=False)]


# --- H.264 and H.265 ---------------------------------------------------------------------------------------


def _nal_messages(packet: memoryview, syntax: _NalSyntax, length: int | None) -> Iterator[FrameMessage]:
    for begin, end in nal_units(packet, length):
        kind = syntax.kind(packet[begin])
        if kind == syntax.sei:
            yield from _sei_messages(bytes(packet[begin + syntax.header : min(end, begin + _MAX_SEI)]), syntax.alpha)
        elif kind == syntax.rpu:
            yield FrameMessage("dolby_vision", bytes(packet[begin + syntax.header : min(end, begin + _RPU_HEAD)]))


def _sei_messages(payload: bytes, alpha: int | None) -> Iterator[FrameMessage]:
    data = unescaped(payload)
    at = 0
    for _ in range(_MAX_PAYLOADS):
        if at + 2 > len(data):
            return
        kind, at = _sei_number(data, at)
        size, at = _sei_number(data, at)
        if at + size > len(data):
            return
        if kind == _T35_PAYLOAD and 0 < size <= MAX_MESSAGE:
            message = data[at : at + size]
            yield FrameMessage(kind_of(message), message)
        elif kind == _TIME_CODE_PAYLOAD:
            yield FrameMessage("frame_timecode", b"")
        elif kind == alpha and size and not data[at] & 0x80:
            yield FrameMessage("alpha_layer", b"")
        at += size


def _sei_number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number that is written as a sum, and where the next one begins."""
    number = 0
    while at < len(data) and data[at] == 255:
        number, at = number + 255, at + 1
    return number + (data[at] if at < len(data) else 0), at + 1


def _with_sei(packet: memoryview, messages: Sequence[bytes], syntax: _NalSyntax, length: int | None) -> bytes:
    """Put an SEI NAL unit with all messages before the first NAL unit of the picture.

    Raises:
        ValueError: the packet has no picture.
    """
    for begin, _ in nal_units(packet, length):
        if syntax.is_picture(syntax.kind(packet[begin])):
            unit = _sei_unit(messages, syntax, bytes(packet[begin : begin + syntax.header]))
            if length is None:
                at = begin - len(START_CODE)
                return b"".join((packet[:at], START_CODE, unit, packet[at:]))
            at = begin - length
            return b"".join((packet[:at], len(unit).to_bytes(length, "big"), unit, packet[at:]))
    raise ValueError("a packet without a picture")


def _sei_unit(messages: Sequence[bytes], syntax: _NalSyntax, picture: bytes) -> bytes:
    """Return the NAL unit; in H.265 it has the layer and the temporal sublayer of its picture."""
    header = bytes([syntax.sei]) if syntax.header == 1 else bytes([syntax.sei << 1 | picture[0] & 1, picture[1]])
    payloads = b"".join(bytes([_T35_PAYLOAD]) + _sei_sum(len(each)) + each for each in messages)
    return header + escaped(payloads + b"\x80")


def _sei_sum(number: int) -> bytes:
    return b"\xff" * (number // 255) + bytes([number % 255])


# --- AV1 ---------------------------------------------------------------------------------------------------


def _av1_messages(packet: memoryview) -> Iterator[FrameMessage]:
    for obu in obus(packet):
        if obu.kind != _AV1_METADATA or obu.end - obu.payload > MAX_MESSAGE:
            continue
        kind, begin = leb128(packet, obu.payload)
        if kind == _AV1_T35:
            message = bytes(packet[begin : obu.end]).rstrip(b"\x00")[:-1]  # the last byte is the trailing bit
            yield FrameMessage(kind_of(message), message)
        elif kind == _AV1_TIMECODE:
            yield FrameMessage("frame_timecode", b"")


def _with_metadata_obus(packet: memoryview, messages: Sequence[bytes]) -> bytes:
    """Put metadata before the frame that is shown: the last one of a temporal unit; others may be hidden.

    Raises:
        ValueError: the packet has no frame.
    """
    frames = [obu for obu in obus(packet) if obu.kind in (_AV1_FRAME, _AV1_FRAME_HEADER)]
    if not frames:
        raise ValueError("a packet without a frame")
    header = bytes([_AV1_METADATA << 3 | 2])
    bodies = [bytes([_AV1_T35]) + each + b"\x80" for each in messages]
    units = b"".join(header + leb128_bytes(len(body)) + body for body in bodies)
    at = frames[-1].begin
    return b"".join((packet[:at], units, packet[at:]))


# --- MPEG-2 ------------------------------------------------------------------------------------------------


def _mpeg2_messages(packet: memoryview) -> Iterator[FrameMessage]:
    """User data of picture, group and sequence; a packet may hold two fields, each with its own."""
    data = bytes(packet)
    at = data.find(_MPEG2_USER_DATA)
    for _ in range(MAX_UNITS):
        if at < 0:
            return
        begin = at + len(_MPEG2_USER_DATA)
        following = data.find(START_CODE, begin)
        user_data = data[begin : len(data) if following < 0 else following]
        if user_data.startswith(_DVD_CAPTIONS):
            yield from (FrameMessage("captions_a53", each) for each in captions_of_dvd(user_data))
        elif user_data[:1] == _SCTE20_CAPTIONS:
            yield from (FrameMessage("captions_a53", each) for each in captions_of_scte20(user_data))
        elif user_data.startswith((b"GA94", b"DTG1")) and len(user_data) <= MAX_MESSAGE:
            message = ATSC_HEAD + user_data
            yield FrameMessage(kind_of(message), message)
        at = data.find(_MPEG2_USER_DATA, begin)


def _with_user_data(packet: memoryview, messages: Sequence[bytes]) -> bytes:
    """Put user data of ATSC before the first slice.

    Raises:
        ValueError: the packet has no slice.
    """
    data = bytes(packet)
    at = data.find(START_CODE)
    while at >= 0:
        if at + 3 < len(data) and 1 <= data[at + 3] <= 0xAF:
            units = b"".join(_MPEG2_USER_DATA + each.removeprefix(ATSC_HEAD) for each in messages)
            return b"".join((data[:at], units, data[at:]))
        at = data.find(START_CODE, at + 3)
    raise ValueError("a packet without a slice")
