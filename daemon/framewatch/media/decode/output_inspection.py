"""Inspect: reads a finished file to its end, decoding it, and tells what is really in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream as AvStream

from framewatch.domain import MediaInfo, Record, Stream
from framewatch.media import out_of_memory
from framewatch.media.decode.packet_digest import Digester, Payload
from framewatch.media.heartbeat import Beat, unheard
from framewatch.media.probe.probe import probe
from framewatch.media.probe.safe_open import fraction, lasting, open_media

# Nobody looks at the pictures. Smoothing the blocks' edges is a quarter of the work, and finds no damage: that shows
# where the bits are read.
_UNSEEN = {"skip_loop_filter": "all"}


class StreamInspection(Record):
    """What came out of one stream."""

    stream: Stream  # as probed: codec, size, SAR, colour tags, language
    packets: int
    frames: int  # decoded; 0 for subtitles, attachments and data, and for a video that was only read
    errors: int  # packets or frames that could not be decoded properly
    disordered: int = 0  # frames that are not shown later than the one before
    first: float | None  # seconds on the file's clock: when the first frame, or packet, is shown
    last: float | None  # when the last one begins
    duration: float  # seconds from the first's beginning to the last's end
    span: float  # the same by the packets' time stamps; some decoders swallow what is at the ends


class Inspection(Record):
    """What a finished file holds."""

    info: MediaInfo
    streams: tuple[StreamInspection, ...]  # in the file's order
    errors: int  # in all streams, and 1 more where reading broke off
    broken_off: str = ""  # why reading ended before the end; "" where it did not
    payload: Payload | None = None  # of the main video, where it was asked for

    @property
    def video(self) -> StreamInspection | None:
        """The main video."""
        main = self.info.main_video
        return next((each for each in self.streams if each.stream == main), None)


def inspect_output(
    path: Path,
    beat: Beat = unheard,
    threads: int = 0,
    *,
    decode: bool = True,
    groups: Sequence[int] | None = None,
) -> Inspection:
    """Read a file to its end, decoding video (threaded, no conversion to RGB) and audio.

    Args:
        path: the file.
        beat: called as that gets on.
        threads: that decode each video; 0: as many as there are cores.
        decode: False: the main video is only read, and its times are those of its packets.
        groups: also tell the main video's payload, in groups of so many packets (see `Digester`).

    Raises:
        MediaError: it cannot be opened, or is cut off (see `probe`).
        StorageError: the file is gone or cannot be read now.
    """
    info = probe(path, beat=beat)
    with open_media(path, beat=beat) as container:
        tallies = [_Tally(stream, container.streams[stream.index]) for stream in info.streams]
        main = next((tally for tally in tallies if tally.stream == info.main_video), None)
        if main is not None:
            main.only_read = not decode
            main.digester = None if groups is None else Digester(main.source, groups)
        for tally in tallies:
            tally.prepare(threads)
        broken_off = _read(container, tallies, beat)
    streams = tuple(tally.result() for tally in tallies)
    errors = sum(each.errors for each in streams) + bool(broken_off)
    payload = main.digester.result() if main is not None and main.digester else None
    return Inspection(info=info, streams=streams, errors=errors, broken_off=broken_off, payload=payload)


@dataclass
class _Tally:
    """Counts what comes out of one stream."""

    stream: Stream
    source: AvStream
    only_read: bool = False
    digester: Digester | None = None
    packets: int = 0
    frames: int = 0
    errors: int = 0
    disordered: int = 0
    first: Fraction | None = None
    last: Fraction | None = None
    end: Fraction = field(default=Fraction(0))
    spanned: tuple[Fraction, Fraction] | None = None  # first packet's beginning, last packet's end

    @property
    def decodes(self) -> bool:
        """Whether the stream is decoded, not only read."""
        context: Any = self.source.codec_context
        if self.only_read or self.stream.cover or context is None:
            return False
        return self.stream.kind in ("video", "audio")

    def prepare(self, threads: int) -> None:
        if not self.decodes:
            return
        options = {"err_detect": "explode+crccheck"}  # our own files hold to the letter
        if self.stream.kind == "video":
            self.source.codec_context.thread_type = "AUTO"
            self.source.codec_context.thread_count = threads
            options |= _UNSEEN
        self.source.codec_context.options = options

    def take(self, packet: Packet[Any]) -> None:
        real = packet.size > 0 or packet.dts is not None
        self.packets += real
        self.errors += packet.is_corrupt
        if real and self.digester is not None:
            self.digester.take(packet)
        base = fraction(packet.time_base)
        if packet.pts is not None and not packet.is_discard:
            begin = packet.pts * base
            end = begin + lasting(packet) * base
            before = self.spanned or (begin, end)
            self.spanned = (min(before[0], begin), max(before[1], end))
        if not self.decodes:
            if packet.pts is not None:
                self._note(packet.pts * base, self._shown(lasting(packet), base))
        elif packet.size or not real:
            self._decode(packet, base)

    def _decode(self, packet: Packet[Any], base: Fraction) -> None:
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            out_of_memory.blame(error)
            self.errors += 1
            return
        for frame in frames:
            self.frames += 1
            self.errors += frame.is_corrupt
            time = frame.pts if frame.pts is not None else frame.dts
            if time is not None:
                shown = time * base
                self.disordered += self.last is not None and shown <= self.last
                self._note(shown, self._lasting(frame, base))

    def _lasting(self, frame: Any, time_base: Fraction) -> Fraction:
        if self.stream.audio:
            return Fraction(frame.samples, frame.sample_rate)
        return self._shown(frame.duration, time_base)

    def _shown(self, ticks: int, time_base: Fraction) -> Fraction:
        """How long something is shown; a video's frame that does not say, for as long as its rate says."""
        rate = self.stream.video.rate if self.stream.video else None
        return ticks * time_base if ticks else 1 / rate if rate else Fraction(0)

    def _note(self, time: Fraction, lasting: Fraction) -> None:
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)
        self.end = max(self.end, time + lasting)

    def result(self) -> StreamInspection:
        return StreamInspection(
            stream=self.stream,
            packets=self.packets,
            frames=self.frames,
            errors=self.errors,
            disordered=self.disordered,
            first=None if self.first is None else float(self.first),
            last=None if self.last is None else float(self.last),
            duration=0.0 if self.first is None else float(self.end - self.first),
            span=0.0 if self.spanned is None else float(self.spanned[1] - self.spanned[0]),
        )


def _read(container: InputContainer, tallies: list[_Tally], beat: Beat) -> str:
    """Feed the tallies to the end; gives why that came too early, if it did."""
    try:
        for packet in container.demux():
            number = packet.stream.index  # `packet.stream_index` is 0 for the packets that end each stream
            if number < len(tallies):
                tallies[number].take(packet)
                beat()
    except av.FFmpegError as error:
        out_of_memory.blame(error)
        return error.strerror or "unknown error"
    return ""


def packets_in(path: Path, beat: Beat = unheard) -> int:
    """The packets of the first video stream of a file that we wrote: one a frame. 0 where it is no video at all.

    `beat` is called as reading gets on.

    Raises:
        StorageError: the file is gone or cannot be read now.
        MediaError: it is no media file, or is cut off.
    """
    with open_media(path, beat=beat) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            return 0
        try:
            return sum(packet.size > 0 for packet in container.demux(stream))
        except av.FFmpegError as error:
            out_of_memory.blame(error)
            return 0
