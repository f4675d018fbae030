"""Packets that a demuxer marks as damaged, apart from those that only end a part of a joined recording.

Where the numbers of a transport stream's packets jump, libav marks the frame before, whether or not something of it
is missing. Where recordings were joined, it is followed by a key frame that is shown at once, and is whole. Pure.
"""

from __future__ import annotations

from typing import Any

from av.packet import Packet

_MOST_BETWEEN = 2  # packets between the mark and the key frame: libav splits the last frame, and its fields


class CutOffPackets:
    """Watches the packets of a video."""

    def __init__(self) -> None:
        """Nothing is marked yet."""
        self._marked: list[int | None] = []  # DTS of packets of which it is not known yet
        self._since = 0
        self._end: int | None = None  # ticks: when what was read so far has been shown

    def add(self, packet: Packet[Any], *, excused: bool = False) -> list[int | None]:
        """Look at the next packet, or the empty one at the end; returns the DTS of the marked ones that are damaged.

        With `excused`, a mark of this packet says nothing.
        """
        found: list[int | None] = []
        if self._marked:
            self._since += 1
            if self._is_join(packet):
                self._marked = []
            elif self._since > _MOST_BETWEEN or packet.is_keyframe or not packet.size:
                found, self._marked = self._marked, []
        if packet.is_corrupt and not excused:
            self._since = self._since if self._marked else 0
            self._marked.append(packet.dts)
        if packet.pts is not None and (length := packet.duration or 0):
            self._end = max(self._end or packet.pts, packet.pts + length)
        return found

    def _is_join(self, packet: Packet[Any]) -> bool:
        if not packet.is_keyframe or not packet.size or packet.pts is None or self._end is None:
            return False
        return packet.pts - self._end <= (packet.duration or 0) / 2
