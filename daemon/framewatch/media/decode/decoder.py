"""Decodes a video into frames for the engine, each once, with the number of output frames that show it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from framewatch.domain import Edges, Segment, Stream, Timeline, Video
from framewatch.errors import MediaError
from framewatch.media import colour, out_of_memory
from framewatch.media.filter_graph import Filter, FilterChain
from framewatch.media.heartbeat import Beat, unheard
from framewatch.media.plan.plane_format import PlaneFormat
from framewatch.media.probe.packet_scan import Reorder, prepare_clock
from framewatch.media.probe.probe import COPY_AGAIN
from framewatch.media.probe.safe_open import open_media
from framewatch.media.timeline import FrameClock

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

# A seek goes to the key frame before the wanted frame, and a little further back: some containers index by
# DTS.
_SEEK_BACK_SECONDS = 1
# A few damaged frames are concealed; beyond these the result would not be the video.
_MAX_DAMAGED_SHARE = 0.2
_DAMAGED_GRACE = 25
# Frames before and after a segment that a deinterlacer gets, so that its first and last come out as in the whole.
_FRAMES_AROUND = 2


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A picture of the source."""

    # Contiguous, its own memory: (height, width, 3) RGB, uint8, or uint16 with white at 65280; or planes of YUV
    # 4:2:0, (height * 3 / 2, width), first Y, then U, then V.
    pixels: Pixels
    pts: int  # when the source shows it, in ticks of the timeline's time base
    repeat: int  # output frames that show it, at least 1


