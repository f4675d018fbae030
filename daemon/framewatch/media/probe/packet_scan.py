"""Scan: when each frame of a video is shown, told by its packets, without decoding any.

One pass over the file. It makes the timeline exact before hours of work begin, and finds files that are
cut off.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer
from av.container.core import Flags
from av.packet import Packet

from framewatch.errors import MediaError
from framewatch.media import out_of_memory
from framewatch.media.heartbeat import Beat, unheard
from framewatch.media.probe.probe import COPY_AGAIN
from framewatch.media.probe.safe_open import fraction, lasting, open_media

_BACKWARD_SECONDS = Fraction(1, 10)  # a decoding time that goes back by more than this is a jump of the clock
_MISSING_SECONDS = 2  # of the stated duration; not all programs count the last packets' own length
_MISSING_SHARE = 0.1  # of the duration, for short files
_PACKED = re.compile(rb"DivX\d+(?:b|Build)\d+p")  # what libavcodec knows packets of two frames by
_VOP = b"\0\0\1\xb6"  # begins a picture of MPEG-4
_NOT_CODED_BYTES = 8  # of one that says no more than that; with no more than skipped blocks it is longer
_HEAD_BYTES = 1024  # of a key frame, in which an encoder names itself
_STATES_DURATION = ("matroska", "asf", "flv")  # containers whose head says how long the file is
_COUNT_FROM_THE_FIRST = "flv"  # whose stated duration is that of what is in it, wherever its clock begins

Spans = Mapping[int, tuple[Fraction, Fraction]]
"""Stream index to the seconds at which its first packet is shown and its last one ends."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """When a video's frames are shown."""

    time_base: Fraction  # seconds per tick
    pts: tuple[int, ...]  # of the frames that are shown, ascending, in ticks
    last_duration: int  # of the last frame, in ticks; 0 where it is not known
    keyframes: tuple[int, ...]  # PTS of the frames at which decoding can begin, ascending
    corrupt: int = 0  # packets that the container marks as damaged
    lengths: Mapping[int, float] = field(default_factory=dict)  # seconds that each stream's packets last, by index
    spans: Spans = field(default_factory=dict)  # when each stream's packets begin and end, in seconds
    seekable: bool = True  # packets tell when their frames are shown, wherever reading begins
    reordered: bool = False  # of an AVI: its packets lie in another order than frames are shown
    repeats: frozenset[int] = frozenset()  # PTS of packets that show nothing new: the frame before stays
    packed: bool = False  # MPEG-4: two frames may lie in one packet


def scan(path: Path, index: int, beat: Beat = unheard) -> ScanResult:
    """Read all packets of the stream with this absolute index; `beat` is called as reading gets on.

    What edit lists leave out is left out, and so is what comes before the first key frame, as in a
    recording that begins in the middle of a GOP: no decoder shows it.

    Raises:
        MediaError: `media.no_frames`, `media.truncated`, `media.corrupt`, or `media.timestamps` where the
        clock
            jumps back.
        StorageError: the file is gone or cannot be read now.
    """
    with open_media(path, beat=beat) as container:
        stream = container.streams[index]
        by_dts = prepare_clock(container)
        packets = _Packets(fraction(stream.time_base) or Fraction(1, 1000), by_dts, _Packing(stream.codec_context))
        packets.held_back = bool(getattr(stream.codec_context, "has_b_frames", False))
        spans = _read(path, container, index, packets)
        _check_complete(path, container, packets, stream.frames, spans)
        return packets.result(path, spans)


def stream_spans(path: Path, beat: Beat = unheard) -> Spans:
    """When the packets of each stream begin and end: for files whose picture does not matter.

    Raises:
        MediaError: `media.truncated` or `media.corrupt`.
        StorageError: the file is gone or cannot be read now.
    """
    with open_media(path, beat=beat) as container:
        spans: dict[int, tuple[int, int]] = {}
        try:
            for packet in container.demux():
                _note(spans, packet)
        except av.FFmpegError as error:
            out_of_memory.blame(error)
            message = f"{path.name} is damaged: it cannot be read to its end ({error.strerror})"
            raise MediaError(message, code="media.corrupt", hint=COPY_AGAIN) from error
        seconds = _in_seconds(container, spans)
        _check_length(path, container, seconds)
    return seconds


