"""Which packets of H.264 hold the second field of a frame, for which a decoder returns no frame.

Broadcasts code fields as pictures of their own (PAFF). Transport streams have a packet for each field, as have the
files that are copied from them. See ITU-T H.264, 7.3.2.1.1 and 7.3.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from av.packet import Packet

from framewatch.media.bitstreams.bits import BitReader
from framewatch.media.bitstreams.nal_units import nal_length_size, nal_units, unescaped

_SLICES = (1, 5)  # types of NAL units: of a picture, of one at which decoding can begin
_SEQUENCE = 7
_HEADER_BYTES = 32  # of a slice: more than its first numbers need
_SEQUENCE_BYTES = 512
_HIGH_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
_MOST_ZEROS = 31  # of a number with a variable length


class _Field(NamedTuple):
    """A field of a picture."""

    frame: int  # its number, modulo some power of two
    bottom: bool


class _Sequence(NamedTuple):
    """What a sequence parameter set says about slices."""

    frame_bits: int
    planes_apart: bool


class FieldPairs:
    """Follows the packets of a stream."""

    def __init__(self, context: Any) -> None:
        """`context` is the stream's codec context; None if there is no decoder."""
        self._is_h264 = getattr(context, "name", "") == "h264"
        extradata = bytes(getattr(context, "extradata", None) or b"")
        self._length = nal_length_size("h264", extradata) if self._is_h264 else None
        self._sequence: _Sequence | None = None  # None: all pictures are frames
        self._first: _Field | None = None  # of a frame whose second field is still to come
        if self._is_h264:
            for unit in _parameter_sets(extradata):
                self._sequence = _sequence(unit)

    def is_second(self, packet: Packet[Any]) -> bool:
        """Return whether the stream's next packet only completes the frame that the one before began."""
        if not self._is_h264 or not packet.size or (self._sequence is None and not packet.is_keyframe):
            return False
        fields = self._fields(memoryview(packet))
        if len(fields) != 1:  # a frame, or both fields of one
            self._first = None
            return False
        field, first = fields[0], self._first
        if first is not None and first.frame == field.frame and first.bottom != field.bottom:
            self._first = None
            return True
        self._first = field
        return False

    def _fields(self, data: memoryview) -> list[_Field]:
        """Return the fields in a packet, each once; of an unknown stream, none."""
        found: dict[_Field, None] = {}
        for begin, end in nal_units(data, self._length):
            kind = data[begin] & 31
            if kind == _SEQUENCE:
                self._sequence = _sequence(bytes(data[begin : min(end, begin + _SEQUENCE_BYTES)]))
            elif kind in _SLICES and self._sequence is not None:
                slice_ = bytes(data[begin : min(end, begin + _HEADER_BYTES)])
                if (field := _field(slice_, self._sequence)) is not None:
                    found[field] = None
        return list(found)


def _parameter_sets(extradata: bytes) -> Iterator[bytes]:
    """Yield the sequence parameter sets of a stream's header, of which the last one counts."""
    if extradata[:1] != b"\x01":
        for begin, end in nal_units(memoryview(extradata), None):
            if extradata[begin] & 31 == _SEQUENCE:
                yield extradata[begin:end]
        return
    at = 6  # ISO/IEC 14496-15, 5.3.3.1
    for _ in range(extradata[5] & 31 if len(extradata) > 5 else 0):
        size = int.from_bytes(extradata[at : at + 2])
        if size:
            yield extradata[at + 2 : at + 2 + size]
        at += 2 + size


def _sequence(unit: bytes) -> _Sequence | None:
    """Return what is needed of a sequence parameter set; None where all pictures are frames."""
    bits = BitReader(unescaped(unit[1:]))
    profile = bits.read(8)
    bits.read(16)
    _number(bits)
    planes_apart = _skip_high_profile(bits) if profile in _HIGH_PROFILES else False
    frame_bits = _number(bits) + 4
    order = _number(bits)
    if order == 0:
        _number(bits)
    elif order == 1:
        bits.read(1)
        _number(bits)
        _number(bits)
        for _ in range(min(_number(bits), 255)):
            if bits.is_over:
                return None
            _number(bits)
    _number(bits)
    bits.read(1)
    _number(bits)
    _number(bits)
    only_frames = bits.read(1)
    return None if only_frames or frame_bits > 16 else _Sequence(frame_bits, planes_apart)


def _skip_high_profile(bits: BitReader) -> bool:
    """Read what only high profiles have; returns whether the three colours are coded apart."""
    chroma = _number(bits)
    planes_apart = chroma == 3 and bool(bits.read(1))
    _number(bits)
    _number(bits)
    bits.read(1)
    if bits.read(1):
        for index in range(12 if chroma == 3 else 8):
            if bits.read(1) and not bits.is_over:
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return planes_apart


def _skip_scaling_list(bits: BitReader, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            code = _number(bits)
            following = (last + (code + 1) // 2 * (1 if code % 2 else -1)) % 256
        last = following or last


def _field(unit: bytes, sequence: _Sequence) -> _Field | None:
    """Return the field that a slice belongs to; None where it belongs to a frame."""
    bits = BitReader(unescaped(unit[1:]))
    for _ in range(3):
        _number(bits)
    if sequence.planes_apart:
        bits.read(2)
    frame = bits.read(sequence.frame_bits)
    return _Field(frame, bool(bits.read(1))) if bits.read(1) else None


def _number(bits: BitReader) -> int:
    """Read an unsigned number of a variable length (9.1)."""
    zeros = 0
    while zeros < _MOST_ZEROS and not bits.read(1):
        zeros += 1
    return (1 << zeros) - 1 + bits.read(zeros)
