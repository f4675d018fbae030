"""Counts which kinds of messages a video attaches to its frames, packet by packet."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from av.packet import Packet

from framewatch.domain import DolbyVision, FrameMessageKind, FrameMessages
from framewatch.media.frame_messages.bitstreams import reader, stated_messages
from framewatch.media.frame_messages.dolby_vision import is_profile_5
from framewatch.media.frame_messages.kinds import windows
from framewatch.media.frame_messages.side_data import side_data_messages

# Side data that containers attach to packets, beside what is in the bitstream.
_SIDE_DATA: tuple[tuple[FrameMessageKind, Any], ...] = (
    ("hdr10plus", "dynamic_hdr10_plus"),  # VP9 in Matroska
    ("captions_a53", "a53_cc"),
    ("afd", "afd"),
    ("frame_timecode", "s12m_timecode"),
    ("lcevc", "lcevc"),
)
_OF_ALL_FRAMES: set[FrameMessageKind] = {"alpha_layer"}  # where it stands beside the packets
_PROFILE_5 = DolbyVision(profile=5, compatibility=0)
_CODED_OTHERWISE = "it is coded in a way that only a decoder reads"
_UNTIMED = "the file does not say to which frames it belongs"


class MessageCounter:
    """Counts the messages of one video stream."""

    def __init__(self, codec_context: Any) -> None:
        """`codec_context`: of the stream; None if there is no decoder."""
        name = codec_context.codec.canonical_name if codec_context else ""
        extradata = bytes(codec_context.extradata or b"") if codec_context else b""
        self._read = reader(name, extradata) if codec_context else None
        self._stated = {each.kind for each in stated_messages(name, extradata)} & _OF_ALL_FRAMES
        self._reordered = bool(getattr(codec_context, "has_b_frames", False))
        self._frames: dict[FrameMessageKind, int] = {}
        self._first: dict[FrameMessageKind, int] = {}
        self._local: set[FrameMessageKind] = set()
        self._flaws: dict[FrameMessageKind, str] = {}
        self._is_profile_5 = False

    def add(self, packet: Packet[Any], time: int | None) -> None:
        """Count what a packet has, unless its frame is not shown; `time`: when it is, in ticks."""
        if packet.is_discard or time is None:
            return
        messages = self._read(memoryview(packet)) if self._read and packet.size else []
        messages += side_data_messages(packet)
        kinds = {message.kind for message in messages} | self._stated
        other = {kind for kind, name in _SIDE_DATA if packet.has_sidedata(name)} - kinds
        self._flaws.update(dict.fromkeys(other, _CODED_OTHERWISE))
        if packet.pts is None and self._reordered:
            self._flaws.update(dict.fromkeys(kinds, _UNTIMED))
        for kind in kinds | other:
            self._frames[kind] = self._frames.get(kind, 0) + 1
            self._first[kind] = min(self._first.get(kind, time), time)
        self._is_profile_5 |= any(each.kind == "dolby_vision" and is_profile_5(each.data) for each in messages)
        if any(message.kind == "hdr10plus" and windows(message.data) > 1 for message in messages):
            self._local.add("hdr10plus")

    def result(self, time_base: Fraction) -> tuple[FrameMessages, ...]:
        """Return what was counted, by kind."""
        return tuple(
            FrameMessages(
                kind=kind,
                frames=frames,
                first=float(self._first[kind] * time_base),
                local=kind in self._local,
                flaw=self._flaws.get(kind),
                vision=_PROFILE_5 if kind == "dolby_vision" and self._is_profile_5 else None,
            )
            for kind, frames in sorted(self._frames.items())
        )
