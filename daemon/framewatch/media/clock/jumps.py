"""Finds where the clock of a recording jumps, while its packets are read once. Pure.

The rule is that of the ffmpeg program (`dts_delta_threshold`): in a container whose clock may jump, a step of more
than 10 s forward or 0.1 s back is no time that has passed, and what follows continues without a gap. ffmpeg applies
it to one stream after the other, as each jumps, which may separate them. Here the main stream decides, and the
others get the same offset, each from its own first packet with the new clock on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from framewatch.domain import ClockContainer, ClockStep, SourceClock
from framewatch.errors import Finding, MediaError

DISCONTINUOUS = ("asf", "flv", "mpeg", "mpegts", "ogg", "rm", "wtv")
"""Demuxers whose time stamps may jump, by libav's flag AVFMT_TS_DISCONT."""

TICKS = 90_000  # per second, of all streams of these containers (ISO/IEC 13818-1)
WRAP = 1 << 33  # ticks after which their clock begins again
_FORWARD = 10 * TICKS  # ffmpeg's dts_delta_threshold
_BACK = TICKS // 10
_OTHER_BACK = TICKS // 100  # of streams that only follow
_SAME_JUMP = 5 * TICKS  # streams of one recording do not end at the same time
_FAR = 20 * TICKS  # with a longer jump there is no doubt which clock a time belongs to
_REORDERED = 64  # packets among which the first one that is shown is looked for
_MOST_STEPS = 20_000
_FIRST_STREAM_ID = 0x100  # libav numbers parts of a private stream below
_PRIVATE_1 = 0xBD
_RECENT = 64  # packets
_REMEMBERED = 8192  # seconds
_NAMED = 5  # jumps that a warning names
_DOUBTED = 3  # packets before a jump that libav may mark as damaged, because packet numbers jump with the clock


class Stamp(NamedTuple):
    """What a packet says: where it is, and when it is decoded and shown, in ticks."""

    place: int | None  # byte offset
    dts: int
    pts: int
    duration: int


class Joint(NamedTuple):
    """A jump that is bridged."""

    at: float  # seconds after the beginning of the main stream
    seconds: float  # by which the clock jumps


class Bridged(NamedTuple):
    """The clock of a file that jumps, and where it does."""

    clock: SourceClock
    joints: tuple[Joint, ...]


@dataclass
class _Epoch:
    """The main stream from one jump to the next."""

    jump: int = 0  # ticks by which the clock jumped
    jumped: int = 0  # the same since the file's beginning
    first_dts: int = 0
    next_dts: int = 0
    first_shown: int = 0
    end_shown: int = 0
    packets: int = 0

    def add(self, stamp: Stamp) -> None:
        # libav derives a time that is not stated from those around it: before a jump, from another clock.
        shown = stamp.pts if 0 <= stamp.pts - stamp.dts <= _FORWARD else stamp.dts
        if not self.packets:
            self.first_dts, self.first_shown, self.end_shown = stamp.dts, shown, shown
        elif self.packets < _REORDERED:
            self.first_shown = min(self.first_shown, shown)
        self.end_shown = max(self.end_shown, shown + stamp.duration)
        self.next_dts = stamp.dts + stamp.duration
        self.packets += 1


class _Step(NamedTuple):
    stream: int | None
    first: int
    before: int
    epoch: int


class _Early(NamedTuple):
    first: int  # places
    before: int
    jump: int
    main: int  # DTS of the main stream


class _Stray(NamedTuple):
    """Packets of one stream with times that are far from all others, as damaged time stamps make them."""

    stream: int
    first: int  # places: of these packets, and of the one behind them
    end: int
    jump: int
    main: int  # DTS of the main stream
    epoch: int


