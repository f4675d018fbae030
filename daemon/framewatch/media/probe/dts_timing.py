"""Frame times of AVI, raw streams and some MXF, which store no PTS.

The n-th frame in display order gets the n-th DTS.
"""

from __future__ import annotations

import heapq
import re
from typing import Any, cast

from av.container import InputContainer
from av.container.core import Flags
from av.packet import Packet

from framewatch.media.probe.structure.content import UNTIMED
from framewatch.media.probe.structure.field_pairs import FieldPairs

TAKES_DTS_FOR_PTS = "mxf"
"""A demuxer that gives DTS as PTS where a file states none, though its frames may be shown in another order."""

_PACKED_MARKER = re.compile(rb"DivX\d+(?:b|Build)\d+p")  # by which libavcodec recognises packed bitstreams, too
_VOP_START_CODE = b"\0\0\1\xb6"  # begins a frame of MPEG-4
_NOT_CODED_BYTES = 8  # at most, of a frame that only says "not coded"; skipped blocks make a longer one
_HEADER_BYTES = 1024  # of a key frame: where an encoder writes its name


def set_up_timestamps(container: InputContainer) -> bool:
    """Return whether frames have to be timed by their DTS, and stop libav from making up PTS there.

    What libav makes up for AVI is wrong for H.264 with B-frames.
    """
    by_dts = container.format.name == "avi" or container.format.name in UNTIMED
    if by_dts:
        container.flags &= ~cast(int, Flags.gen_pts.value)
    return by_dts


def dts_queue(container: InputContainer, context: Any, *, seekable: bool) -> DtsQueue | None:
    """Return what times the frames of a video by its DTS; None where frames have times of their own.

    Args:
        container: as it was opened, before anything is read.
        context: the codec context that decodes.
        seekable: whether the scan found that packets tell when their frames are shown (`ScanResult.seekable`).
    """
    by_dts = set_up_timestamps(container) or (container.format.name == TAKES_DTS_FOR_PTS and not seekable)
    return DtsQueue(context) if by_dts else None


class RepeatDetector:
    """Tells which packets show nothing new, so that a decoder returns no frame for them."""

    def __init__(self, context: Any) -> None:
        """`context` is the stream's codec context; None if there is no decoder."""
        self._mpeg4 = getattr(context, "name", "") == "mpeg4"
        self._seen_key_frame = False
        self._fields = FieldPairs(context)
        self.packed = self._mpeg4 and bool(_PACKED_MARKER.search(getattr(context, "extradata", None) or b""))

    def repeats(self, packet: Packet[Any]) -> bool:
        """Return whether the stream's next packet is empty or an MPEG-4 frame that is not coded.

        In a packed bitstream two frames lie in one packet, and the decoder returns the second one for the packet that
        is not coded.
        """
        if self._mpeg4 and packet.is_keyframe and not self._seen_key_frame:
            # Only the first one: a program that unpacks may leave the marker in later key frames.
            self._seen_key_frame = True
            self.packed = self.packed or bool(_PACKED_MARKER.search(bytes(packet)[:_HEADER_BYTES]))
        small = self._mpeg4 and not self.packed and packet.size <= _NOT_CODED_BYTES
        return not packet.size or (small and bytes(packet)[:4] == _VOP_START_CODE)

    def is_second_field(self, packet: Packet[Any]) -> bool:
        """Return whether the stream's next packet only completes the frame that the one before began."""
        return self._fields.is_second(packet)


class DtsQueue:
    """Hands the DTS of packets to decoded frames, in ascending order."""

    def __init__(self, context: Any) -> None:
        """`context` is the codec context that decodes."""
        self._waiting: list[int] = []
        self._repeats = RepeatDetector(context)

    def push(self, packet: Packet[Any]) -> None:
        """Note a packet that goes to the decoder."""
        second = self._repeats.is_second_field(packet)
        if packet.dts is not None and not self._repeats.repeats(packet) and not second:
            heapq.heappush(self._waiting, packet.dts)

    def pop(self) -> int | None:
        """Return the time stamp of the next frame that comes out; None if there is none left."""
        return heapq.heappop(self._waiting) if self._waiting else None
