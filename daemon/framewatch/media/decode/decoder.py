"""Decodes a video into frames for the engine, each once, with the number of output frames that show it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from framewatch.domain import NO_CHANGES, Changes, InputFile, Segment, Stream, Timeline, Video, picture_at
from framewatch.errors import MediaError
from framewatch.media import colour, out_of_memory
from framewatch.media.damage.cut_off import CutOffPackets
from framewatch.media.filter_graph import Filter, FilterChain
from framewatch.media.filters.fitting import Frame, fit_filters
from framewatch.media.filters.upright import upright_filters
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.media.plan.plane_format import PlaneFormat
from framewatch.media.probe.dts_timing import dts_queue
from framewatch.media.probe.pyav_values import packets
from framewatch.media.probe.safe_open import AnyFile, media_errors, open_media
from framewatch.media.probe.truncation import COPY_AGAIN_HINT
from framewatch.media.timeline import FrameClock

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

# A seek lands on the key frame before its target. It aims earlier than the segment, because some containers index by
# DTS, which is below the PTS.
_SEEK_MARGIN_SECONDS = 1
# With intra refresh, decoders return nothing for some seconds after a seek: then it is tried from further back.
_SEEK_FURTHER = 10
_MOST_SEEKS = 3
# A few damaged frames are concealed. With more than this, the output would not be the video any more.
_MAX_DAMAGED_SHARE = 0.2
_DAMAGED_ALLOWANCE = 25  # frames; short videos may exceed the share by accident
# A deinterlacer looks at neighbours. With these on each side, the first and last frames of a segment come out as they
# would if the video were rendered in one piece.
_DEINTERLACE_CONTEXT = 2


@dataclass(frozen=True, slots=True)
class VideoSource:
    """The video to decode, as the probe and the scan found it."""

    file: AnyFile
    stream: Stream  # the main video
    timeline: Timeline
    seekable: bool = True  # decoding can begin in the middle
    changes: Changes = NO_CHANGES  # frames that are not like the stream are fitted to it


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How frames are decoded."""

    deinterlace: Sequence[Filter] = ()  # applied to the decoded frames first; one frame out for each in
    filters: Sequence[Filter] = ()  # applied to the upright RGB frames before the engine sees them, such as a crop
    planes: PlaneFormat | None = None  # give planes of this format, as they were decoded; None: upright RGB
    hwaccel: str | None = None  # ffmpeg's name of the hardware that decodes; None: the CPU
    threads: int | None = None  # of decoder and filters; None: as many as there are cores
    max_pixels: int | None = None  # a frame with more, which the stream may grow to, counts as damaged


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A frame of the source."""

    # Contiguous, and owned by this record. RGB has the shape (height, width, 3); uint8, or uint16 with white at
    # 65280. YUV 4:2:0 has the shape (height * 3 / 2, width) and holds the planes Y, U and V one after another.
    pixels: Pixels
    pts: int  # in ticks of the timeline's time base
    repeat: int  # output frames that show it, at least 1


class Decoder:
    """The source frames of a segment in display order, with repeats that add up to the segment's output frames.

    Iterate it once. Source frames that no output frame shows are skipped. A damaged frame is left out, the frame
    before it takes its place, and `damaged` counts it; damage that the decoder conceals by itself is not noticed.
    Memory is that of a few frames, whatever the length.
    """

    def __init__(
        self,
        source: VideoSource,
        options: DecodeOptions = DecodeOptions(),
        segment: Segment | None = None,
        *,
        on_damage: Callable[[str], None] | None = None,
        beat: Beat = no_beat,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            source: the video.
            options: how to decode it.
            segment: the segment to decode; None: the whole timeline.
            on_damage: called with a sentence for each damaged packet or frame.
            beat: called as reading and decoding make progress, also on what comes before the segment.
        """
        self.damaged = 0  # packets and frames of the segment that could not be decoded properly
        self._source = source
        self._options = options
        self._segment = segment
        self._on_damage = on_damage
        self._beat = beat
        self._in_segment = True  # whether the packet at hand belongs to the segment
        video = _video(source.stream)
        self._conversion = (
            (Filter("format", options.planes),) if options.planes else (*upright_rgb_filters(video), *options.filters)
        )
        self._chain = FilterChain(self._filters_for, source.timeline.time_base, options.threads or 0)
        self._context = _DEINTERLACE_CONTEXT if options.deinterlace else 0
        self._dtype = np.uint8 if colour.working_format(video.bit_depth) == "rgb24" else np.uint16

    def __iter__(self) -> Iterator[DecodedFrame]:
        """Decode.

        Raises:
            MediaError: too much of the video is damaged (`media.corrupt`).
            StorageError: the file is gone or cannot be read any more.
            OutOfMemoryError: there is too little memory for its frames now.
        """
        with media_errors(self._source.file):
            yield from self._shown_frames()

    def _filters_for(self, frame: VideoFrame) -> tuple[Filter, ...]:
        """Deinterlace, fit to what the stream begins with (a segment may begin after a change), and convert."""
        spans, video = self._source.changes.pictures, _video(self._source.stream)
        found = Frame(frame.width, frame.height, frame.format.name)
        first = picture_at(spans, self._source.timeline.origin)
        fitted = fit_filters(found, picture_at(spans, frame.pts or 0), first, video)
        return (*self._options.deinterlace, *fitted, *self._conversion)

    def _shown_frames(self) -> Iterator[DecodedFrame]:
        clock = FrameClock(self._source.timeline, self._segment)
        held: VideoFrame | None = None  # how often it is shown is known when the next one comes
        for frame in self._segment_frames():
            repeat = clock.feed(frame.pts or 0)
            if held is not None and repeat:
                yield self._decoded_frame(held, repeat)
            held = frame
            if clock.full:
                return
        if held is None:
            raise self._corrupt("none of its frames can be decoded")
        if repeat := clock.finish():
            yield self._decoded_frame(held, repeat)

    def _segment_frames(self) -> Iterator[VideoFrame]:
        """The converted frames of the segment, without those around it."""
        begin, end = self._window()
        for frame in self._converted_frames(begin, end):
            if begin <= (frame.pts or 0) < end:
                yield frame

    def _window(self) -> tuple[int, float]:
        """PTS of the first frame that is wanted, and of the first that is not."""
        first = self._segment.first_pts if self._segment else None
        end = self._segment.end_pts if self._segment else None
        return self._source.timeline.origin if first is None else first, inf if end is None else end

    def _converted_frames(self, begin: int, end: float) -> Iterator[VideoFrame]:
        for frame in self._frames_with_context(begin, end):
            yield from self._chain.push(frame)
        yield from self._chain.drain()

    def _frames_with_context(self, begin: int, end: float) -> Iterator[VideoFrame]:
        """The decoded frames of the segment, and the neighbours that the deinterlacer looks at.

        Where there is none, as times do not ascend or all are damaged, the frame before the segment stands in.
        """
        before: deque[VideoFrame] = deque(maxlen=self._context)
        latest: VideoFrame | None = None
        beyond = 0
        for frame in self._frames_from(begin):
            pts = frame.pts or 0
            if pts < begin:
                latest = frame
                before.append(frame)
                continue
            beyond += pts >= end
            if beyond > self._context:
                break
            yield from before
            before.clear()
            yield frame
            latest = None
        if latest is not None:
            self._in_segment = True
            self._count_damage(f"no frame of this segment is there; the one before stays (PTS {latest.pts})")
            latest.pts = begin
            yield latest

    def _frames_from(self, begin: int) -> Iterator[VideoFrame]:
        """All frames from shortly before `begin`, or from the start of the file where no seek gets there."""
        may_seek = self._segment is not None and self._segment.first_pts is not None and self._source.seekable
        for number in range(_MOST_SEEKS if may_seek else 0):
            frames = self._decode(begin, seek=_SEEK_MARGIN_SECONDS * _SEEK_FURTHER**number)
            first = next(frames, None)
            if first is not None and (first.pts or 0) <= begin:
                yield first
                yield from frames
                return
            frames.close()
            self.damaged = 0
        yield from self._decode(begin, seek=None)

    def _decode(self, begin: int, *, seek: int | None) -> Generator[VideoFrame]:
        """Frames from the beginning of the file, or from a seek to so many seconds before `begin`."""
        options, timeline = self._options, self._source.timeline
        with open_media(
            self._source.file, options.hwaccel, max_pixels=options.max_pixels, beat=self._beat
        ) as container:
            stream = cast(VideoStream, container.streams[self._source.stream.index])
            stream.codec_context.thread_type = "AUTO"
            stream.codec_context.thread_count = options.threads or 0
            queue = dts_queue(container, stream.codec_context, seekable=self._source.seekable)
            if seek is not None and queue is None:
                self._seek(container, stream, begin, seek)
            last = timeline.origin - 1
            marks = CutOffPackets()
            for number, packet in enumerate(_decodable_packets(container, stream), start=1):
                if queue:
                    queue.push(packet)
                # Packets before the segment may refer to frames that were not read: their errors are no damage.
                self._in_segment = packet.pts is None or packet.pts >= begin
                for dts in marks.add(packet, excused=not self._in_segment or self._is_excused(packet)):
                    self._count_damage(f"the container marks a packet as damaged (DTS {dts})")
                for frame in self._decode_packet(packet):
                    pts = queue.pop() if queue else frame.pts if frame.pts is not None else frame.dts
                    frame.pts = last = last + 1 if pts is None else pts
                    frame.time_base = timeline.time_base
                    yield frame
                self._check_damage(number)
                self._beat()

    def _is_excused(self, packet: Packet[Any]) -> bool:
        """Return whether a packet is the last one before a jump of the clock, with which its number jumps, too."""
        file = self._source.file
        clock = file.clock if isinstance(file, InputFile) else None
        return clock is not None and packet.pos is not None and clock.is_doubted(packet.pos)

    def _decode_packet(self, packet: Packet[Any]) -> list[VideoFrame]:
        try:
            frames: list[VideoFrame] = packet.decode()
        except av.FFmpegError as error:
            out_of_memory.raise_if_short(error)
            self._count_damage(f"a frame could not be decoded ({error.strerror}, DTS {packet.dts})")
            return []
        for frame in frames:
            if frame.is_corrupt:
                self._count_damage(f"a frame is damaged (PTS {frame.pts})")
        return frames

    def _count_damage(self, message: str) -> None:
        if not self._in_segment:
            return
        self.damaged += 1
        if self._on_damage:
            self._on_damage(message)

    def _check_damage(self, packets: int) -> None:
        if self.damaged > _DAMAGED_ALLOWANCE and self.damaged > _MAX_DAMAGED_SHARE * packets:
            raise self._corrupt(f"{self.damaged} of {packets} frames cannot be decoded")

    def _corrupt(self, reason: str) -> MediaError:
        if out_of_memory.is_bound_used_up():  # decoders hide that they got no memory, and return no frame
            return out_of_memory.too_costly("decoding this file")
        message = f"{self._source.file.name} is damaged: {reason}"
        return MediaError(message, code="media.corrupt", hint=COPY_AGAIN_HINT)

    def _seek(self, container: InputContainer, stream: VideoStream, first: int, seconds: int) -> None:
        margin = round(seconds / self._source.timeline.time_base)
        try:
            container.seek(first - margin, stream=stream)
        except av.FFmpegError as error:
            out_of_memory.raise_if_short(error)
            container.seek(0)  # no index: decode from the start and skip what comes before

    def _decoded_frame(self, frame: VideoFrame, repeat: int) -> DecodedFrame:
        if self._options.planes:
            return DecodedFrame(_packed_planes(frame, self._dtype), frame.pts or 0, repeat)
        pixels = np.ascontiguousarray(frame.to_ndarray(), dtype=self._dtype)
        own = pixels if pixels.flags.owndata else pixels.copy()
        return DecodedFrame(cast(Pixels, own), frame.pts or 0, repeat)


def _decodable_packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """The packets of a stream, and the empty one at its end that makes the decoder return its delayed frames."""
    for packet in packets(container, stream):
        if packet.size or packet.dts is None:  # an empty packet in the middle would end decoding
            yield packet


def _packed_planes(frame: VideoFrame, dtype: type[np.uint8 | np.uint16]) -> Pixels:
    """Return the planes of a frame one after another, without the padding of their rows, in a single copy."""
    pixels = np.empty(frame.width * frame.height * 3 // 2, dtype)
    begin = 0
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)[:, : plane.width]
        pixels[begin : begin + rows.size].reshape(rows.shape)[:] = rows
        begin += rows.size
    return cast(Pixels, pixels.reshape(frame.height * 3 // 2, frame.width))


def upright_rgb_filters(video: Video, white: int | None = None) -> tuple[Filter, ...]:
    """Filters that turn a decoded frame into upright RGB of what a player shows; `white` as for `decode_filters`."""
    return (*colour.decode_filters(video, white), *upright_filters(video))


def _video(stream: Stream) -> Video:
    if stream.video is None:
        raise MediaError(f"there is no decoder for this video ({stream.codec})", code="media.no_decoder")
    return stream.video
