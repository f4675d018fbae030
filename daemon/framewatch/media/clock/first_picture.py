"""The first picture of a recording that begins in the middle of a video without IDR frames (H.264).

With intra refresh (recovery point SEI), libav marks the frame at which a refresh begins as a key frame, but decoders
return none before the refresh is complete. Only decoding tells when that is.
"""

from __future__ import annotations

from typing import Any

import av
from av.packet import Packet

from framewatch.media import out_of_memory
from framewatch.media.bitstreams.nal_units import nal_length_size, nal_units

_IDR = 5  # a type of NAL units
_MOST_DECODED = 1200  # packets: no encoder takes longer than its longest group of pictures, of 250 frames or 10 s


class FirstPicture:
    """Watches the packets of a video until its first picture is known."""

    def __init__(self, context: Any) -> None:
        """`context`: the codec context of the stream, with which packets are decoded; None: there is no decoder."""
        is_h264 = getattr(context, "name", "") == "h264"
        self._length = nal_length_size("h264", getattr(context, "extradata", None) or b"") if is_h264 else None
        self._left = _MOST_DECODED if is_h264 else 0
        self._decodes = False
        self.time: int | None = None  # its PTS, where it comes later than the first key frame

    def add(self, packet: Packet[Any]) -> None:
        """Look at the next packet of the video."""
        if not self._left or not packet.size:
            return
        if not self._decodes:
            if not packet.is_keyframe:
                return
            if self._has_idr(memoryview(packet)):
                self._left = 0
                return
            self._decodes = True
        self._left -= 1
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            out_of_memory.raise_if_short(error)
            return
        if frames:
            self.time, self._left = frames[0].pts, 0

    def _has_idr(self, packet: memoryview) -> bool:
        return any(packet[begin] & 0x1F == _IDR for begin, _ in nal_units(packet, self._length))
