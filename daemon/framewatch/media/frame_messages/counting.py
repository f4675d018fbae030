"""Counts which kinds of messages a video attaches to its frames, packet by packet."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from av.packet import Packet

from framewatch.domain import FrameMessageKind, FrameMessages
from framewatch.media.frame_messages.bitstreams import reader
from framewatch.media.frame_messages.kinds import windows

# Side data that containers attach to packets, beside what is in the bitstream.
_SIDE_DATA: tuple[tuple[FrameMessageKind, Any], ...] = (
    ("hdr10plus", "dynamic_hdr10_plus"),  # VP9 in Matroska
    ("captions_a53", "a53_cc"),
    ("afd", "afd"),
    ("frame_timecode", "s12m_timecode"),
    ("lcevc", "lcevc"),
)


class MessageCounter:
    """Counts the messages of one video stream."""

    def __init__(self, codec_context: Any) -> None:
        """`codec_context`: of the stream; None if there is no decoder."""
        name = codec_context.codec.canonical_name if codec_context else ""
        self._read = reader(name, bytes(codec_context.extradata or b"")) if codec_context else None
        self._frames: dict[FrameMessageKind, int] = {}
        self._first: dict[FrameMessageKind, int] = {}
        self._local: set[FrameMessageKind] = set()

    def add(self, packet: Packet[Any]) -> None:
        """Count what a packet has, unless its frame is not shown."""
        time = packet.dts if packet.pts is None else packet.pts
        if packet.is_discard or time is None:
            return
        messages = self._read(memoryview(packet)) if self._read and packet.size else []
        kinds = {message.kind for message in messages}
        kinds.update(kind for kind, name in _SIDE_DATA if packet.has_sidedata(name))
        for kind in kinds:
            self._frames[kind] = self._frames.get(kind, 0) + 1
            self._first[kind] = min(self._first.get(kind, time), time)
        if any(message.kind == "hdr10plus" and windows(message.data) > 1 for message in messages):
            self._local.add("hdr10plus")

    def result(self, time_base: Fraction) -> tuple[FrameMessages, ...]:
        """Return what was counted, by kind."""
        return tuple(
            FrameMessages(
                kind=kind, frames=frames, first=float(self._first[kind] * time_base), local=kind in self._local
            )
            for kind, frames in sorted(self._frames.items())
        )
