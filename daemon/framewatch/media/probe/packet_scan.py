"""Packet scan: the display time of each frame of a video, read from its packets without decoding.

One pass over the file before any work begins. It costs one reading of the file, and gives the exact timeline and
frame count, finds a truncated file before hours are spent on it, measures how long each stream is, which headers only
estimate, and notices where picture and sound change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.stream import Stream as AvStream

from framewatch.domain import CLOCK_CONTAINERS, NO_CHANGES, Changes, FrameMessages, InputFile
from framewatch.errors import MediaError
from framewatch.media import out_of_memory
from framewatch.media.clock.first_picture import FirstPicture
from framewatch.media.clock.jumps import Bridged, JumpDetector, Stamp
from framewatch.media.damage.missing import NOTHING, Missing
from framewatch.media.frame_messages.counting import MessageCounter
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.media.iso_files.edit_lists import edit_lists
from framewatch.media.probe.changes.watch import ChangeWatch
from framewatch.media.probe.completeness import Completeness
from framewatch.media.probe.dts_timing import TAKES_DTS_FOR_PTS, RepeatDetector, set_up_timestamps
from framewatch.media.probe.pyav_values import fraction, packet_duration, packets
from framewatch.media.probe.safe_open import AnyFile, open_file, open_media
from framewatch.media.probe.streams.late import late_streams
from framewatch.media.probe.structure.content import LOW_DELAY, MISCOUNTED, RAW, UNTIMED
from framewatch.media.probe.structure.raw_end import check_end
from framewatch.media.probe.truncation import COPY_AGAIN_HINT

# Some containers have no DTS, and what libav makes up for them wavers by a frame; more than this is a jump.
_CLOCK_JUMP_SECONDS = Fraction(1, 10)
# What may be missing of the stated duration, as some programs do not count the length of the last packets.
_MISSING_SECONDS = 2
_MISSING_SHARE = 0.1  # of the duration, for short files
_STATING_DURATION = ("matroska", "asf", "flv")  # containers whose header states how long the file is
_DURATION_FROM_FIRST_PACKET = "flv"  # states the duration of its content, whatever time its clock starts at
_STATING_FRAMES = ("mov", "ivf")  # containers that state how many packets there are
_UNKNOWN_FRAMES = 2**31 - 1  # IVF, while it is being written
_BEFORE_ALL = -(1 << 63)
_WITHOUT_DTS = "matroska"  # libav makes them up from the PTS
_UNKNOWN_ORDER = ("vvc",)  # and may be wrong by a group of pictures, as it does not know how far apart these are

Spans = Mapping[int, tuple[Fraction, Fraction]]
"""Stream index to start of the stream's first packet and end of its last one, in seconds."""


class Hidden(NamedTuple):
    """Packets that an edit list does not show, because only decoders need them."""

    before: int = 0  # in front of the first frame that is shown
    behind: int = 0  # others
    joined: bool = False  # they overlap with what is shown, because the edit list joins several parts


_NONE_HIDDEN = Hidden()


@dataclass(frozen=True, slots=True)
class ScanResult:
    """When a video's frames are shown."""

    time_base: Fraction  # seconds per tick
    pts: tuple[int, ...]  # of the frames that are shown, ascending, in ticks
    last_duration: int | None  # of the last frame, in ticks; None if unknown
    keyframes: tuple[int, ...]  # PTS of the frames at which decoding can begin, ascending
    corrupt: int = 0  # packets that the container marks as damaged
    spans: Spans = field(default_factory=dict)
    seekable: bool = True  # packets tell when their frames are shown, wherever reading begins
    reordered: bool = False  # AVI, MXF and raw streams only: packets are not in display order, or it is not known
    misordered: bool = False  # libav makes up wrong DTS, so packets cannot be copied
    copied_in_time: bool = False  # raw streams only: ffmpeg times packets rightly that it copies
    repeats: frozenset[int] = frozenset()  # PTS of packets that show nothing new: the frame before stays
    packed: bool = False  # MPEG-4 only: a packet may hold two frames
    hidden: Hidden = _NONE_HIDDEN
    missing: Missing = NOTHING
    messages: tuple[FrameMessages, ...] = ()  # that are attached to single frames
    changes: Changes = NO_CHANGES
    late: tuple[str, ...] = ()  # streams that begin in the middle of the file


class StreamScan(NamedTuple):
    """When the streams of a file begin and end, and where their sound changes."""

    spans: Spans
    missing: Missing
    changes: Changes
    late: tuple[str, ...]  # streams that begin in the middle of the file


