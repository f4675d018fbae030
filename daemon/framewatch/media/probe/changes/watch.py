"""Notices where picture and sound change, as the packets of a file pass by.

Only the first bytes of key frames, and of packets of sound, are looked at. A decoder is used where these bytes
differ from those before, once for each different ones, and not more often than `_MOST_DECODED` times: in most files
never.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import InitVar, dataclass, field
from fractions import Fraction
from hashlib import blake2b
from typing import Any

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream as AvStream

from framewatch.domain import MOST_SPANS, Changes, Picture, PictureSpan, Sound, SoundSpan
from framewatch.media.probe.changes import picture_headers, sound_headers
from framewatch.media.probe.changes.decoding import Sample, decode_picture, decode_sound
from framewatch.media.probe.pyav_values import fraction

_MOST_DECODED = 50  # packets of a stream: a joined broadcast has a dozen
_MOST_PIXELS = 2**30  # of those packets, on one thread: 60 frames of 4K in the slowest codecs take a minute
_BROKEN_PIXELS = 2**25  # that one counts for which cannot be decoded, whatever was tried of it
_MOST_FIRST_BYTES = 2**26  # of the first packet, which is kept until another one differs
# Containers that state the shape of the pixels for the whole stream; players and ffmpeg then ignore the codec's.
_STATING_SHAPE = ("mov", "matroska", "mxf", "asf", "nut")


class ChangeWatch:
    """Watches the main video and the sound of a file."""

    def __init__(self, container: InputContainer, main: int | None) -> None:
        """`main`: the index of the main video; None: only sound is watched."""
        self._pictures = None if main is None else _PictureWatch(container, container.streams[main])
        self._sounds = {stream.index: _SoundWatch(stream) for stream in container.streams.audio if _decoder(stream)}
        self._main = main

    def add(self, packet: Packet[Any], time: int | None) -> None:
        """Look at the next packet of the file; `time`: when it is shown, in ticks of its stream."""
        index = packet.stream_index
        if time is None or not packet.size:
            return
        if self._pictures is not None and index == self._main:
            self._pictures.add(packet, time)
        elif (sound := self._sounds.get(index)) is not None:
            sound.add(packet, time)

    def result(self) -> Changes:
        """Return what was found."""
        pictures = self._pictures.spans() if self._pictures else []
        sounds = [span for watch in self._sounds.values() for span in watch.spans()]
        return Changes(
            pictures=tuple(pictures),
            more_pictures=self._pictures.unknown if self._pictures else 0,
            sounds=tuple(sounds),
            more_sounds=sum(watch.unknown for watch in self._sounds.values()),
            apart=bool(self._pictures and self._pictures.apart),
            sounds_apart=tuple(index for index, watch in self._sounds.items() if watch.apart),
            sounds_resent=tuple(index for index, watch in self._sounds.items() if watch.resent),
        )


def _decoder(stream: AvStream) -> str | None:
    context: Any = stream.codec_context
    return None if context is None else context.codec.name


def _canonical(stream: AvStream) -> str:
    context: Any = stream.codec_context
    return "" if context is None else context.codec.canonical_name


@dataclass
class _Watch(ABC):
    """Watches one stream: which packets state other parameters than the one before."""

    stream: InitVar[AvStream]  # not kept: it is gone when its container is closed
    apart: bool = False  # other parameters came beside the packets
    resent: bool = False  # parameters came beside packets in the middle
    unknown: int = 0  # changes beyond the limits
    _extradata: bytes = b""
    _header: bytes | None = None  # of the packet before; None before the first one
    _first: tuple[int, Sample] | None = None
    _last: Any = None  # of what was found
    _found: list[tuple[int, Any]] = field(default_factory=list)  # time and what was decoded
    _known: dict[bytes, Any] = field(default_factory=dict)  # by a hash of the parameters
    _pixels: int = 0  # that were decoded

    def __post_init__(self, stream: AvStream) -> None:
        context: Any = stream.codec_context
        self.index = stream.index
        self.codec = _decoder(stream)
        self._extradata = bytes(getattr(context, "extradata", None) or b"")
        self._base = fraction(stream.time_base)

    def look(self, packet: Packet[Any], time: int, header: bytes) -> None:
        """Take note of a packet that can be decoded alone, and of the parameters in it."""
        renewed = bytes(packet.get_sidedata("new_extradata")) if packet.has_sidedata("new_extradata") else b""
        if self._header is None:
            self._header = header
            if packet.size <= _MOST_FIRST_BYTES:
                self._first = time, Sample(bytes(packet), renewed or self._extradata)
            self._extradata = renewed or self._extradata
            return
        self.resent = self.resent or bool(renewed)
        if (not header or header == self._header) and (not renewed or renewed == self._extradata):
            return
        self.apart = self.apart or bool(renewed)
        self._header, self._extradata = header or self._header, renewed or self._extradata
        self._decode(packet, time)

    def _decode(self, packet: Packet[Any], time: int) -> None:
        if self._first is not None:
            begun, sample = self._first
            self._first = None
            self._note(begun, self.decode(sample))
        key = blake2b(b"%d:" % len(self._extradata) + self._extradata + (self._header or b"")).digest()
        if key not in self._known:
            if len(self._known) >= _MOST_DECODED or self._pixels >= _MOST_PIXELS:
                self.unknown += 1
                return
            self._known[key] = self.decode(Sample(bytes(packet), self._extradata))
        self._note(time, self._known[key])

    def _note(self, time: int, found: Any) -> None:
        """Enter what a packet is made of; one that cannot be decoded counts as the one before."""
        if found is None or found == self._last:
            return
        self._last = found
        if len(self._found) < MOST_SPANS:
            self._found.append((time, found))
        else:
            self.unknown += 1

    @abstractmethod
    def decode(self, sample: Sample) -> Any:
        """Return what a packet is made of; None where that cannot be told."""


class _PictureWatch(_Watch):
    def __init__(self, container: InputContainer, stream: AvStream) -> None:
        super().__init__(stream)
        self._find = picture_headers.picture_header(_canonical(stream), self._extradata)
        self._stated = fraction(getattr(stream, "sample_aspect_ratio", None))
        self._stating = container.format.name.startswith(_STATING_SHAPE)

    def add(self, packet: Packet[Any], time: int) -> None:
        if packet.is_keyframe and self.codec is not None:
            head = bytes(memoryview(packet)[: picture_headers.HEADER_BYTES])
            self.look(packet, time, self._find(head) if self._find else b"")

    def decode(self, sample: Sample) -> Picture | None:
        decoded = decode_picture(self.codec or "", sample)
        if decoded is None:
            self._pixels += _BROKEN_PIXELS
            return None
        picture, shape = decoded
        self._pixels += picture.width * picture.height
        if not self._found and self._stated > 0 and shape != self._stated:
            self._stating = True
        used = self._stated if self._stating and self._stated > 0 else shape
        return picture.evolve(sar=used if used > 0 else Fraction(1))

    def spans(self) -> list[PictureSpan]:
        """Return the pictures by their time; none where there is one."""
        found = sorted(self._found, key=lambda each: each[0]) if len(self._found) > 1 else []
        return [PictureSpan(pts=time, seconds=float(time * self._base), picture=each) for time, each in found]


class _SoundWatch(_Watch):
    def __init__(self, stream: AvStream) -> None:
        super().__init__(stream)
        # AAC has either a header in each packet, or a description beside them.
        described = _canonical(stream) == "aac" and self._extradata
        self._find = None if described else sound_headers.sound_header(_canonical(stream))

    def add(self, packet: Packet[Any], time: int) -> None:
        size = sound_headers.HEADER_BYTES
        head = bytes(memoryview(packet)[:size]).ljust(size, b"\0")
        self.look(packet, time, self._find(head) if self._find else b"")

    def decode(self, sample: Sample) -> Sound | None:
        return decode_sound(self.codec or "", sample)

    def spans(self) -> list[SoundSpan]:
        """Return the sounds by their time; none where there is one."""
        found = sorted(self._found, key=lambda each: each[0]) if len(self._found) > 1 else []
        return [SoundSpan(stream=self.index, seconds=float(time * self._base), sound=each) for time, each in found]