class Decoder:
    """The frames of a segment, in the order they are shown; their `repeat`s add up to the segment's frames.

    Iterate it once. Frames that are not shown are not given. Single damaged frames are left out, the frame
    before them standing in, and counted in `damaged`; what the decoder patches up without a word is not.
    Memory is that of a few frames, whatever the length.
    """

    def __init__(
        self,
        path: Path,
        stream: Stream,
        timeline: Timeline,
        segment: Segment | None = None,
        *,
        filters: Sequence[Filter] = (),
        deinterlace: Sequence[Filter] = (),
        planes: PlaneFormat | None = None,
        seekable: bool = True,
        hwaccel: str = "",
        threads: int = 0,
        max_pixels: int = 0,
        on_damage: Callable[[str], None] | None = None,
        beat: Beat = unheard,
    ) -> None:
        """Open nothing yet.

        Args:
            path: the source.
            stream: its main video, from the probe.
            timeline: from `plan_timeline`.
            segment: the piece to decode; None: all.
            filters: applied to the upright RGB picture, before the engine sees it (crop, flip).
            deinterlace: applied to the decoded picture before everything, one frame out for each in.
            planes: the frames are to be planes of this kind, as they were decoded; None: upright RGB.
            seekable: whether decoding can begin in the middle, from the scan.
            hwaccel: ffmpeg's name of the hardware that decodes; "" for none.
            threads: of decoder and filters; 0: as many as there are cores.
            max_pixels: of a frame: one that grows beyond it in the middle counts as damaged; 0: no limit.
            on_damage: told of each piece of damage, as a sentence.
            beat: called as reading and decoding get on, also through what comes before the segment.
        """
        self._beat = beat
        self.damaged = 0  # packets or frames that could not be decoded properly
        self._counts = True  # whether damage found now is that of the segment
        self._path = path
        self._stream = stream
        self._timeline = timeline
        self._segment = segment
        self._threads = threads
        self._seekable = seekable
        self._hwaccel = hwaccel
        self._max_pixels = max_pixels
        self._on_damage = on_damage
        video = _video(stream)
        made = (Filter("format", planes),) if planes else (*picture_filters(video), *filters)
        size = video.width, video.height  # a segment may begin after a change of it
        self._chain = FilterChain((*deinterlace, *made), timeline.time_base, threads, size)
        self._planes = planes
        self._around = _FRAMES_AROUND if deinterlace else 0
        self._dtype = np.uint8 if colour.working_format(video.bit_depth) == "rgb24" else np.uint16

    def __iter__(self) -> Iterator[DecodedFrame]:
        """Decode.

        Raises:
            MediaError: too much of the video is damaged (`media.corrupt`).
            StorageError: the file is gone or cannot be read any more.
            OutOfMemoryError: there is too little memory for its frames now.
        """
        clock = FrameClock(self._timeline, self._segment)
        held: VideoFrame | None = None
        for frame in self._converted():
            repeat = clock.feed(frame.pts or 0)
            if held is not None and repeat:
                yield self._decoded(held, repeat)
            held = frame
            if clock.full:
                return
        if held is None:
            raise self._corrupt("no frame of it can be decoded")
        if repeat := clock.finish():
            yield self._decoded(held, repeat)

    def _converted(self) -> Iterator[VideoFrame]:
        begin, end = self._window()
        for frame in self._filtered(begin, end):
            if begin <= (frame.pts or 0) < end:
                yield frame

    def _window(self) -> tuple[int, float]:
        """PTS of the first frame that is wanted, and of the first that is not."""
        first = self._segment.first_pts if self._segment else None
        end = self._segment.end_pts if self._segment else None
        return self._timeline.origin if first is None else first, inf if end is None else end

    def _filtered(self, begin: int, end: float) -> Iterator[VideoFrame]:
        for frame in self._shown(begin, end):
            yield from self._chain.push(frame)
        yield from self._chain.drain()

    def _shown(self, begin: int, end: float) -> Iterator[VideoFrame]:
        """The decoded frames of the segment, and those around it that filters look at, each with its PTS."""
        before: deque[VideoFrame] = deque(maxlen=self._around)
        beyond = 0
        for frame in self._decoded_frames(begin):
            pts = frame.pts or 0
            if pts < begin:
                before.append(frame)
                continue
            beyond += pts >= end
            if beyond > self._around:
                return
            yield from before
            before.clear()
            yield frame

    def _decoded_frames(self, begin: int) -> Iterator[VideoFrame]:
        """All frames from shortly before `begin` on, or from the file's first where no seek gets there."""
        if self._segment is not None and self._segment.first_pts is not None and self._seekable:
            frames = self._decode(begin, seek=True)
            opening = next(frames, None)
            if opening is not None and (opening.pts or 0) <= begin:
                yield opening
                yield from frames
                return
            frames.close()
        yield from self._decode(begin, seek=False)

    def _decode(self, begin: int, *, seek: bool) -> Generator[VideoFrame]:
        with open_media(self._path, self._hwaccel, max_pixels=self._max_pixels, beat=self._beat) as container:
            stream = cast(VideoStream, container.streams[self._stream.index])
            stream.codec_context.thread_type = "AUTO"
            stream.codec_context.thread_count = self._threads
            times = Reorder(stream.codec_context) if prepare_clock(container) else None
            if seek and times is None:
                self._seek(container, stream, begin)
            last = self._timeline.origin - 1
            for number, packet in enumerate(self._packets(container, stream), start=1):
                if times:
                    times.sent(packet)
                # What comes before the segment may refer to frames that were not read.
                self._counts = packet.pts is None or packet.pts >= begin
                if packet.is_corrupt:
                    self._count_damage(f"the container marks a packet as damaged (DTS {packet.dts})")
                for frame in self._frames(packet):
                    pts = times.next() if times else frame.pts if frame.pts is not None else frame.dts
                    frame.pts = last = last + 1 if pts is None else pts
                    frame.time_base = self._timeline.time_base
                    yield frame
                self._check_damage(number)
                self._beat()

    def _packets(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
        """What goes to the decoder, and at the end the mark that makes it give out what it holds back."""
        for packet in container.demux(stream):
            if packet.size or packet.dts is None:  # an empty packet in the middle would end decoding
                yield packet

    def _frames(self, packet: Packet[Any]) -> list[VideoFrame]:
        try:
            frames: list[VideoFrame] = packet.decode()
        except av.FFmpegError as error:
            out_of_memory.blame(error)
            self._count_damage(f"a frame could not be decoded ({error.strerror}, DTS {packet.dts})")
            return []
        for frame in frames:
            if frame.is_corrupt:
                self._count_damage(f"a frame is damaged (PTS {frame.pts})")
        return frames

    def _count_damage(self, what: str) -> None:
        if not self._counts:
            return
        self.damaged += 1
        if self._on_damage:
            self._on_damage(what)

    def _check_damage(self, packets: int) -> None:
        if self.damaged > _DAMAGED_GRACE and self.damaged > _MAX_DAMAGED_SHARE * packets:
            raise self._corrupt(f"{self.damaged} of {packets} frames cannot be decoded")

    def _corrupt(self, what: str) -> MediaError:
        return MediaError(f"{self._path.name} is damaged: {what}", code="media.corrupt", hint=COPY_AGAIN)

    def _seek(self, container: InputContainer, stream: VideoStream, first: int) -> None:
        back = round(_SEEK_BACK_SECONDS / self._timeline.time_base)
        try:
            container.seek(first - back, stream=stream)
        except av.FFmpegError as error:
            out_of_memory.blame(error)
            container.seek(0)  # no index: decode from the start and leave out what comes before

    def _decoded(self, frame: VideoFrame, repeat: int) -> DecodedFrame:
        if self._planes:
            return DecodedFrame(_copied(frame, self._dtype), frame.pts or 0, repeat)
        pixels = np.ascontiguousarray(frame.to_ndarray(), dtype=self._dtype)
        own = pixels if pixels.flags.owndata else pixels.copy()
        return DecodedFrame(cast(Pixels, own), frame.pts or 0, repeat)


def _copied(frame: VideoFrame, dtype: type[np.uint8 | np.uint16]) -> Pixels:
    """The planes of a frame one after another, copied once."""
    pixels = np.empty(frame.width * frame.height * 3 // 2, dtype)
    begin = 0
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)[:, : plane.width]
        pixels[begin : begin + rows.size].reshape(rows.shape)[:] = rows
        begin += rows.size
    return cast(Pixels, pixels.reshape(frame.height * 3 // 2, frame.width))


_TURNS = {
    0: (),
    90: (Filter("transpose", "clock"),),
    180: (Filter("hflip"), Filter("vflip")),
    270: (Filter("transpose", "cclock"),),
}


def picture_filters(video: Video) -> tuple[Filter, ...]:
    """What makes upright RGB of a decoded picture: converted, without what is hidden, mirrored, turned."""
    return (*colour.decode_filters(video), *mirror_and_turns(video))


def mirror_and_turns(video: Video) -> tuple[Filter, ...]:
    """What makes a decoded picture upright, and no larger than what is shown of it."""
    (width, height), edges = video.shown, video.hidden
    shown = (Filter("crop", f"{width}:{height}:{edges.left}:{edges.top}:exact=1"),) if edges != Edges() else ()
    mirror = (Filter("hflip"),) if video.mirrored else ()
    return (*shown, *mirror, *_TURNS[video.rotation])


def _video(stream: Stream) -> Video:
    if stream.video is None:
        raise MediaError(f"there is no decoder for this video ({stream.codec})", code="media.no_decoder")
    return stream.video
