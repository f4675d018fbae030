"""Packets and values of PyAV as plain Python types, the same for PyAV 18 and 19."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Protocol, cast

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream as AvStream

from framewatch.media.probe.structure.content import UNTIMED

_REORDERED_CODECS = ("h264", "hevc")  # of which libav believes only a PTS that the container states
_WRAPPED_TICKS = 1 << 31


class _Ratio(Protocol):
    """A rational number of PyAV: a `Fraction` in version 18, an `AVRational` in version 19."""

    @property
    def numerator(self) -> int: ...

    @property
    def denominator(self) -> int: ...


def fraction(ratio: _Ratio | None) -> Fraction:
    """Return a time base, frame rate or aspect ratio of libav; 0, as in libav itself, if it is not set."""
    return Fraction(ratio.numerator, ratio.denominator) if ratio else Fraction(0)


def tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a container, stream or chapter, with U+FFFD in place of bytes that are not UTF-8."""
    return {_replace_surrogates(name): _replace_surrogates(value) for name, value in metadata.items()}


def _replace_surrogates(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def packets(container: InputContainer, *streams: AvStream) -> Iterator[Packet[Any]]:
    """Read the packets of these streams, by default of all, and the empty ones that end each stream.

    Those of raw streams, which have no times of their own, get a DTS, and those of ASF that are in order their PTS.

    Streams that appear while reading, as they may in FLV and MPEG-TS, are left out. PyAV skips their packets, but
    at the end it tries to end them as well: it reads behind the end of its table of wanted streams, and may look for
    one that it does not know. All others have been ended by then.
    """
    read = container.demux(*streams)
    if container.format.name in UNTIMED:
        read = _in_time(container, read)
    elif container.format.name == "asf":
        read = _in_order(container, read)
    try:
        yield from read
    except IndexError:
        return


def _in_time(container: InputContainer, read: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """Give each packet of a raw stream a DTS: when it would be shown if packets were in the order of their frames."""
    clock, stream = 0, container.streams.video[0]
    rate, base = fraction(stream.guessed_rate), fraction(stream.time_base)
    usual = round(1 / (rate * base)) if rate and base else 1
    for packet in read:
        if packet.size:
            packet.pts, packet.dts = None, clock
            clock += packet_duration(packet) or usual
        yield packet


def _in_order(container: InputContainer, read: Iterator[Packet[Any]]) -> Iterator[Packet[Any]]:
    """Give packets of ASF that hold the frames in their order the PTS that they state.

    libav takes it for a DTS, and where there might be B-frames it makes up the PTS: the time of the next packet.
    """
    contexts = {each.index: cast(Any, each.codec_context) for each in container.streams.video}
    ordered = {
        index for index, context in contexts.items()
        if context is not None and context.codec.canonical_name in _REORDERED_CODECS and not context.has_b_frames
    }  # fmt: skip
    for packet in read:
        if packet.stream_index in ordered and packet.dts is not None:
            packet.pts = packet.dts
        yield packet


def packet_duration(packet: Packet[Any]) -> int:
    """Return the duration of a packet in ticks; 0, as in libav itself, if it is not stated.

    libav gives the trimmed last packet of a Vorbis stream a negative duration, as 32 bits without a sign.
    """
    ticks = packet.duration or 0
    wrapped = ticks >= _WRAPPED_TICKS and packet.stream.type == "audio"  # a subtitle may stay forever
    return 0 if wrapped else ticks
