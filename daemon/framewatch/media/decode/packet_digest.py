"""Payload: what goes into a video's decoder, as digests. Where two are the same, the same pictures come out."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

from av.packet import Packet
from av.stream import Stream as AvStream

from framewatch.domain import Record

_DIGEST = 32  # bytes
_HEAD = struct.Struct("<QB")  # a packet's size, and what else decides whether it is decoded and shown
_SAYS_NOTHING = frozenset({"mpegts_stream_id"})  # side data that no decoder reads


class Payload(Record):
    """The packets of one video stream, in the order in which they lie in the file."""

    setup: str  # BLAKE2b, in hex, of the codec's name and of what its decoder is given before the first packet
    digests: tuple[str, ...]  # BLAKE2b, in hex, of each group of packets


class Digester:
    """Makes the payload of a stream while its packets go by."""

    def __init__(self, stream: AvStream, groups: Sequence[int]) -> None:
        """Each of `groups` is a number of packets; those that are left after the last are one group more."""
        context: Any = stream.codec_context
        setup = context.name.encode() + b"\0" + bytes(context.extradata or b"")
        self._setup = hashlib.blake2b(setup, digest_size=_DIGEST).hexdigest()
        self._digests = [hashlib.blake2b(digest_size=_DIGEST) for _ in range(len(groups) + 1)]
        self._left = list(groups)
        self._group = 0

    def take(self, packet: Packet[Any]) -> None:
        """Add a packet: its bytes, its side data, and whether it is to be shown and says when."""
        while self._group < len(self._left) and self._left[self._group] == 0:
            self._group += 1
        if self._group < len(self._left):
            self._left[self._group] -= 1
        digest = self._digests[self._group]
        flags = packet.is_corrupt | packet.is_discard << 1 | (packet.pts is None) << 2
        digest.update(_HEAD.pack(packet.size, flags))
        if packet.size:
            digest.update(packet)
        for data in packet.iter_sidedata():
            if data.data_type not in _SAYS_NOTHING:
                digest.update(_HEAD.pack(data.data_size, 0) + data.data_type.encode() + bytes(data))

    def result(self) -> Payload:
        """What has gone by."""
        return Payload(setup=self._setup, digests=tuple(each.hexdigest() for each in self._digests))