@dataclass
class _Track:
    """What is known of one stream."""

    identifier: int
    timed: bool  # picture or sound, whose packets follow each other
    epoch: int = 0
    dts: int | None = None
    next_dts: int = 0
    places: deque[int] = field(default_factory=lambda: deque([0], maxlen=_DOUBTED))
    early: _Early | None = None  # it jumped when the main stream had not yet
    recent: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_RECENT))  # places and times
    # Places and times, from the main stream's last packet on: libav returns that only when the next one begins.
    history: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    lead: int = 0  # ticks by which it was ahead of the main stream before the last jump

    def note(self, stamp: Stamp) -> None:
        self.recent.append((self.place(stamp), stamp.dts))
        self.dts = stamp.dts
        self.next_dts = stamp.dts + stamp.duration
        if stamp.place is not None:
            self.places.append(stamp.place)

    def remember(self, stamp: Stamp) -> None:
        """Note when a packet comes, at most once a second."""
        if not self.history or abs(stamp.dts - self.history[-1][1]) >= TICKS:
            self.history.append((self.place(stamp), stamp.dts))

    def forget(self, place: int) -> None:
        """Drop what was remembered of packets before a place, but the last of them."""
        while len(self.history) > 1 and self.history[1][0] <= place:
            self.history.popleft()

    def first_on_clock(self, new: int, jump: int, place: int) -> int:
        """Return the first place with the new clock, of texts and data: where the clock jumps, or shortly before.

        A short packet comes out of libav before a long one that begins before it. A joined file may begin with one.
        """
        far = abs(jump) >= _FAR
        found = [at for at, time in self.recent if far and abs(time - new) < abs(time - (new - jump))]
        self.recent.clear()
        return min([place, *found])

    def step(self, stamp: Stamp) -> int:
        """Ticks by which a packet does not follow the one before it, or 0."""
        if self.dts is None or not self.timed:
            return 0
        step = stamp.dts - self.next_dts
        return step if step > _FORWARD or stamp.dts + _OTHER_BACK < self.dts else 0

    def place(self, stamp: Stamp) -> int:
        return self.places[-1] + 1 if stamp.place is None else stamp.place