def prepare_clock(container: InputContainer) -> bool:
    """Whether frames have to be timed by their DTS, because the container has nothing else.

    AVI stores no PTS. What libav makes up for them is wrong for H.264 with B-frames, so it is told not to;
    the n-th picture shown then gets the n-th DTS.
    """
    by_dts = container.format.name == "avi"
    if by_dts:
        container.flags &= ~cast(int, Flags.gen_pts.value)
    return by_dts


class _Packing:
    """Tells which packets show nothing new, so that no decoder gives a picture for them."""

    def __init__(self, context: Any) -> None:
        """`context`: the stream's, that decodes; None where there is none."""
        self._mpeg4 = getattr(context, "name", "") == "mpeg4"
        self.packed = self._mpeg4 and bool(_PACKED.search(getattr(context, "extradata", None) or b""))
        self._begun = False

    def repeats(self, packet: Packet[Any]) -> bool:
        """Whether this packet, the stream's next, is empty or an MPEG-4 picture that is not coded.

        Where two frames lie in one packet, the decoder gives the second one for the picture that is not coded.
        """
        if self._mpeg4 and packet.is_keyframe and not self._begun:
            self._begun = True  # whoever unpacks may leave the names in later packets as they were
            self.packed = self.packed or bool(_PACKED.search(bytes(packet)[:_HEAD_BYTES]))
        small = self._mpeg4 and not self.packed and packet.size <= _NOT_CODED_BYTES
        return not packet.size or (small and bytes(packet)[:4] == _VOP)


class Reorder:
    """Gives decoded pictures the DTS of their packets in ascending order."""

    def __init__(self, context: Any) -> None:
        """`context`: the stream's, that decodes."""
        self._waiting: list[int] = []
        self._packing = _Packing(context)

    def sent(self, packet: Packet[Any]) -> None:
        """Note a packet that goes to the decoder."""
        if packet.dts is not None and not self._packing.repeats(packet):
            heapq.heappush(self._waiting, packet.dts)

    def next(self) -> int | None:
        """The time stamp of the next picture that comes out; None where there is none left."""
        return heapq.heappop(self._waiting) if self._waiting else None


@dataclass
class _Packets:
    """Collects what the packets say."""

    time_base: Fraction
    by_dts: bool
    packing: _Packing
    pts: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    seen: int = 0
    untimed: int = 0
    corrupt: int = 0
    held_back: bool = False  # decoders give frames in another order than packets
    repeats: set[int] = field(default_factory=set)
    last: tuple[int, int] = (-(1 << 63), 0)  # PTS and duration of the frame shown last
    decoded_at: int | None = None  # DTS of the packet before

    def add(self, packet: Packet[Any]) -> None:
        repeats = self.packing.repeats(packet)
        self.seen += 1
        self.corrupt += packet.is_corrupt
        self.untimed += packet.pts is None
        time = packet.dts if self.by_dts or packet.pts is None else packet.pts
        if time is None:  # broken streams: one tick later than the last keeps the count right
            time = self.last[0] + (self.last[1] or 1) if self.pts else 0
        if packet.is_keyframe:
            if self.keys:
                self._check_clock(self.keys[-1], time, packet)
            self.keys.append(time)
        if packet.dts is not None:
            if self.decoded_at is not None:
                self._check_clock(self.decoded_at, packet.dts, packet)
            self.decoded_at = packet.dts
        if not packet.is_discard:
            self.pts.append(time)
            if repeats:
                self.repeats.add(time)
            self.last = max(self.last, (time, lasting(packet)))

    def _check_clock(self, before: int, time: int, packet: Packet[Any]) -> None:
        back = (before - time) * self.time_base
        # Some containers have no DTS, and what libav makes up for them wavers by a frame.
        if back > max(_BACKWARD_SECONDS, 2 * (packet.duration or 0) * self.time_base):
            message = f"the clock of this video jumps back by {float(back):.1f} s at frame {self.seen}"
            hint = "it was joined from several recordings: split it, or rewrite its time stamps"
            raise MediaError(message, code="media.timestamps", hint=hint)

    def result(self, path: Path, spans: Spans) -> ScanResult:
        first = self.keys[0] if self.keys else -(1 << 63)
        shown = tuple(sorted(time for time in self.pts if time >= first))
        if not shown:
            message = f"{path.name} has a video stream, but not one frame in it"
            raise MediaError(message, code="media.no_frames", hint=COPY_AGAIN)
        lengths = {number: float(end - begin) for number, (begin, end) in spans.items()}
        seekable = not (self.by_dts or self.untimed)
        keys = tuple(sorted(self.keys))
        reordered = self.by_dts and self.untimed > 0 and self.held_back
        return ScanResult(
            self.time_base, shown, self.last[1], keys, self.corrupt, lengths, spans, seekable, reordered,
            frozenset(self.repeats), self.packing.packed,
        )  # fmt: skip