def scan(source: AnyFile, index: int, beat: Beat = no_beat, reach: int | None = None) -> ScanResult | Bridged:
    """Read all packets of a file, and time the frames of the stream with this absolute index.

    Where the file's clock jumps, and may do so in its container, the result is the clock to read the file with.

    Frames that edit lists leave out are left out. So are those before the first key frame that no decoder returns, as
    in a recording that begins in the middle of a GOP, and those of a refresh that begins there.

    Args:
        source: the file.
        index: of the video stream.
        beat: called as reading makes progress.
        reach: bytes in which its streams were found (`Extras.reach`).

    Raises:
        MediaError: `media.no_frames`, `media.truncated`, `media.corrupt`, or, if the clock jumps back,
            `media.timestamps`.
        StorageError: the file is gone or cannot be read now.
    """
    completeness = Completeness(source, index, beat)
    with open_media(source, beat=beat, on_read=completeness.on_read, reach=reach) as container:
        stream = container.streams[index]
        indexed = len(stream.index_entries)
        reading = _Reading(source, container, index, completeness)
        collector = _frame_times(container, stream, clock_may_jump=reading.jumps is not None)
        messages, watch = MessageCounter(stream.codec_context), ChangeWatch(container, index)
        with reading.errors(lambda: f"it cannot be read beyond frame {collector.seen}"):
            for packet in reading.packets():
                time = packet.pts
                if packet.stream_index == index:
                    time = collector.add(packet)
                    messages.add(packet, time)
                watch.add(packet, time)
        if bridged := reading.bridged():
            return bridged
        spans, missing = reading.measured()
        if container.format.name.startswith(_STATING_FRAMES) and stream.frames < _UNKNOWN_FRAMES:
            _check_frames(source, stream, indexed, collector.seen, beat)
        check_end(source, container.format.name, collector.last_packet, beat)
        _check_duration(source, container, spans)
        result = collector.result(source, spans)
        return replace(
            result,
            missing=missing,
            messages=messages.result(result.time_base),
            changes=watch.result(),
            late=late_streams(container),
        )


def stream_spans(source: AnyFile, main: int, beat: Beat = no_beat, reach: int | None = None) -> StreamScan | Bridged:
    """Measure when the packets of each stream begin and end, for files whose video does not matter.

    `main` is the index of the stream that matters, and `reach` is as for `scan`. Where the clock jumps, the result is
    as that of `scan`.

    Raises:
        MediaError: `media.truncated` or `media.corrupt`.
        StorageError: the file is gone or cannot be read now.
    """
    completeness = Completeness(source, main, beat)
    with open_media(source, beat=beat, on_read=completeness.on_read, reach=reach) as container:
        reading, watch = _Reading(source, container, main, completeness), ChangeWatch(container, None)
        with reading.errors(lambda: "it cannot be read to its end"):
            for packet in reading.packets():
                watch.add(packet, packet.pts)
        if bridged := reading.bridged():
            return bridged
        spans, missing = reading.measured()
        _check_duration(source, container, spans)
        return StreamScan(spans, missing, watch.result(), late_streams(container))


class _Reading:
    """The packets of a file, and what is noticed of those of all streams."""

    def __init__(self, source: AnyFile, container: InputContainer, main: int, completeness: Completeness) -> None:
        self._source, self._container, self._completeness = source, container, completeness
        self._spans = _SpanCollector()
        self.jumps = _jump_detector(source, container, main)

    def packets(self) -> Iterator[Packet[Any]]:
        for packet in packets(self._container):
            if packet.size == 0 and packet.dts is None:
                continue  # PyAV's end marker
            self._spans.add(packet)
            self._completeness.add(packet)
            if self.jumps is not None:
                _add_stamp(self.jumps, packet)
            yield packet

    @contextmanager
    def errors(self, reason: Callable[[], str]) -> Iterator[None]:
        """Turn libav's errors about packets into one that says how far the file can be read."""
        with self._completeness.explains(self._container):
            try:
                yield
            except av.FFmpegError as error:
                name = self._source.name
                out_of_memory.raise_if_unaffordable(error, f"reading {name}")
                message = f"{name} is damaged: {reason()} ({error.strerror})"
                raise MediaError(message, code="media.corrupt", hint=COPY_AGAIN_HINT) from error

    def bridged(self) -> Bridged | None:
        """Return the clock to read the file with, where its own jumps."""
        return self.jumps.result() if self.jumps is not None else None

    def measured(self) -> tuple[Spans, Missing]:
        """Return when the streams begin and end, and what is missing."""
        spans = self._spans.in_seconds(self._container)
        return spans, self._completeness.check(self._container, _latest(spans))


def _jump_detector(source: AnyFile, container: InputContainer, main: int) -> JumpDetector | None:
    """Return what finds jumps of the clock; None where it may not jump, or is corrected already."""
    if not isinstance(source, InputFile) or source.clock is not None:
        return None
    name = next((each for each in CLOCK_CONTAINERS if each == container.format.name), None)
    return JumpDetector(name, main) if name else None


