"""The output's time: where in the source it begins, which part it holds, how many frames and how long. Pure."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from framewatch.domain import MediaInfo, Record, Stream, Timeline
from framewatch.errors import Finding
from framewatch.media.plan.requested_timeline import begins, exact, timing_wish
from framewatch.media.preset.preset import Preset


class Cut(Record):
    """The part of the source that is kept, in seconds."""

    start: float  # after the source's beginning
    length: float | None  # None: to its end


class OutputTime(NamedTuple):
    """What is known of the output's frames before they are made."""

    rate: Fraction | None
    frames: int
    exact: bool  # `frames` is no estimate
    duration: float  # seconds
    last: float | None = None  # seconds from the first frame to the last, where each keeps its own time


def output_time(
    preset: Preset, info: MediaInfo, main: Stream, timeline: Timeline | None, *, copied: bool
) -> OutputTime:
    """The frames of an output with a picture."""
    if timeline and not copied:
        if timeline.times:
            last = float((timeline.times[-1] - timeline.times[0]) * timeline.time_base)
            return OutputTime(None, timeline.frames, exact=True, duration=timeline.duration, last=last)
        return OutputTime(timeline.rate, timeline.frames, exact=True, duration=timeline.duration)
    if timeline and timing_wish(preset).cuts:
        return OutputTime(None, timeline.source_frames, exact=False, duration=timeline.duration)
    # What a file states of its length is not always that of its packets, such as where Matroska begins later than 0.
    duration = timeline.duration if timeline else main.duration or info.duration
    rate = main.video.rate if main.video else None
    frames = timeline.source_frames if timeline else round(duration * float(rate or 25))
    return OutputTime(None, frames, exact=False, duration=duration)


def sound_time(info: MediaInfo, cut: Cut | None) -> OutputTime:
    """The length of an output without a picture."""
    rest = info.duration - (cut.start if cut else 0.0)
    length = rest if cut is None or cut.length is None else min(rest, cut.length)
    return OutputTime(None, 0, exact=False, duration=length)


def output_zero(preset: Preset, info: MediaInfo, timeline: Timeline | None) -> tuple[float, Cut | None]:
    """The time on the source's clock that is the output's zero, and the cut."""
    wish = timing_wish(preset)
    if not wish.cuts:
        return info.start, None
    zero = begins(wish, timeline, info.start)
    start = zero - exact(info.start)
    length = None if wish.end is None else float(exact(info.start) + wish.end - zero)
    return float(zero), Cut(start=float(start), length=length)


def video_start(zero: float, info: MediaInfo, main: Stream, timeline: Timeline | None) -> float:
    """Seconds after the output's zero at which its first frame is shown."""
    first = timeline.origin * timeline.time_base if timeline else Fraction(main.start or info.start)
    return max(0.0, round(float(first - Fraction(zero)), 6))


def cut_warnings(preset: Preset, cut: Cut | None) -> list[Finding]:
    """Where a copy begins, if not where it was asked for."""
    if cut is None or cut.start > (preset.start_time or 0.0) - 0.001:
        return []
    message = f"copied video can only begin with a key frame: it begins at {cut.start:.3f} s"
    return [Finding("cut.at_key_frame", message, 'processing_mode "reencode" cuts to the frame', "start_time")]
