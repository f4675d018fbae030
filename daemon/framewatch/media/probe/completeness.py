"""Notices what is missing inside a file while its packets are read, and decides whether the rest is worth it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache, partial
from typing import Any

from av.container import InputContainer
from av.packet import Packet

from framewatch.errors import Finding, FramewatchError, MediaError
from framewatch.media.damage.missing import (
    ACCEPTED_SHARE,
    NOTHING,
    Clock,
    FileFacts,
    Missing,
    PacketPlaces,
    damaged_runs,
    lost_runs,
    measure,
    skipped_runs,
)
from framewatch.media.damage.padding import is_avi_chunk, is_fragmented, is_in_sync, padded_parts, padding_end
from framewatch.media.damage.zero_runs import Run, ZeroRuns, joined
from framewatch.media.heartbeat import Beat
from framewatch.media.probe.pyav_values import fraction
from framewatch.media.probe.safe_open import AnyFile, open_file
from framewatch.media.probe.truncation import COPY_AGAIN_HINT

CORRUPT = "media.corrupt"
_KIB = 1024
_MIB = 2**20
_DAMAGING = 4096  # bytes: so many zeros in a row keep a file from being read
_SURVEYED = 2**30  # bytes that are read of a file that cannot be read as media, to say why
_PIECE = 4 * _MIB


class Completeness:
    """Watches the reading of one file."""

    def __init__(self, source: AnyFile, main: int, beat: Beat) -> None:
        """`main` is the index of the stream whose seconds are counted."""
        self._source = source
        self._beat = beat
        self._zeros = ZeroRuns()
        self._places = PacketPlaces(main)
        self.on_read = self._zeros.feed

    def add(self, packet: Packet[Any]) -> None:
        """Note a packet, unless it is the empty one that ends a stream: it would be one at time 0."""
        if packet.size == 0 and packet.dts is None:
            return
        time = packet.pts if packet.dts is None else packet.dts
        self._places.add(packet.stream_index, packet.pos, packet.size, time)
        self._places.mark(packet.stream_index, cut_off=packet.is_corrupt, key=packet.is_keyframe)

    @contextmanager
    def explains(self, container: InputContainer) -> Iterator[None]:
        """Report runs of zeros in place of what the block finds wrong with the packets around them.

        Raises:
            MediaError: `media.corrupt`, or what the block raises.
        """
        try:
            yield
        except MediaError as error:
            runs = damaged_runs(self._zeros.runs(), self._places, self._facts(container))
            if runs:
                raise _corrupt(self._source.name, sum(run.size for run in runs), _size(container)) from error
            raise

    def check(self, container: InputContainer, latest: Fraction) -> Missing:
        """Return what is missing, if it is little enough.

        Args:
            container: whose packets were read.
            latest: seconds: when its last packet ends.

        Raises:
            MediaError: `media.corrupt`.
        """
        if self._places.main >= len(container.streams):
            return NOTHING  # a file without streams, which is no medium
        facts = self._facts(container)
        time_base = fraction(container.streams[self._places.main].time_base) or Fraction(1, 1000)
        zeros = damaged_runs(self._zeros.runs(), self._places, facts)
        lost = lost_runs(self._places, facts, time_base)
        runs = joined([*zeros, *skipped_runs(self._places, facts), *lost])
        if not runs:
            return NOTHING
        start = Fraction(container.start_time or 0, 1_000_000)
        stated = start + Fraction(container.duration or 0, 1_000_000)
        clock = Clock(time_base, start, max(latest, stated))
        missing = measure(runs, self._places, facts, clock)
        if missing.is_too_much:
            raise _corrupt(self._source.name, missing.bytes, facts.size, missing.seconds)
        return missing

    def _facts(self, container: InputContainer) -> FileFacts:
        name = container.format.name
        return FileFacts(
            size=_size(container),
            container=name,
            has_video=bool(container.streams.video),
            codecs=[_codec(stream) for stream in container.streams],
            padded=cache(partial(self._padded, name)),
            fragmented=cache(partial(self._is_fragmented, name)),
            padding_end=partial(self._padding_end, name),
            is_chunk=self._is_chunk,
            is_in_sync=self._is_in_sync,
            byte_at=self._byte_at,
        )

    def _padding_end(self, container: str, run: Run) -> int:
        with open_file(self._source, beat=self._beat) as file:
            return padding_end(file, run, container)

    def _padded(self, container: str) -> list[Run]:
        with open_file(self._source, beat=self._beat) as file:
            return padded_parts(file, container)

    def _is_fragmented(self, container: str) -> bool:
        with open_file(self._source, beat=self._beat) as file:
            return is_fragmented(file, container)

    def _is_chunk(self, offset: int) -> bool:
        with open_file(self._source, beat=self._beat) as file:
            return is_avi_chunk(file, offset)

    def _is_in_sync(self, part: Run) -> bool:
        with open_file(self._source, beat=self._beat) as file:
            return is_in_sync(file, part)

    def _byte_at(self, offset: int) -> int:
        with open_file(self._source, beat=self._beat) as file:
            file.seek(offset)
            return (file.read(1) or b"\0")[0]


def missing_warning(missing: Missing) -> Finding:
    """Return the warning for a file of which a little is missing."""
    lost = f"{_shown(missing.bytes)} of the file are zeros or cannot be read"
    if missing.bytes < _KIB:
        lost = "packets of the file are lost"
    message = f"about {missing.seconds:.1f} seconds are missing: {lost}"
    hint = "the download was not complete, or the copy was bad: the frames before are shown longer there"
    return Finding("media.incomplete", message, hint)


def explain_unreadable(source: AnyFile, error: FramewatchError, beat: Beat, *, known: bool) -> FramewatchError:
    """Return why a file cannot be read as media: the zeros in it, or `error`.

    Where its first bytes are not those of a `known` format, zeros are the reason only if they come first.
    """
    zeros, offset = ZeroRuns(), 0
    with open_file(source, beat=beat) as file:
        size = file.seek(0, 2)
        file.seek(0)
        while offset < _SURVEYED and (piece := file.read(_PIECE)):
            zeros.feed(offset, piece)
            offset += len(piece)
    runs = zeros.runs()
    lost = sum(run.size for run in runs)
    damaging = [run for run in runs if run.size >= _DAMAGING or lost > ACCEPTED_SHARE * size]
    is_reason = any(known or run.start == 0 for run in damaging)
    return _corrupt(source.name, lost, size) if is_reason else error


def _corrupt(name: str, lost: int, size: int, seconds: float = 0.0) -> MediaError:
    if lost < _KIB <= size:
        message = f"{name} is damaged: packets of it are lost, about {seconds:.0f} seconds"
        return MediaError(message, code=CORRUPT, hint=f"the recording or the copy is bad: {COPY_AGAIN_HINT}")
    share = f"{100 * lost / max(size, 1):.0f}%" if lost < size else "all"
    about = f", about {seconds:.0f} seconds" if seconds >= 1 else ""
    message = f"{name} is damaged: {_shown(lost)} of it ({share}) are zeros or cannot be read{about}"
    hint = f"the download is not complete, or the copy is bad: {COPY_AGAIN_HINT}"
    return MediaError(message, code=CORRUPT, hint=hint)


def _shown(size: int) -> str:
    return f"{size / _MIB:.1f} MiB" if size >= _MIB else f"{size / _KIB:.1f} KiB"


def _size(container: InputContainer) -> int:
    return int(container.size)


def _codec(stream: Any) -> str:
    """Return the name of a codec, or "" for streams that are neither picture nor sound."""
    if stream.type not in ("video", "audio") or stream.codec_context is None:
        return ""
    return str(stream.codec_context.codec.canonical_name)
