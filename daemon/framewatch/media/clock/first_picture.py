"""The first picture of a video, where that is not its first key frame. Only decoding tells.

H.264 without IDR frames: with intra refresh (recovery point SEI), libav marks the frame at which a refresh begins as
a key frame, but decoders return none before the refresh is complete.

Other codecs: pictures that follow the first key frame may be shown before it (leading pictures). Decoders return
those that need nothing from before the key frame, as in VVC, HEVC (RADL), and closed groups of MPEG-2.
"""

from __future__ import annotations

from typing import Any

import av
from av.packet import Packet

from framewatch.media import out_of_memory
from framewatch.media.bitstreams.nal_units import nal_length_size, nal_units

_IDR = 5  # a type of NAL units
_MOST_HELD = 4  # packets: a key frame has two fields at most
_MOST_DECODED = 1200  # packets: no encoder takes longer than its longest group of pictures, of 250 frames or 10 s


class FirstPicture:
    """Watches the packets of a video until its first picture is known."""

    def __init__(self, context: Any) -> None:
        """`context`: the codec context of the stream, with which packets are decoded; None: there is no decoder."""
        self._is_h264 = getattr(context, "name", "") == "h264"
        self._length = nal_length_size("h264", getattr(context, "extradata", None) or b"") if self._is_h264 else None
        self._left = _MOST_DECODED if context is not None else 0
        self._decodes = False
        self._context = context
        self._held: list[Packet[Any]] = []  # from the first key frame on, while it is not known what leads it
        self._time: int | None = None  # the PTS of what is decoded first

    def add(self, packet: Packet[Any]) -> None:
        """Look at the next packet of the video."""
        if not self._left or not packet.size:
            return
        if not self._decodes:
            self._decodes = self._begins_refresh(packet) if self._is_h264 else self._leads(packet)
            if not self._decodes:
                return
        for each in (*self._held, packet):
            self._decode(each)
        self._held = []

    def first_shown(self, key: int) -> int:
        """Return when the first picture is shown, if this is the PTS of the first key frame."""
        if self._decodes and self._time is None and not self._is_h264:
            self._decode(None)
        if self._time is None:
            return key
        return max(key, self._time) if self._is_h264 else min(key, self._time)

    def _begins_refresh(self, packet: Packet[Any]) -> bool:
        if not packet.is_keyframe:
            return False
        if self._has_idr(memoryview(packet)):
            self._left = 0
            return False
        return True

    def _leads(self, packet: Packet[Any]) -> bool:
        """Return whether a packet is shown before the first key frame, which it follows."""
        if not self._held:
            if packet.is_keyframe:
                self._held = [packet]
            return False
        key = self._held[0].pts
        if key is None or packet.pts is None or packet.pts > key or len(self._held) >= _MOST_HELD:
            self._held, self._left = [], 0
            return False
        if packet.pts == key:  # the second field of it
            self._held.append(packet)
            return False
        return True

    def _decode(self, packet: Packet[Any] | None) -> None:
        if not self._left:
            return
        self._left -= 1
        try:
            frames = self._context.decode(packet)
        except av.FFmpegError as error:
            out_of_memory.raise_if_short(error)
            return
        if frames:
            self._time, self._left = frames[0].pts, 0

    def _has_idr(self, packet: memoryview) -> bool:
        return any(packet[begin] & 0x1F == _IDR for begin, _ in nal_units(packet, self._length))