def _add_stamp(jumps: JumpDetector, packet: Packet[Any]) -> None:
    if packet.dts is None:
        return
    stream = packet.stream
    place = packet.pos if packet.pos is not None and packet.pos >= 0 else None
    pts = packet.dts if packet.pts is None else packet.pts
    timed = stream.type in ("video", "audio") and not stream.disposition & Disposition.attached_pic
    jumps.add(packet.stream_index, stream.id, Stamp(place, packet.dts, pts, packet_duration(packet)), timed=timed)


def _frame_times(container: InputContainer, stream: AvStream, *, clock_may_jump: bool) -> _FrameTimes:
    context = stream.codec_context
    return _FrameTimes(
        time_base=fraction(stream.time_base) or Fraction(1, 1000),
        by_dts=set_up_timestamps(container),
        repeat_detector=RepeatDetector(context),
        has_b_frames=bool(getattr(context, "has_b_frames", False)),
        raw=container.format.name if container.format.name in RAW else "",
        first_picture=FirstPicture(context),
        clock_may_jump=clock_may_jump,
        without_dts=container.format.name.startswith(_WITHOUT_DTS) and getattr(context, "name", "") in _UNKNOWN_ORDER,
        takes_dts_for_pts=container.format.name == TAKES_DTS_FOR_PTS,
    )


@dataclass
class _FrameTimes:
    """Collects the frame times of a video from its packets."""

    time_base: Fraction
    by_dts: bool
    repeat_detector: RepeatDetector
    has_b_frames: bool  # decoders return frames in another order than packets
    raw: str  # libav's name of the format of a raw stream; "" for others
    first_picture: FirstPicture
    clock_may_jump: bool = False
    without_dts: bool = False  # what libav gives as DTS says nothing
    takes_dts_for_pts: bool = False  # libav may do so for lack of PTS, though frames are shown in another order
    pts: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    seen: int = 0
    untimed: int = 0  # packets without a PTS
    same: int = 0  # packets whose PTS is their DTS
    corrupt: int = 0
    repeats: set[int] = field(default_factory=set)
    last: tuple[int, int] = (_BEFORE_ALL, 0)  # PTS and duration of the frame that is shown last
    previous_dts: int | None = None
    last_packet: Packet[Any] | None = None
    any_dts: int | None = None  # of the packet before, shown or not
    hidden: list[int] = field(default_factory=list)  # times of packets that are not shown
    joined: bool = False

    def add(self, packet: Packet[Any]) -> int:
        """Take the next packet; returns when it is shown."""
        repeats = self.repeat_detector.repeats(packet)
        second = self.repeat_detector.is_second_field(packet)
        self.last_packet = packet
        self.seen += 1
        self.corrupt += packet.is_corrupt
        self.untimed += packet.pts is None
        self.same += packet.pts == packet.dts
        time = packet.dts if self.by_dts or packet.pts is None else packet.pts
        if time is None:  # a broken stream: one tick after the last frame keeps the count right
            time = self.last[0] + (self.last[1] or 1) if self.pts else 0
        self._note_hidden(packet, time)
        if packet.is_discard:
            return time
        if packet.is_keyframe:
            if self.keys:
                self._check_clock(self.keys[-1], time, packet)
            self.keys.append(time)
        if packet.dts is not None:
            if self.previous_dts is not None and not self.without_dts:
                self._check_clock(self.previous_dts, packet.dts, packet)
            self.previous_dts = packet.dts
        if second:
            self.last = (self.last[0], max(self.last[1], time + packet_duration(packet) - self.last[0]))
            return time
        self.pts.append(time)
        if repeats:
            self.repeats.add(time)
        self.last = max(self.last, (time, packet_duration(packet)))
        self.first_picture.add(packet)
        return time

    def _is_copied_in_time(self) -> bool:
        if self.raw in UNTIMED:
            return self.raw in LOW_DELAY and not self.has_b_frames
        return bool(self.raw)

    def _has_no_pts(self) -> bool:
        """Return whether what libav gives as PTS are DTS, and do not say when frames are shown."""
        has_others = len(self.keys) < self.seen
        return self.takes_dts_for_pts and self.has_b_frames and has_others and self.same == self.seen

    def _note_hidden(self, packet: Packet[Any], time: int) -> None:
        """Note a packet that is not shown. Where an edit list joins parts, the clock goes back from these."""
        goes_back = self.any_dts is not None and packet.dts is not None and packet.dts <= self.any_dts
        self.any_dts = packet.dts
        if packet.is_discard:
            self.hidden.append(time)
            if packet.is_keyframe and not self.pts:
                self.keys.append(time)
        self.joined = self.joined or (goes_back and bool(self.pts and self.hidden))

    def _check_clock(self, before: int, time: int, packet: Packet[Any]) -> None:
        back = (before - time) * self.time_base
        if not self.clock_may_jump and back > max(_CLOCK_JUMP_SECONDS, 2 * (packet.duration or 0) * self.time_base):
            message = f"the clock of this video jumps back by {float(back):.1f} s at frame {self.seen}"
            hint = "it was joined from several recordings: split it, or rewrite its time stamps"
            raise MediaError(message, code="media.timestamps", hint=hint)

    def result(self, source: AnyFile, spans: Spans) -> ScanResult:
        first = self.keys[0] if self.keys else _BEFORE_ALL
        if self.keys and not self.by_dts:
            first = self.first_picture.first_shown(first)
        shown = tuple(sorted(time for time in self.pts if time >= first))
        if not shown:
            message = f"{source.name} has a video stream, but no frame in it"
            raise MediaError(message, code="media.no_frames", hint=COPY_AGAIN_HINT)
        before = sum(time < shown[0] for time in self.hidden)
        reordered = self.raw in MISCOUNTED or (self.by_dts and self.untimed > 0 and self.has_b_frames)
        return ScanResult(
            time_base=self.time_base,
            pts=shown,
            last_duration=self.last[1] or None,
            keyframes=tuple(sorted(self.keys)),
            corrupt=self.corrupt,
            spans=spans,
            seekable=not (self.by_dts or self.untimed or self.raw or self._has_no_pts()),
            reordered=reordered or self._has_no_pts(),
            misordered=self.without_dts and any(after < before for before, after in pairwise(self.pts)),
            copied_in_time=self._is_copied_in_time(),
            repeats=frozenset(self.repeats),
            packed=self.repeat_detector.packed,
            hidden=Hidden(before, len(self.hidden) - before, self.joined),
        )