class JumpDetector:
    """Takes all packets of a file in their order."""

    def __init__(self, container: ClockContainer, main: int) -> None:
        """`main` is the index of the stream whose clock counts."""
        self._container = container
        self._main = main
        self._tracks: dict[int, _Track] = {}
        self._epochs = [_Epoch()]
        self._steps: list[_Step] = []
        self._strays: list[_Stray] = []

    def add(self, index: int, identifier: int, stamp: Stamp, *, timed: bool) -> None:
        """Note a packet.

        Args:
            index: of its stream.
            identifier: of its stream in the file, by libav.
            stamp: its place and times.
            timed: it is picture or sound.

        Raises:
            MediaError: `media.timestamps`: there are too many jumps.
        """
        if index not in self._tracks:
            self._tracks[index] = _Track(self._key(identifier), timed, epoch=len(self._epochs) - 1)
        track = self._tracks[index]
        if index == self._main:
            self._add_main(track, stamp)
        else:
            self._add_other(track, stamp)
        track.note(stamp)

    def _key(self, identifier: int) -> int:
        """Return what a packet's header has of its stream: in a program stream, sound may be a part of private 1."""
        if self._container == "mpegts":
            return identifier
        return identifier & 0xFF if identifier >= _FIRST_STREAM_ID else _PRIVATE_1

    def _add_main(self, track: _Track, stamp: Stamp) -> None:
        if track.dts is not None:
            jump = stamp.dts - track.next_dts
            if (jump > _FORWARD and not self._time_passed(jump)) or stamp.dts + _BACK < track.dts:
                self._begin_epoch(track, stamp, jump)
        self._epochs[-1].add(stamp)
        for each in self._tracks.values():
            each.forget(track.place(stamp))

    def _time_passed(self, jump: int) -> bool:
        """Return whether another stream went on while the main one paused: then the clock has not jumped."""
        others = (each for each in self._tracks.values() if each.timed and each.early is None and each.history)
        return any((each.dts or 0) - each.history[0][1] > jump / 2 for each in others)

    def _begin_epoch(self, track: _Track, stamp: Stamp, jump: int) -> None:
        number = len(self._epochs)
        self._epochs.append(_Epoch(jump=jump, jumped=self._epochs[-1].jumped + jump))
        place = track.place(stamp)
        self._steps.append(_Step(None, place, place, number))
        self._switch(track, place, track.places[0], number)
        for each in self._tracks.values():
            early = each.early
            if not each.timed:
                first = each.first_on_clock(stamp.dts, jump, place)
                self._switch(each, first, first, number)
            elif early and _is_same(early.jump, jump) and (track.dts or 0) - early.main < _FAR:
                self._switch(each, early.first, early.before, number)
            elif each.dts is not None:
                each.lead = each.dts - (track.dts or 0)
            each.early = None

    def _add_other(self, track: _Track, stamp: Stamp) -> None:
        if not track.timed:
            return
        track.remember(stamp)
        newest, step = len(self._epochs) - 1, track.step(stamp)
        place = track.place(stamp)
        if track.epoch == newest:
            if step and track.early and self._returns(track.early, step) and self._is_told_apart(track):
                early, track.early = track.early, None
                self._require_few()
                stray = _Stray(track.identifier, early.first, place, early.jump, early.main, newest)
                self._strays.append(stray)
            elif step:
                track.early = _Early(place, track.places[0], step, self._main_dts)
            return
        jump = self._epochs[-1].jumped - self._epochs[track.epoch].jumped
        if (step and _is_same(step, jump)) or self._is_on_new_clock(track, stamp, jump):
            self._switch(track, place, track.places[0], newest)

    def _returns(self, early: _Early, step: int) -> bool:
        """Return whether a stream that jumped goes back at once, to where it would be without that."""
        is_short = 0 <= self._main_dts - early.main < _FORWARD
        return is_short and abs(early.jump) > _FORWARD and abs(step + early.jump) < _BACK

    def _is_told_apart(self, track: _Track) -> bool:
        """Return whether no other stream has the same identifier, as parts of private 1 do."""
        return sum(each.identifier == track.identifier for each in self._tracks.values()) == 1

    def _is_on_new_clock(self, track: _Track, stamp: Stamp, jump: int) -> bool:
        new, time = self._main_dts, stamp.dts - track.lead
        return abs(time - new) <= abs(time - (new - jump))

    @property
    def _main_dts(self) -> int:
        main = self._tracks.get(self._main)
        return main.dts or 0 if main else 0

    def _switch(self, track: _Track, first: int, before: int, epoch: int) -> None:
        self._require_few()
        track.epoch = epoch
        self._steps.append(_Step(track.identifier, first, before, epoch))

    def _require_few(self) -> None:
        if len(self._steps) + 2 * len(self._strays) >= _MOST_STEPS:
            message = f"the clock of this file jumps too often ({len(self._epochs) - 1} times)"
            hint = "its time stamps are damaged: rewrite them"
            raise MediaError(message, code="media.timestamps", hint=hint)

    def result(self) -> Bridged | None:
        """Return how the jumps are bridged; None where there are none."""
        if len(self._epochs) == 1 and not self._strays:
            return None
        offsets, joints, offset = [0], [], 0
        start = self._epochs[0].first_shown
        for before, after in zip(self._epochs, self._epochs[1:], strict=False):
            # In the order of decoding, too, no packet may come before the last one.
            step = max(before.end_shown - after.first_shown, before.next_dts - after.first_dts)
            at = before.end_shown + offset - start
            offset += step
            offsets.append(offset)
            joints.append(Joint(at / TICKS, _nearest(after.jump) / TICKS))
        for each in self._strays:
            joints.append(Joint((each.main + offsets[each.epoch] - start) / TICKS, _nearest(each.jump) / TICKS))
        clock = SourceClock(container=self._container, steps=tuple(self._clock_steps(offsets)))
        return Bridged(clock, tuple(sorted(joints)))

    def _clock_steps(self, offsets: Sequence[int]) -> list[ClockStep]:
        """Return all steps, in the order of the file."""
        found = [(each.first, each.epoch, each.before, each.stream, offsets[each.epoch]) for each in self._steps]
        for each in self._strays:
            offset = offsets[each.epoch]
            found.append((each.first, each.epoch, each.first, each.stream, offset - each.jump))
            found.append((each.end, each.epoch, each.end, each.stream, offset))
        found.sort(key=lambda step: step[:2])
        return [
            ClockStep(stream=stream, first=first, before=before, offset=offset % WRAP)
            for first, _, before, stream, offset in found
        ]


def _is_same(one: int, other: int) -> bool:
    """Return whether two streams may have made the same jump."""
    return abs(one - other) <= max(_SAME_JUMP, abs(other) // 2) and (one < 0) == (other < 0)


def _nearest(jump: int) -> int:
    """Return a jump as the recorder's clock made it: libav adds a whole turn to times before the file's first."""
    return (jump + WRAP // 2) % WRAP - WRAP // 2


def jump_warning(joints: tuple[Joint, ...]) -> Finding:
    """Return the warning for jumps that were bridged."""
    named = [f"at {clock_text(each.at)} by {each.seconds:+.1f} s" for each in joints[:_NAMED]]
    more = len(joints) - len(named)
    listed = ", ".join(named) + (f", and {more} more" if more > 0 else "")
    message = f"the clock of this recording jumps {listed}: what follows continues without a gap"
    hint = "it was joined or interrupted; nothing of it is left out"
    return Finding("media.clock_jumps", message, hint)


def clock_text(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes) // 60}:{int(minutes) % 60:02}:{rest:06.3f}"
