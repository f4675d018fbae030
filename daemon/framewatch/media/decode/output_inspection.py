"""Reads a finished file to its end and reports what is really in it: frames, times, errors."""

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
from framewatch.media.decode.packet_digest import Payload, PayloadDigester
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.media.probe.probe import probe
from framewatch.media.probe.pyav_values import fraction, packet_duration, packets
from framewatch.media.probe.safe_open import open_media

# The frames are counted, not looked at. The loop filter is a quarter of the work and finds no damage, which shows
# when the bitstream is parsed.
_SKIP_LOOP_FILTER = {"skip_loop_filter": "all"}
# An output of our own has no excuse for errors that players would tolerate.
_STRICT = {"err_detect": "explode+crccheck"}


class StreamInspection(Record):
    """What came out of one stream."""

    stream: Stream  # as probed: codec, size, SAR, colour tags, language
    packets: int
    size: int = 0  # bytes of all packets
    frames: int  # decoded; 0 for subtitles, attachments and data, and for a video that was not decoded
    errors: int  # packets and frames that could not be decoded properly
    disordered: int = 0  # frames that are not shown later than the one before
    first: float | None  # seconds on the file's clock: start of the first frame or packet
    last: float | None  # start of the last one
    duration: float  # seconds from the start of the first to the end of the last
    span: float  # the same by the packets' time stamps: some decoders drop samples at the ends


class Inspection(Record):
    """What a finished file holds."""

    info: MediaInfo
    streams: tuple[StreamInspection, ...]  # in file order
    errors: int  # of all streams, plus 1 if reading broke off
    broken_off: str | None = None  # why reading ended early; None if it did not
    payload: Payload | None = None  # of the main video, if it was asked for

    @property
    def video(self) -> StreamInspection | None:
        """The main video."""
        main = self.info.main_video
        return next((each for each in self.streams if each.stream == main), None)


def inspect_output(
    path: Path,
    beat: Beat = no_beat,
    threads: int | None = None,
    *,
    decode: bool = True,
    groups: Sequence[int] | None = None,
) -> Inspection:
    """Read a file to its end, and decode its video (without conversion to RGB) and audio.

    Args:
        path: the file.
        beat: called as that makes progress.
        threads: of each video decoder; None: as many as there are cores.
        decode: False: only read the main video; its times are then those of its packets.
        groups: also compute the main video's payload, in groups of these numbers of packets (`PayloadDigester`).

    Raises:
        MediaError: it cannot be opened, or is truncated (see `probe`).
        StorageError: the file is gone or cannot be read now.
    """
    info = probe(path, beat=beat, described=False)
    with open_media(path, beat=beat) as container:
        counters = [_StreamCounter(stream, container.streams[stream.index]) for stream in info.streams]
        main = next((each for each in counters if each.stream == info.main_video), None)
        if main is not None:
            main.read_only = not decode
            main.digester = None if groups is None else PayloadDigester(main.source, groups)
        for counter in counters:
            counter.prepare_decoder(threads or 0)
        broken_off = _read(container, counters, beat)
    streams = tuple(counter.result() for counter in counters)
    errors = sum(each.errors for each in streams) + (broken_off is not None)
    payload = main.digester.payload() if main is not None and main.digester else None
    return Inspection(info=info, streams=streams, errors=errors, broken_off=broken_off, payload=payload)


