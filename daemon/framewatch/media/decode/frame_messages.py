"""Reads what a source attaches to the frames that a segment shows, and puts it into the segment's finished file.

Frames go through the network as bare pixels, so what an encoder writes has none of it. A message is in the packet of
its frame, and the packet has the time at which the frame is shown; the timeline says which output frame that is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from framewatch.domain import Segment
from framewatch.errors import Finding, VerificationError
from framewatch.media import out_of_memory
from framewatch.media.decode.decoder import VideoSource
from framewatch.media.frame_messages import captions
from framewatch.media.frame_messages.bitstreams import FrameMessage, reader, writer
from framewatch.media.frame_messages.side_data import side_data_messages
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.media.iso_files.boxes import UnexpectedFileError
from framewatch.media.iso_files.sample_sizes import Sample, rewrite
from framewatch.media.plan.frame_messages import CarriedMessages
from framewatch.media.probe.dts_timing import set_up_timestamps
from framewatch.media.probe.pyav_values import packets
from framewatch.media.probe.safe_open import media_errors, open_media
from framewatch.media.probe.structure.field_pairs import FieldPairs

_SEEK_MARGIN_SECONDS = 1  # as the decoder of frames; also covers frames before the segment that are not shown
_MAX_BYTES = 64 << 20  # of one segment's messages; a minute of captions and HDR10+ has 1 MB
_MOST_MESSAGES = 500_000  # of one segment: each also takes the room of what is noted of it
_MOST_OF_FRAME = 64  # messages, of all packets with the same time
_NEVER = -(1 << 63)
_ROUNDING = 1e-6  # seconds
_SPARE = ".with-messages"


Messages = Callable[[int], Sequence[bytes]]
"""Returns the messages of a frame by its number."""


class FoundMessages(NamedTuple):
    """The messages of a segment."""

    by_frame: Mapping[int, Sequence[bytes]]  # by the number of an output frame within the segment
    lost: int = 0  # messages that were too many


def messages_of(
    source: VideoSource, segment: Segment, carried: CarriedMessages, beat: Beat = no_beat
) -> FoundMessages:
    """Return the messages of a segment's output frames.

    Captions are a text that goes on from frame to frame: a repeated frame has them once, and those of a frame that is
    not shown go to the next one. Everything else says how to show its frame, so it stays with it.

    Raises:
        MediaError: the source cannot be read.
        StorageError: the same, because of the file system.
    """
    with media_errors(source.file), open_media(source.file, beat=beat) as container:
        stream = cast(VideoStream, container.streams[source.stream.index])
        read = reader(source.stream.codec, bytes(stream.codec_context.extradata or b""))
        by_dts, fields = set_up_timestamps(container), FieldPairs(stream.codec_context)
        if segment.first_pts is not None and source.seekable:
            _seek(container, stream, segment.first_pts, source.timeline.time_base)
        collector, shown = _Collector(source, segment, carried), None
        for packet in packets(container, stream):
            if collector.is_past(packet.dts):
                break
            time = packet.dts if by_dts or packet.pts is None else packet.pts
            if fields.is_second(packet):  # it completes the frame that the packet before began
                time = shown
            shown = time
            if packet.size and time is not None and not packet.is_discard:
                messages = read(memoryview(packet)) if read else []
                collector.add(time, [*messages, *side_data_messages(packet)])
            beat()
    return FoundMessages(collector.result(), collector.lost)


class FilmMessages:
    """The messages of a whole film by the number of the output frame, read in parts as they are asked for.

    Ask in the order of an encoder's packets, which is nearly that of the frames.
    """

    def __init__(
        self, source: VideoSource, segments: Sequence[Segment], carried: CarriedMessages, beat: Beat = no_beat
    ) -> None:
        """`segments`: the parts, without gap, from the first frame on."""
        self.lost = 0  # messages that were too many, so far
        self._segments = segments
        self._source, self._carried, self._beat = source, carried, beat
        self._parts: dict[int, FoundMessages] = {}

    def __call__(self, frame: int) -> Sequence[bytes]:
        """Return the messages of a frame.

        Raises:
            MediaError: the source cannot be read.
            StorageError: the same, because of the file system.
        """
        number = bisect_right(self._segments, frame, key=lambda segment: segment.first_frame) - 1
        if number not in self._parts:
            found = messages_of(self._source, self._segments[number], self._carried, self._beat)
            self._parts[number] = found
            self.lost += found.lost
            self._parts.pop(number - 2, None)  # of the part before, frames may still come
        return self._parts[number].by_frame.get(frame - self._segments[number].first_frame, ())


def put_messages(path: Path, messages: Messages, beat: Beat = no_beat) -> None:
    """Put messages of T.35 into the packets of a file of our own encoder.

    Args:
        path: the file; it is replaced.
        messages: returns those of a frame by its number in display order.
        beat: called as that makes progress.

    Raises:
        VerificationError: `verify.piece`: the file is not as our encoders write it.
        OSError: it cannot be read or written.
    """
    spare = path.with_name(path.name + _SPARE)
    try:
        samples, put = _samples_and_writer(path, messages, beat)
        with path.open("rb") as old, spare.open("w+b") as new:
            rewrite(cast(BinaryIO, old), cast(BinaryIO, new), samples, put)
        spare.replace(path)
    except (UnexpectedFileError, ValueError) as error:
        raise _unfit(str(error)) from None
    finally:
        spare.unlink(missing_ok=True)  # where the disk became full


def _unfit(reason: str) -> VerificationError:
    message = f"captions or dynamic metadata cannot be put into a segment: {reason}"
    return VerificationError(message, code="verify.piece")


def _samples_and_writer(
    path: Path, messages: Messages, beat: Beat
) -> tuple[list[Sample], Callable[[int, bytes], bytes]]:
    with open_media(path, beat=beat) as container:
        if not container.streams.video:
            raise _unfit("it holds no video")  # of a source in which no frame can be decoded
        stream = container.streams.video[0]
        context = stream.codec_context
        write = writer(context.codec.canonical_name, bytes(context.extradata or b""))
        if write is None:
            raise _unfit(f"{context.codec.canonical_name} holds none")
        found = [packet for packet in map(_place, packets(container, stream)) if packet is not None]
    frames = [0] * len(found)  # in display order, by the number of the packet
    for frame, number in enumerate(sorted(range(len(found)), key=lambda number: found[number][1])):
        frames[number] = frame

    def put(number: int, data: bytes) -> bytes:
        beat()
        here = messages(frames[number])
        return write(memoryview(data), here) if here else data

    return [sample for sample, _ in found], put


def _place(packet: Packet[Any]) -> tuple[Sample, int] | None:
    if not packet.size or packet.pts is None or packet.pos is None:
        return None
    return Sample(packet.pos, packet.size), packet.pts


def _seek(container: InputContainer, stream: VideoStream, first: int, time_base: Fraction) -> None:
    try:
        container.seek(first - round(_SEEK_MARGIN_SECONDS / time_base), stream=stream)
    except av.FFmpegError as error:
        out_of_memory.raise_if_short(error)
        container.seek(0)


def too_many_warning(lost: int) -> Finding:
    """Return the warning about messages that were left out."""
    message = f"{lost} messages for single frames are dropped: there are too many"
    return Finding("video.frame_messages_dropped", message, "no film has so many captions or dynamic metadata")


@dataclass
class _Collector:
    """Sorts the messages of packets by the output frames that get them."""

    source: VideoSource
    segment: Segment
    carried: CarriedMessages
    captions: list[tuple[int, int, int, bytes]] = field(default_factory=list)  # output frame, time, number, message
    others: dict[int, list[bytes]] = field(default_factory=dict)  # by the time of their frames
    before: tuple[int, list[bytes]] = (_NEVER, [])  # of the last frame whose time is before the segment
    size: int = 0
    lost: int = 0

    def is_past(self, dts: int | None) -> bool:
        """Return whether a packet and all after it belong to later frames: none is shown before it is decoded."""
        return dts is not None and self.source.timeline.index(dts) > self._beyond

    @property
    def _beyond(self) -> int:
        return self.segment.first_frame + self.segment.frames

    def add(self, time: int, messages: Sequence[FrameMessage]) -> None:
        """Take the messages of the frame that is shown at `time`."""
        end = self.carried.end
        timeline = self.source.timeline
        if time < timeline.origin or (end is not None and float(time * timeline.time_base) >= end - _ROUNDING):
            return
        wanted = [each for each in messages if each.kind in self.carried.kinds and each.data]
        others = [each.data for each in wanted if each.kind != "captions_a53"]
        if timeline.index(time) < self.segment.first_frame:
            if time > self.before[0]:
                self.before = (time, [])
            if time == self.before[0]:
                self._extend(self.before[1], others)
            return
        self.size += sum(len(each.data) for each in wanted)
        if self.size > _MAX_BYTES or len(self.captions) > _MOST_MESSAGES:
            self.lost += len(wanted)
            return
        frame = min(timeline.index(time), timeline.frames - 1)
        if frame < self._beyond:
            found = (each.data for each in wanted if each.kind == "captions_a53")
            self.captions += ((frame, time, number, data) for number, data in enumerate(found, len(self.captions)))
        self._extend(self.others.setdefault(time, []), others)

    def _extend(self, messages: list[bytes], more: Sequence[bytes]) -> None:
        fitting = more[: max(_MOST_OF_FRAME - len(messages), 0)]
        self.lost += len(more) - len(fitting)
        messages.extend(fitting)

    def result(self) -> dict[int, list[bytes]]:
        """Return the messages by the number of the output frame within the segment."""
        made = self._shown_with_frames()
        by_frame: dict[int, list[bytes]] = {}
        for frame, *_, message in sorted(self.captions):
            by_frame.setdefault(frame - self.segment.first_frame, []).append(message)
        for number, messages in by_frame.items():
            made.setdefault(number, []).extend(captions.joined(messages))
        return made

    def _shown_with_frames(self) -> dict[int, list[bytes]]:
        """The messages that stay with their frames, however often those are shown."""
        made: dict[int, list[bytes]] = {}
        left = _MAX_BYTES
        shown = sorted([self.before, *self.others.items()])
        for (time, messages), following in zip(shown, [*shown[1:], None], strict=True):
            first = self.segment.first_frame
            if time != _NEVER:
                first = max(self.source.timeline.index(time), first)
            last = self._beyond if following is None else self.source.timeline.index(following[0])
            frames = range(first, min(last, self._beyond) if messages else first)
            left -= len(frames) * sum(map(len, messages))
            if left < 0:
                self.lost += len(messages)
                continue
            for frame in frames:
                made[frame - self.segment.first_frame] = [*messages]
        return made
