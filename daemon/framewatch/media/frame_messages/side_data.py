"""Messages that a container keeps beside its packets, where libav has parsed them: written out as messages again."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from av.packet import Packet

from framewatch.media.frame_messages.bitstreams import FrameMessage
from framewatch.media.frame_messages.kinds import HDR10PLUS_HEAD

# AVDynamicHDRPlus (libavutil/hdr_dynamic_metadata.h), whose numbers are AVRationals: offsets of fields in bytes.
_VERSION, _WINDOWS, _WINDOW = 1, 2, 4
_TARGET, _TARGET_PEAKS, _MASTERING_PEAKS = 1288, 1296, 6300
_SIZE = 6304
# AVHDRPlusColorTransformParams, from where the window begins.
_MAXSCL, _AVERAGE, _PERCENTILES, _PERCENTILE, _BRIGHT = 48, 72, 80, 84, 264
_TONES, _KNEE, _ANCHORS, _ANCHOR, _SATURATION, _WEIGHT = 272, 276, 292, 296, 416, 420
_PERCENTILE_SIZE, _MOST = 12, 15


def side_data_messages(packet: Packet[Any]) -> Iterator[FrameMessage]:
    """Yield the messages beside a packet: HDR10+ of VP9 in Matroska."""
    if packet.has_sidedata("dynamic_hdr10_plus"):
        message = hdr10plus_message(bytes(packet.get_sidedata("dynamic_hdr10_plus")))
        if message is not None:
            yield FrameMessage("hdr10plus", message)


def hdr10plus_message(data: bytes) -> bytes | None:
    """Return libav's structure as a message of SMPTE ST 2094-40, as `av_dynamic_hdr_plus_to_t35` does.

    None where it is none, has several windows or tables of peaks, which films do not have.
    """
    if len(data) < _SIZE or data[_WINDOWS] != 1 or data[_TARGET_PEAKS] or data[_MASTERING_PEAKS]:
        return None
    bits = _Bits(data)
    bits.put(data[_VERSION], 8)
    bits.put(1, 2)
    bits.put_ratio(_TARGET, 1, 27)
    bits.put(0, 1)
    for at in (*range(_MAXSCL, _AVERAGE, 8), _AVERAGE):
        bits.put_ratio(_WINDOW + at, 100_000, 17)
    percentiles = min(data[_WINDOW + _PERCENTILES], _MOST)
    bits.put(percentiles, 4)
    for number in range(percentiles):
        at = _WINDOW + _PERCENTILE + number * _PERCENTILE_SIZE
        bits.put(data[at], 7)
        bits.put_ratio(at + 4, 100_000, 17)
    bits.put_ratio(_WINDOW + _BRIGHT, 1000, 10)
    bits.put(0, 1)
    _put_mapping(bits, data)
    return HDR10PLUS_HEAD + bits.bytes()


def _put_mapping(bits: _Bits, data: bytes) -> None:
    has_tones, has_saturation = bool(data[_WINDOW + _TONES]), bool(data[_WINDOW + _SATURATION])
    bits.put(has_tones, 1)
    if has_tones:
        bits.put_ratio(_WINDOW + _KNEE, 4095, 12)
        bits.put_ratio(_WINDOW + _KNEE + 8, 4095, 12)
        anchors = min(data[_WINDOW + _ANCHORS], _MOST)
        bits.put(anchors, 4)
        for number in range(anchors):
            bits.put_ratio(_WINDOW + _ANCHOR + 8 * number, 1023, 10)
    bits.put(has_saturation, 1)
    if has_saturation:
        bits.put_ratio(_WINDOW + _WEIGHT, 8, 6)


class _Bits:
    """Writes numbers of some bits one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._bits: list[str] = []

    def put(self, value: int, width: int) -> None:
        self._bits.append(format(min(max(value, 0), (1 << width) - 1), f"0{width}b"))

    def put_ratio(self, at: int, steps: int, width: int) -> None:
        """Write the AVRational at an offset as a number of steps."""
        numerator, denominator = struct.unpack_from("2i", self._data, at)
        self.put(round(Fraction(numerator, denominator) * steps) if denominator else 0, width)

    def bytes(self) -> bytes:
        text = "".join(self._bits)
        text += "0" * (-len(text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")