@dataclass
class _StreamCounter:
    """Counts what comes out of one stream."""

    stream: Stream
    source: AvStream
    read_only: bool = False
    digester: PayloadDigester | None = None
    packets: int = 0
    size: int = 0
    frames: int = 0
    errors: int = 0
    disordered: int = 0
    first: Fraction | None = None
    last: Fraction | None = None
    end: Fraction = field(default=Fraction(0))
    span: tuple[Fraction, Fraction] | None = None  # start of the first packet, end of the last

    @property
    def decodes(self) -> bool:
        """Whether the stream is decoded, not only read."""
        context: Any = self.source.codec_context
        if self.read_only or self.stream.cover or context is None:
            return False
        return self.stream.kind in ("video", "audio")

    def prepare_decoder(self, threads: int) -> None:
        if not self.decodes:
            return
        options = dict(_STRICT)
        if self.stream.kind == "video":
            self.source.codec_context.thread_type = "AUTO"
            self.source.codec_context.thread_count = threads
            options |= _SKIP_LOOP_FILTER
        self.source.codec_context.options = options

    def add(self, packet: Packet[Any]) -> None:
        is_real = packet.size > 0 or packet.dts is not None  # PyAV ends each stream with an empty packet
        self.packets += is_real
        self.size += packet.size
        self.errors += packet.is_corrupt
        if is_real and self.digester is not None:
            self.digester.add(packet)
        base = fraction(packet.time_base)
        if packet.pts is not None and not packet.is_discard:
            begin = packet.pts * base
            end = begin + packet_duration(packet) * base
            known = self.span or (begin, end)
            self.span = (min(known[0], begin), max(known[1], end))
        if not self.decodes:
            if packet.pts is not None:
                self._add_time(packet.pts * base, self._shown(packet_duration(packet), base))
        elif packet.size or not is_real:
            self._decode(packet, base)

    def _decode(self, packet: Packet[Any], base: Fraction) -> None:
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            out_of_memory.raise_if_short(error)
            self.errors += 1
            return
        for frame in frames:
            self.frames += 1
            self.errors += frame.is_corrupt
            ticks = frame.pts if frame.pts is not None else frame.dts
            if ticks is not None:
                time = ticks * base
                self.disordered += self.last is not None and time <= self.last
                self._add_time(time, self._frame_duration(frame, base))

    def _frame_duration(self, frame: Any, time_base: Fraction) -> Fraction:
        if self.stream.audio:
            return Fraction(frame.samples, frame.sample_rate)
        return self._shown(frame.duration, time_base)

    def _shown(self, ticks: int, time_base: Fraction) -> Fraction:
        """Duration in seconds; for a video frame that does not state one, that of its average rate."""
        rate = self.stream.video.rate if self.stream.video else None
        return ticks * time_base if ticks else 1 / rate if rate else Fraction(0)

    def _add_time(self, time: Fraction, duration: Fraction) -> None:
        self.first = time if self.first is None else min(self.first, time)
        self.last = time if self.last is None else max(self.last, time)
        self.end = max(self.end, time + duration)

    def result(self) -> StreamInspection:
        return StreamInspection(
            stream=self.stream,
            packets=self.packets,
            size=self.size,
            frames=self.frames,
            errors=self.errors,
            disordered=self.disordered,
            first=None if self.first is None else float(self.first),
            last=None if self.last is None else float(self.last),
            duration=0.0 if self.first is None else float(self.end - self.first),
            span=0.0 if self.span is None else float(self.span[1] - self.span[0]),
        )


def _read(container: InputContainer, counters: list[_StreamCounter], beat: Beat) -> str | None:
    """Feed the counters to the end; return why that came too early, if it did."""
    try:
        for packet in packets(container):
            index = packet.stream.index  # `packet.stream_index` is 0 for the packets that end each stream
            if index < len(counters):
                counters[index].add(packet)
                beat()
    except av.FFmpegError as error:
        out_of_memory.raise_if_short(error)
        return error.strerror or "unknown error"
    return None


def count_packets(path: Path, beat: Beat = no_beat) -> int:
    """Count the packets of the first video stream, of which our encoders write one for each frame; 0 without a video.

    `beat` is called as reading makes progress.

    Raises:
        StorageError: the file is gone or cannot be read now.
        MediaError: it is no media file, or is truncated.
    """
    with open_media(path, beat=beat) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            return 0
        try:
            return sum(packet.size > 0 for packet in packets(container, stream))
        except av.FFmpegError as error:
            out_of_memory.raise_if_short(error)
            return 0
