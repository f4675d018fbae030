"""Raw frames through a pipe with the time of each: a Matroska stream of uncompressed video (RFC 9559). Pure.

Time stamps are whole microseconds. Every block carries its own length, so that the last frame has one, too.
"""

from __future__ import annotations

from framewatch.domain import Segment, Timeline
from framewatch.media.colour import WorkingFormat
from framewatch.media.plan.plane_format import PlaneFormat

_TICK_NS = 1000
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
# ffmpeg's four letters: of packed RGB the last is the number of bits a pixel, of deep planes that of a value.
_FOURCC: dict[WorkingFormat | PlaneFormat, bytes] = {
    "rgb24": b"RGB\x18",
    "rgb48le": b"RGB\x30",
    "yuv420p": b"I420",
    "yuv420p10le": b"Y3\x0b\x0a",
}


class TimedPipe:
    """Gives what goes into the pipe before each frame of a segment."""

    def __init__(
        self,
        timeline: Timeline,
        segment: Segment,
        pixel_format: WorkingFormat | PlaneFormat,
        width: int,
        height: int,
    ) -> None:
        """Frames of `segment` are `width` x `height` pixels."""
        first = segment.first_frame
        ticks = (*timeline.times, timeline.end)[first : first + segment.frames + 1]
        step = timeline.time_base * 1_000_000
        self._times = [round((tick - ticks[0]) * step) for tick in ticks]
        self._fourcc = _FOURCC[pixel_format]
        self._size = width, height
        self._frame_ns = round(1_000_000_000 / timeline.rate)
        self._written = 0

    def head(self, size: int) -> bytes:
        """The bytes before the next frame, which has `size` bytes.

        Raises:
            IndexError: the segment has no further frame.
        """
        begin, end = self._times[self._written], self._times[self._written + 1]
        self._written += 1
        opening = self._opening(*self._size) if self._written == 1 else b""
        return opening + _block_head(begin, end - begin, size)

    def _opening(self, width: int, height: int) -> bytes:
        video = _element("B0", _number(width)) + _element("BA", _number(height)) + _element("2EB524", self._fourcc)
        track = (
            _element("D7", _number(1)) + _element("73C5", _number(1)) + _element("83", _number(1))
            + _element("23E383", _number(self._frame_ns)) + _element("86", b"V_UNCOMPRESSED") + _element("E0", video)
        )  # fmt: skip
        head = _element("1A45DFA3", _element("4282", b"matroska") + _element("4287", _number(4)))
        info = _element("1549A966", _element("2AD7B1", _number(_TICK_NS)))
        return head + bytes.fromhex("18538067") + _UNKNOWN_SIZE + info + _element("1654AE6B", _element("AE", track))


def _block_head(time: int, duration: int, size: int) -> bytes:
    """A cluster that holds one frame; the frame's own bytes come after it, and are counted in."""
    lasting = _element("9B", _number(duration))
    inside = bytes([0x81, 0, 0, 0])  # track 1, at the cluster's time, no flags
    block = bytes.fromhex("A1") + _size(len(inside) + size) + inside
    # The length stands before the block: the frame ends group and cluster.
    group = bytes.fromhex("A0") + _size(len(lasting) + len(block) + size) + lasting + block
    stamp = _element("E7", _number(time))
    return bytes.fromhex("1F43B675") + _size(len(stamp) + len(group) + size) + stamp + group


def _element(name: str, content: bytes) -> bytes:
    return bytes.fromhex(name) + _size(len(content)) + content


def _size(count: int) -> bytes:
    """A length in eight bytes, whatever it is."""
    return (count | 1 << 56).to_bytes(8)


def _number(value: int) -> bytes:
    return value.to_bytes(8)