class _SpanCollector:
    """Measures when the packets of each stream begin and end.

    A packet of sound that does not say how long it lasts, as in FLV, lasts as long as the one before.
    """

    def __init__(self) -> None:
        self._ticks: dict[int, tuple[int, int]] = {}
        self._sound: dict[int, int] = {}  # the PTS of the last packet of each track

    def add(self, packet: Packet[Any]) -> None:
        if packet.pts is not None and not packet.is_discard:
            begin, end = self._ticks.get(packet.stream_index, (packet.pts, packet.pts))
            length = packet_duration(packet) or self._step(packet, packet.pts)
            self._ticks[packet.stream_index] = min(begin, packet.pts), max(end, packet.pts + length)

    def _step(self, packet: Packet[Any], pts: int) -> int:
        if packet.stream.type != "audio":
            return 0
        before = self._sound.get(packet.stream_index, pts)
        self._sound[packet.stream_index] = pts
        return max(0, pts - before)

    def in_seconds(self, container: InputContainer) -> Spans:
        bases = {index: fraction(container.streams[index].time_base) for index in self._ticks}
        return {index: (begin * bases[index], end * bases[index]) for index, (begin, end) in self._ticks.items()}


def _check_frames(source: AnyFile, stream: AvStream, indexed: int, seen: int, beat: Beat) -> None:
    """Refuse an MP4, MOV or IVF that holds less than it states, or than its edit list shows of that.

    Args:
        source: the file.
        stream: of the video.
        indexed: its samples as libav lists them after it has applied the edit list.
        seen: its packets that could be read.
        beat: called as reading makes progress.
    """
    stated = stream.frames
    if seen < stated and indexed < stated:
        with open_file(source, beat=beat) as file:
            stated = indexed if stream.id in edit_lists(file) else stated
    if seen < stated:
        message = f"{source.name} is truncated: it states {stated} frames and holds {seen}"
        raise MediaError(message, code="media.truncated", hint=COPY_AGAIN_HINT)


def _latest(spans: Spans) -> Fraction:
    return max((end for _, end in spans.values()), default=Fraction(0))


def _check_duration(source: AnyFile, container: InputContainer, spans: Spans) -> None:
    """Refuse a file that holds less than its header states."""
    latest = _latest(spans)
    stated = Fraction(container.duration or 0, av.time_base)
    start = Fraction(container.start_time or 0, av.time_base)
    if not container.format.name.startswith(_DURATION_FROM_FIRST_PACKET):
        start = min(start, Fraction(0))  # some programs count from 0, as ffmpeg does: believe the shorter one
    missing = stated + start - latest
    allowed = min(_MISSING_SECONDS, max(0.5, _MISSING_SHARE * float(stated)))
    if container.format.name.startswith(_STATING_DURATION) and missing > allowed:
        lost = f"the last {float(missing):.0f} of {float(stated):.0f} seconds are missing"
        raise MediaError(f"{source.name} is truncated: {lost}", code="media.truncated", hint=COPY_AGAIN_HINT)