def _read(path: Path, container: InputContainer, index: int, packets: _Packets) -> Spans:
    """Feed `packets`; gives when each stream begins and ends, in seconds."""
    spans: dict[int, tuple[int, int]] = {}
    try:
        for packet in container.demux():
            if packet.size == 0 and packet.dts is None:
                continue  # PyAV's end marks
            _note(spans, packet)
            if packet.stream_index == index:
                packets.add(packet)
    except av.FFmpegError as error:
        out_of_memory.blame(error)
        message = f"{path.name} is damaged: it cannot be read beyond frame {packets.seen} ({error.strerror})"
        raise MediaError(message, code="media.corrupt", hint=COPY_AGAIN) from error
    return _in_seconds(container, spans)


def _note(spans: dict[int, tuple[int, int]], packet: Packet[Any]) -> None:
    """Widen the span of the packet's stream, in ticks."""
    if packet.pts is not None and not packet.is_discard:
        number = packet.stream_index
        begin, end = spans.get(number, (packet.pts, packet.pts))
        spans[number] = (min(begin, packet.pts), max(end, packet.pts + lasting(packet)))


def _in_seconds(container: InputContainer, spans: Mapping[int, tuple[int, int]]) -> Spans:
    bases = {each: fraction(container.streams[each].time_base) for each in spans}
    return {each: (begin * bases[each], end * bases[each]) for each, (begin, end) in spans.items()}


def _check_complete(path: Path, container: InputContainer, packets: _Packets, promised: int, spans: Spans) -> None:
    """The sample table of MP4 states how many frames there are, the head of Matroska how long the file is."""
    if container.format.name.startswith("mov") and packets.seen < promised:
        message = f"{path.name} is cut off: it promises {promised} frames and holds {packets.seen}"
        raise MediaError(message, code="media.truncated", hint=COPY_AGAIN)
    _check_length(path, container, spans)


def _check_length(path: Path, container: InputContainer, spans: Spans) -> None:
    latest = max((end for _, end in spans.values()), default=Fraction(0))
    stated = Fraction(container.duration or 0, av.time_base)
    begins = Fraction(container.start_time or 0, av.time_base)
    if not container.format.name.startswith(_COUNT_FROM_THE_FIRST):
        begins = min(begins, Fraction(0))  # some programs count from 0, as ffmpeg does: the shorter is believed
    missing = stated + begins - latest
    allowed = min(_MISSING_SECONDS, max(0.5, _MISSING_SHARE * float(stated)))
    if container.format.name.startswith(_STATES_DURATION) and missing > allowed:
        lost = f"the last {float(missing):.0f} of {float(stated):.0f} seconds are missing"
        message = f"{path.name} is cut off: {lost}"
        raise MediaError(message, code="media.truncated", hint=COPY_AGAIN)
