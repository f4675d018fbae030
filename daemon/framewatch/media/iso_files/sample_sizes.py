"""Rewrites an MP4 or MOV with larger samples of one track: the rest of the file stays, byte for byte.

For files of our own encoders, which have one `moov` behind one `mdat`. Muxing them again would touch edit lists,
clocks and sample descriptions, in other ways with each version of libav.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import accumulate
from typing import BinaryIO, NamedTuple

from framewatch.media.iso_files.boxes import Box, UnexpectedFileError, whole_boxes

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_HEADER = struct.Struct(">I4s")
_LARGE = struct.Struct(">I4sQ")
_U32 = 1 << 32
_BLOCK = 1 << 20


class Sample(NamedTuple):
    """A sample that grows."""

    offset: int  # in the file as it is
    size: int


def rewrite(
    source: BinaryIO, target: BinaryIO, samples: Sequence[Sample], grown: Callable[[int, bytes], bytes]
) -> None:
    """Copy a file, with other samples.

    Args:
        source: the file.
        target: gets the new one.
        samples: all of one track, in the order of the file.
        grown: takes the number of a sample and its bytes; returns its new bytes.

    Raises:
        UnexpectedFileError: the file has another layout, or not these samples.
    """
    boxes = list(whole_boxes(source, 0, source.seek(0, 2)))
    data = _only(boxes, b"mdat")
    index = _only(boxes, b"moov")
    if index.begin < data.end or any(each.offset < data.content for each in samples):
        raise UnexpectedFileError("its index is not behind its samples")
    sizes: list[int] = []
    for box in boxes:
        if box is data:
            sizes = _copy_samples(source, target, data, samples, grown)
        elif box is index:
            source.seek(box.begin)
            grown_by = [new - old.size for new, old in zip(sizes, samples, strict=True)]
            moved = _Moved([each.offset for each in samples], [0, *accumulate(grown_by)])
            target.write(_new_index(source.read(box.end - box.begin), sizes, moved))
        else:
            _copy(source, target, box.begin, box.end)


class _Moved:
    """Tells where chunks are in the new file."""

    def __init__(self, offsets: Sequence[int], growth: Sequence[int]) -> None:
        """`growth`: of all samples before the first, of all before the second, and so on."""
        self._offsets = offsets
        self._growth = growth

    def __call__(self, offset: int) -> int:
        return offset + self._growth[bisect_left(self._offsets, offset)]

    def is_sample(self, offset: int) -> bool:
        """Return whether one of the samples that grow is here."""
        at = bisect_left(self._offsets, offset)
        return at < len(self._offsets) and self._offsets[at] == offset


def _only(boxes: Sequence[Box], kind: bytes) -> Box:
    found = [box for box in boxes if box.kind == kind]
    if len(found) != 1:
        raise UnexpectedFileError(f"it has {len(found)} boxes {kind.decode()}")
    return found[0]


def _copy_samples(
    source: BinaryIO,
    target: BinaryIO,
    data: Box,
    samples: Sequence[Sample],
    grown: Callable[[int, bytes], bytes],
) -> list[int]:
    """Write `mdat` and return the new sizes; its own size is written at last."""
    header = target.tell()
    _copy(source, target, data.begin, data.content)
    sizes, at = [], data.content
    for number, sample in enumerate(samples):
        if sample.offset < at or sample.offset + sample.size > data.end:
            raise UnexpectedFileError("its samples are not in order")
        _copy(source, target, at, sample.offset)
        source.seek(sample.offset)
        made = grown(number, source.read(sample.size))
        target.write(made)
        sizes.append(len(made))
        at = sample.offset + sample.size
    _copy(source, target, at, data.end)
    end = target.tell()
    _write_size(target, header, data, end - header)
    target.seek(end)
    return sizes


def _write_size(target: BinaryIO, header: int, data: Box, size: int) -> None:
    """Write the size of `mdat`. For a large one, muxers leave an empty box of 8 bytes before it."""
    if data.content - data.begin == _LARGE.size:
        target.seek(header)
        target.write(_LARGE.pack(1, b"mdat", size))
    elif size < _U32:
        target.seek(header)
        target.write(_HEADER.pack(size, b"mdat"))
    else:
        target.seek(header - _HEADER.size)
        if target.read(_HEADER.size) != _HEADER.pack(_HEADER.size, b"free"):
            raise UnexpectedFileError("it has no room for a large size")
        target.seek(header - _HEADER.size)
        target.write(_LARGE.pack(1, b"mdat", size + _HEADER.size))


def _copy(source: BinaryIO, target: BinaryIO, begin: int, end: int) -> None:
    source.seek(begin)
    while begin < end:
        block = source.read(min(_BLOCK, end - begin))
        if not block:
            raise UnexpectedFileError("it ends too early")
        target.write(block)
        begin += len(block)


def _new_index(box: bytes, sizes: Sequence[int], moved: _Moved) -> bytes:
    """Return a box of the index with new sizes and offsets, which may need a longer table."""
    _, kind = _HEADER.unpack_from(box)
    payload = box[_HEADER.size :]
    if kind in _CONTAINERS:
        parts = [*_parts(payload)]
        if kind == b"stbl" and not any(moved.is_sample(each) for part in parts for each in _chunks(part)):
            sizes = ()  # another track, such as that of a timecode
        payload = b"".join(_new_index(each, sizes, moved) for each in parts)
    elif kind == b"stsz" and sizes:
        payload = payload[:4] + struct.pack(">2I", 0, len(sizes)) + struct.pack(f">{len(sizes)}I", *sizes)
    elif kind in (b"stco", b"co64"):
        new = [moved(each) for each in _chunks(box)]
        kind = b"co64" if kind == b"co64" or max(new, default=0) >= _U32 else b"stco"
        payload = payload[:8] + struct.pack(f">{len(new)}{'I' if kind == b'stco' else 'Q'}", *new)
    return _HEADER.pack(_HEADER.size + len(payload), kind) + payload


def _chunks(box: bytes) -> tuple[int, ...]:
    """Return the offsets that a box holds; none where it is not of that kind."""
    _, kind = _HEADER.unpack_from(box)
    if kind not in (b"stco", b"co64"):
        return ()
    (count,) = struct.unpack_from(">I", box, 12)
    try:
        return struct.unpack_from(f">{count}{'I' if kind == b'stco' else 'Q'}", box, 16)
    except struct.error:
        raise UnexpectedFileError("a table of its index is not whole") from None


def _parts(data: bytes) -> Iterator[bytes]:
    return (data[box.begin : box.end] for box in whole_boxes(BytesIO(data), 0, len(data)))
