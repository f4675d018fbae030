"""How much of a file is missing: runs of zeros, against the packets that they are in or between. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from framewatch.media.damage.zero_runs import Run, joined, without

ACCEPTED_SHARE = 0.05
"""A file with less damage than this, in bytes and in seconds, is worth upscaling; its user is warned."""

# Codecs whose frames never hold long runs of zeros, however dark or still the picture is. Others stuff their frames
# (MPEG-2, DNxHD, AC-3), or code black or silence as zeros (PCM, raw video, lossless codecs).
_NO_ZEROS = frozenset(
    {
        *("h264", "hevc", "vvc", "av1", "vp6", "vp6f", "vp8", "vp9", "theora", "vc1", "wmv1", "wmv2", "wmv3"),
        *("mpeg4", "msmpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "h261", "h263", "h263i", "h263p", "flv", "flv1"),
        *("rv10", "rv20", "rv30", "rv40", "svq1", "svq3"),
    }
)
# Codecs in which a whole frame may be zeros.
_ALL_ZEROS = (
    *("pcm_", "adpcm_", "dsd_", "tta", "ape", "shorten"),
    *("raw", "huffyuv", "ffvhuff", "utvideo", "magicyuv", "v210", "v308", "v408", "v410"),
)
_CONTAINER_HEADER = 64  # bytes: of a packet, in front of it or, where its place includes them, beyond its end
# Places of packets are not exact here. Runs that are longer than any piece are no content: a program stream has packs
# of 2 KiB, some of them of navigation, ASF pads its packets, of up to 64 KiB, and silence makes frames of sound of
# zeros. Shorter runs count where frames of a video are lost.
_LONGEST_PIECE = {
    "mpeg": 4096,
    "asf": 65_536,
    "gxf": 262_144,  # pads what it has to a multiple of its own
    "wtv": 262_144,  # it is a file system of its own, of sectors that are not filled
    "ogg": 4096,
    "mp3": 4096,
    "aac": 8192,
    "ac3": 8192,
    "eac3": 8192,
    "dts": 16_384,
    "amr": 4096,
    "flac": 65_536,
}
_UNPLACED = ("wtv", "gxf")  # where libav's places of packets are not those in the file, or these are padded
_LOST_FRAMES = Fraction(5, 2)  # so many times the usual distance of two frames
# Where the container has no DTS, libav derives them from the PTS of so many packets before, so a jump shows later.
_LATE_JUMP = 5
_SAMPLES_ONLY = ("mov", "wav", "aiff", "caf", "w64")  # what no packet refers to is of no use in these
_START_CODES = ("mpeg1video", "mpeg2video")  # whose stuffing ends with a start code (ISO/IEC 13818-2, 5.2.3)
# Where nothing but headers and, in MPEG streams, stuffing lies between packets. A longer gap was skipped by the
# demuxer to find its way again; in AVI, whose packets have no times, without a loss of frames that could be seen.
_LONGEST_GAPS = {"matroska": 4096, "flv": 4096, "avi": 4096, "mpeg": 65_536, "mpegts": 65_536}  # bytes
# A transport stream numbers its packets, so libav marks the frame that is cut off where some are lost, which may be
# some packets before the jump of time.
_MARK_BEFORE = 4
_LONGEST_LOSS = 60  # seconds: a longer jump is that of a joined recording
_MOST_BEFORE = 8  # packets before a run that may reach into it, where places of packets overlap


@dataclass
class PacketPlaces:
    """Where the packets of a file are, in bytes, and when those of the main stream are shown."""

    main: int  # index of the stream whose seconds count
    starts: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))
    streams: array[int] = field(default_factory=lambda: array("i"))
    times: array[int] = field(default_factory=lambda: array("q"))  # DTS, in ticks; of the main stream, else 0
    cut_off: set[int] = field(default_factory=set)  # numbers of packets of the main stream marked as damaged
    keys: set[int] = field(default_factory=set)  # numbers of its key frames
    _last: dict[int, int] = field(default_factory=dict)  # by stream: the number of its last packet

    def add(self, stream: int, place: int | None, size: int, time: int | None) -> None:
        """Note a packet; one whose place is unknown is put behind the one before it."""
        last = self._last.get(stream)
        if place is None or place < 0 or not size:
            if last is None or stream != self.main:
                return
            place, size = self.ends[last], 0
        if last is not None and self.starts[last] == place and stream != self.main:  # frames laced into one block
            self.ends[last] += size
            return
        self._last[stream] = len(self.starts)
        self.starts.append(place)
        self.ends.append(place + size)
        self.streams.append(stream)
        self.times.append(time if time is not None and stream == self.main else 0)

    def mark(self, stream: int, *, cut_off: bool, key: bool) -> None:
        """Note more about the packet of a stream that was added last."""
        if stream == self.main and stream in self._last:
            if cut_off:
                self.cut_off.add(self._last[stream])
            if key:
                self.keys.add(self._last[stream])


class Missing(NamedTuple):
    """What is missing of a file."""

    bytes: int = 0
    share: float = 0.0  # of bytes or of seconds, whichever is more
    seconds: float = 0.0

    @property
    def is_too_much(self) -> bool:
        """Whether the rest is not worth the work."""
        return self.share > ACCEPTED_SHARE


NOTHING = Missing()


class Clock(NamedTuple):
    """The time of the main stream."""

    time_base: Fraction  # seconds per tick
    start: Fraction  # seconds: when the file begins
    end: Fraction  # seconds: when it ends, by its header or its last packet, whichever is later


@dataclass(frozen=True)
class FileFacts:
    """What has to be known of a file to judge its zeros."""

    size: int  # bytes
    container: str  # libav's name of its format
    has_video: bool
    codecs: Sequence[str]  # of each stream, by index; "" for what is neither picture nor sound
    # These are read from the file where something is wrong with it.
    padded: Callable[[], Sequence[Run]] = tuple  # parts that hold no packets
    fragmented: Callable[[], bool] = lambda: False  # whether it is an MP4 file whose index is spread over it
    padding_end: Callable[[Run], int] = lambda run: run.start  # where the padding ends that a run is in
    is_chunk: Callable[[int], bool] = lambda _: False  # whether a part of an AVI file begins there that is no packet
    is_in_sync: Callable[[Run], bool] = lambda _: False  # whether a part of a transport stream consists of packets
    byte_at: Callable[[int], int] = lambda _: 0


def damaged_runs(runs: Sequence[Run], places: PacketPlaces, facts: FileFacts) -> list[Run]:
    """Return the parts of runs of zeros where something is missing."""
    if facts.container == "mpegts":  # each 188 bytes there begin with a mark, so no such run is content
        return list(runs)
    least = _LONGEST_PIECE.get(facts.container)
    if least is not None:
        if any(codec and _may_be_zeros(codec) for codec in facts.codecs):
            least = max(_LONGEST_PIECE.values())
        main = _Sorted(places, places.main)
        if facts.has_video:
            placed = facts.container not in _UNPLACED
            return [run for run in runs if run.size > least or (placed and main.loses_frames(run))]
        first = min(main.starts, default=0)  # tags come before
        return [run for run in runs if run.end - max(run.start, first) > least]
    return joined(_damaged_parts(runs, _Sorted(places), facts))


def skipped_runs(places: PacketPlaces, facts: FileFacts) -> list[Run]:
    """Return the parts of a file between its packets that the demuxer could not read."""
    longest = _LONGEST_GAPS.get(facts.container.partition(",")[0])
    if longest is None or not facts.has_video:
        return []
    packets, main = _Sorted(places), _Sorted(places, places.main)
    timed = facts.container != "avi"
    found: list[Run] = []
    reached = packets.starts[0] if packets.starts else facts.size
    for start, end in packets.extents(Run(facts.size, facts.size) if not timed else None):
        if start - reached > longest:
            left = [part for part in without(Run(reached, start), facts.padded()) if part.size > longest]
            lost = (part for part in left if (main.is_broken(part) if timed else not facts.is_chunk(part.start)))
            found += (part for part in lost if facts.container != "mpegts" or not facts.is_in_sync(part))
        reached = max(reached, end)
    return found


def lost_runs(places: PacketPlaces, facts: FileFacts, time_base: Fraction) -> list[Run]:
    """Return where a transport stream lacks packets: a cut frame, a jump of time, and no key frame behind it.

    A joined recording usually begins with a key frame.
    """
    if facts.container != "mpegts" or not places.cut_off:
        return []
    main = _Sorted(places, places.main)
    numbers, most = main.order, _LONGEST_LOSS / time_base
    return [
        Run(main.starts[after] - 1, main.starts[after])
        for after in range(1, len(numbers))
        if _LOST_FRAMES * main.usual_step < main.times[after] - main.times[after - 1] <= most
        and numbers[after] not in places.keys
        and not places.cut_off.isdisjoint(numbers[max(after - _MARK_BEFORE, 0) : after + 1])
    ]


def measure(runs: Sequence[Run], places: PacketPlaces, facts: FileFacts, clock: Clock) -> Missing:
    """Return how much is missing where these runs are."""
    if not runs:
        return Missing()
    lost = sum(run.size for run in runs)
    share = lost / max(facts.size, 1)
    whole = float(clock.end - clock.start)
    gaps = float(_seconds(runs, places, clock))
    return Missing(lost, max(share, gaps / whole if whole > 0 else 0.0), max(gaps, share * max(whole, 0.0)))


class _Sorted:
    """Packets in the order of the file."""

    def __init__(self, places: PacketPlaces, stream: int | None = None) -> None:
        chosen = (number for number in range(len(places.starts)) if stream in (None, places.streams[number]))
        self.order = sorted(chosen, key=places.starts.__getitem__)
        self.places = places
        self.starts = [places.starts[number] for number in self.order]

    def extents(self, last: Run | None) -> Iterator[Run]:
        """Yield where the packets are, and then a last place."""
        yield from (Run(self.places.starts[number], self.places.ends[number]) for number in self.order)
        if last is not None:
            yield last

    @cached_property
    def times(self) -> list[int]:
        """The DTS of each packet, in ticks."""
        return [self.places.times[number] for number in self.order]

    @cached_property
    def usual_step(self) -> int:
        """The usual distance of two packets in ticks: the median."""
        steps = sorted(after - before for before, after in pairwise(self.times) if after > before)
        return steps[len(steps) // 2] if steps else 0

    def around(self, run: Run) -> tuple[int, int]:
        """Return the positions of the last packet that begins before a run, and of the first behind it."""
        return bisect_right(self.starts, run.start) - 1, bisect_left(self.starts, run.end)

    def loses_frames(self, run: Run) -> bool:
        """Return whether the packets around a run are further apart in time than usual."""
        before, after = self.around(run)
        if before < 0 or after >= len(self.starts):
            return False
        jumps = (time - self.times[before] for time in self.times[after : after + _LATE_JUMP])
        return any(jump > (_LOST_FRAMES + late) * self.usual_step for late, jump in enumerate(jumps))

    def is_broken(self, part: Run) -> bool:
        """Return whether packets are lost that should be there: `loses_frames`, or there is none from there on.

        Demuxers leave out what follows up to the next key frame, of which there may be none.
        """
        return self.loses_frames(part) or 0 < len(self.starts) == self.around(part)[1]

    def overlapping(self, run: Run) -> Iterator[int]:
        """Yield the numbers of the packets that a run is in."""
        first = max(bisect_left(self.starts, run.start) - _MOST_BEFORE, 0)
        last = bisect_left(self.starts, run.end)
        yield from (number for number in self.order[first:last] if self.places.ends[number] > run.start)


def _damaged_parts(runs: Sequence[Run], packets: _Sorted, facts: FileFacts) -> Iterator[Run]:
    samples_only = bool(runs) and facts.container.startswith(_SAMPLES_ONLY) and not facts.fragmented()
    for run in runs:
        inside = [Run(packets.places.starts[each], packets.places.ends[each]) for each in packets.overlapping(run)]
        excused = [
            place
            for place, number in zip(inside, packets.overlapping(run), strict=True)
            if _is_content(run, place, facts.codecs[packets.places.streams[number]], facts.byte_at)
        ]
        if samples_only:
            parts = [Run(max(run.start, place.start), min(run.end, place.end)) for place in joined(inside)]
        else:
            begin = min(facts.padding_end(run), run.end)
            parts = list(without(Run(begin, run.end), facts.padded()))
        for part in parts:
            kept = without(part, joined(excused))
            yield from (each for each in kept if each.size >= _CONTAINER_HEADER)


def _is_content(run: Run, packet: Run, codec: str, byte_at: Callable[[int], int]) -> bool:
    """Return whether the zeros of a run that are in a packet may be what was encoded."""
    if _may_be_zeros(codec):
        return True
    if run.start <= packet.start:
        return False
    if packet.end <= run.end <= packet.end + _CONTAINER_HEADER:  # some encoders stuff their packets
        return True
    return byte_at(run.end) == 1 if codec in _START_CODES else codec not in _NO_ZEROS


def _may_be_zeros(codec: str) -> bool:
    return not codec or codec.startswith(_ALL_ZEROS)


def _seconds(runs: Sequence[Run], places: PacketPlaces, clock: Clock) -> Fraction:
    """Return the time of the main stream that is not shown as it should be."""
    packets = _Sorted(places, places.main)
    times = packets.times
    if not times:
        return clock.end - clock.start
    start, end = round(clock.start / clock.time_base), round(clock.end / clock.time_base)
    gaps: list[tuple[int, int]] = []
    for run in runs:
        before, after = packets.around(run)
        begin = start
        if before >= 0:
            is_hit = places.ends[packets.order[before]] > run.start
            begin = times[before] if is_hit else times[before] + packets.usual_step
        gaps.append((begin, times[after] if after < len(times) else end))
    return _union(gaps) * clock.time_base


def _union(spans: list[tuple[int, int]]) -> int:
    """Return how much is in at least one of some spans; those that end before they begin are empty."""
    total, reached = 0, min((begin for begin, _ in spans), default=0)
    for begin, end in sorted(spans):
        total += max(end - max(begin, reached), 0)
        reached = max(reached, end)
    return total
