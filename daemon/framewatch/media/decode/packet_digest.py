"""Digests of what a video's decoder is fed. Equal digests mean that the same frames come out.

They decide whether a joined file holds exactly what its segments held, so that no list of containers has to: MPEG-TS,
which stores H.264 and HEVC in another form, and ProRes in Matroska come out different and are decoded as a whole.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

from av.packet import Packet
from av.stream import Stream as AvStream

from framewatch.domain import Record

_DIGEST_BYTES = 32
_PACKET_HEAD = struct.Struct("<QB")  # a packet's size, and flags that decide whether it is decoded and shown
_IRRELEVANT_SIDE_DATA = frozenset({"mpegts_stream_id"})  # no decoder reads it


class Payload(Record):
    """The packets of one video stream, in file order."""

    setup: str  # BLAKE2b, in hex, of the codec's name and its extradata
    digests: tuple[str, ...]  # BLAKE2b, in hex, of each group of packets


class PayloadDigester:
    """Computes the payload of a stream from its packets as they are read."""

    def __init__(self, stream: AvStream, groups: Sequence[int]) -> None:
        """Digest packets in groups of these sizes; those after the last group form one more."""
        context: Any = stream.codec_context
        setup = context.name.encode() + b"\0" + bytes(context.extradata or b"")
        self._setup = hashlib.blake2b(setup, digest_size=_DIGEST_BYTES).hexdigest()
        self._digests = [hashlib.blake2b(digest_size=_DIGEST_BYTES) for _ in range(len(groups) + 1)]
        self._remaining = list(groups)
        self._group = 0

    def add(self, packet: Packet[Any]) -> None:
        """Add a packet: its bytes, its side data, whether it is to be shown, and whether it has a PTS."""
        while self._group < len(self._remaining) and self._remaining[self._group] == 0:
            self._group += 1
        if self._group < len(self._remaining):
            self._remaining[self._group] -= 1
        digest = self._digests[self._group]
        flags = packet.is_corrupt | packet.is_discard << 1 | (packet.pts is None) << 2
        digest.update(_PACKET_HEAD.pack(packet.size, flags))
        if packet.size:
            digest.update(packet)
        for data in packet.iter_sidedata():
            if data.data_type not in _IRRELEVANT_SIDE_DATA:
                digest.update(_PACKET_HEAD.pack(data.data_size, 0) + data.data_type.encode() + bytes(data))

    def payload(self) -> Payload:
        """Return the payload of the packets so far."""
        return Payload(setup=self._setup, digests=tuple(each.hexdigest() for each in self._digests))
