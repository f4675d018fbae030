"""Frames of a variable rate in a pipe: a Matroska stream of uncompressed video (RFC 9559). Pure.

Raw frames carry no time stamps. In Matroska each has its own, so that the encoder, and the filter that burns in
subtitles, know it. Time stamps are whole microseconds, and every block states its duration, so the last frame has
one, too.
"""

from __future__ import annotations

from framewatch.domain import Segment, Timeline
from framewatch.media.colour import WorkingFormat
from framewatch.media.plan.plane_format import PlaneFormat

_TICK_NS = 1000
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
# ffmpeg's FourCCs. The last byte is the number of bits: of a pixel of packed RGB, of a sample of deep planes.
_FOURCC: dict[WorkingFormat | PlaneFormat, bytes] = {
    "rgb24": b"RGB\x18",
    "rgb48le": b"RGB\x30",
    "yuv420p": b"I420",
    "yuv420p10le": b"Y3\x0b\x0a",
}


class MatroskaFraming:
    """Makes the header that goes into the pipe before each frame of a segment."""

    def __init__(
        self,
        timeline: Timeline,
        segment: Segment,
        pixel_format: WorkingFormat | PlaneFormat,
        width: int,
        height: int,
    ) -> None:
        """The segment's frames have `width` x `height` pixels."""
        first = segment.first_frame
        ticks = (*timeline.times, timeline.end)[first : first + segment.frames + 1]
        step = timeline.time_base * 1_000_000
        self._times = [round((tick - ticks[0]) * step) for tick in ticks]
        self._fourcc = _FOURCC[pixel_format]
        self._size = width, height
        self._frame_ns = round(1_000_000_000 / timeline.rate)
        self._written = 0

    def header(self, size: int) -> bytes:
        """Return the bytes before the next frame, which has `size` bytes.

        Raises:
            IndexError: the segment has no further frame.
        """
        begin, end = self._times[self._written], self._times[self._written + 1]
        self._written += 1
        stream_header = self._stream_header(*self._size) if self._written == 1 else b""
        return stream_header + _cluster_header(begin, end - begin, size)

    def _stream_header(self, width: int, height: int) -> bytes:
        ebml = _element("1A45DFA3", _element("4282", b"matroska") + _element("4287", _number(4)))  # DocType, version
        info = _element("1549A966", _element("2AD7B1", _number(_TICK_NS)))  # TimestampScale
        # PixelWidth, PixelHeight, UncompressedFourCC
        video = _element("B0", _number(width)) + _element("BA", _number(height)) + _element("2EB524", self._fourcc)
        track = b"".join(
            (
                _element("D7", _number(1)),  # TrackNumber
                _element("73C5", _number(1)),  # TrackUID
                _element("83", _number(1)),  # TrackType: video
                _element("23E383", _number(self._frame_ns)),  # DefaultDuration
                _element("86", b"V_UNCOMPRESSED"),  # CodecID
                _element("E0", video),
            )
        )
        segment = bytes.fromhex("18538067") + _UNKNOWN_SIZE
        return ebml + segment + info + _element("1654AE6B", _element("AE", track))


def _cluster_header(time: int, duration: int, size: int) -> bytes:
    """Return the header of a cluster with one frame. Its sizes include the frame, whose bytes follow it."""
    block_duration = _element("9B", _number(duration))
    block_head = bytes([0x81, 0, 0, 0])  # track 1, at the cluster's time, no flags
    block = bytes.fromhex("A1") + _size(len(block_head) + size) + block_head
    # The duration comes before the block, because the frame has to end the group and the cluster.
    group = bytes.fromhex("A0") + _size(len(block_duration) + len(block) + size) + block_duration + block
    timestamp = _element("E7", _number(time))
    return bytes.fromhex("1F43B675") + _size(len(timestamp) + len(group) + size) + timestamp + group


def _element(identifier: str, content: bytes) -> bytes:
    return bytes.fromhex(identifier) + _size(len(content)) + content


def _size(count: int) -> bytes:
    """Return a size as eight bytes, whatever it is."""
    return (count | 1 << 56).to_bytes(8)


def _number(value: int) -> bytes:
    return value.to_bytes(8)
