"""The output's time: the timeline that a preset asks for, where it starts in the source, and how long it is. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from framewatch.domain import MediaInfo, Record, Stream, Timeline
from framewatch.errors import Finding
from framewatch.media.clock.jumps import DISCONTINUOUS, clock_text
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.packet_scan import ScanResult, Spans
from framewatch.media.timeline import FALLBACK_RATE, Interval, dropped_frames, plan_timeline, with_own_times

_STANDSTILL_SECONDS = 3  # that a picture may stand still without a warning
_NAMED_STANDSTILLS = 5


class TimelineRequest(Record):
    """What a preset asks of the timeline. Times are seconds after the file's own beginning."""

    start: Fraction | None = None
    end: Fraction | None = None
    rate: Fraction | None = None  # None: the source's
    preserve: bool = False  # each frame keeps its own time
    at_key_frame: bool = False  # copied packets can be shown only from a key frame on

    @property
    def cuts(self) -> bool:
        """Whether a part of the source is left out."""
        return self.start is not None or self.end is not None


def timeline_request(preset: Preset) -> TimelineRequest:
    """Return the part of `preset` that decides when which frame is shown."""
    return TimelineRequest(
        start=_exact(preset.start_time) if preset.start_time else None,
        end=None if preset.end_time is None else _exact(preset.end_time),
        rate=None if preset.fps == "original" else Fraction(preset.fps),
        preserve=preset.frame_timing == "preserve",
        at_key_frame=preset.processing_mode == "copy",
    )


def requested_timeline(
    request: TimelineRequest, scanned: ScanResult, stated_rate: Fraction | None, file_start: float
) -> Timeline:
    """Return the timeline for a scanned video.

    Args:
        request: from `timeline_request`.
        scanned: when the source shows its frames.
        stated_rate: the container's average rate.
        file_start: seconds on the source's clock at which the file begins.

    Raises:
        MediaError: as `plan_timeline`.
    """
    start = None if request.start is None else request.start + _exact(file_start)
    end = None if request.end is None else request.end + _exact(file_start)
    if request.at_key_frame and start is not None:
        start = _key_frame_before(start, scanned)
    timeline = plan_timeline(
        scanned.pts,
        scanned.time_base,
        stated_rate,
        scanned.last_duration,
        cut=Interval(start, end),
        forced_rate=request.rate,
    )
    if not request.preserve:
        return timeline
    return with_own_times(timeline, scanned.pts, scanned.last_duration, end, scanned.repeats)


def standstill_warnings(container: str, scanned: ScanResult, timeline: Timeline) -> list[Finding]:
    """Return a warning where a recording has no frames for seconds; in other containers that may be meant."""
    if container not in DISCONTINUOUS:
        return []
    least = _STANDSTILL_SECONDS / scanned.time_base
    last = timeline.origin + timeline.duration / float(timeline.time_base)
    kept = (time for time in scanned.pts if timeline.origin <= time <= last)
    found = [(time, after - time) for time, after in pairwise(kept) if after - time > least]
    if not found:
        return []
    seconds = float(timeline.time_base)
    named = [
        f"for {length * seconds:.1f} s at {clock_text((time - timeline.origin) * seconds)}"
        for time, length in found[:_NAMED_STANDSTILLS]
    ]
    more = f", and {len(found) - len(named)} times more" if len(found) > len(named) else ""
    message = f"the picture stands still {', '.join(named)}{more}: the source has no frames there"
    return [Finding("media.standstill", message, "look for a better recording, or cut that part out")]


def dropped_frames_warnings(
    request: TimelineRequest, scanned: ScanResult, timeline: Timeline, file_start: float
) -> list[Finding]:
    """Return a warning where frames come faster than the constant rate of the output, or several at one time.

    A rate that the preset asks for may be lower than the source's, so frames that it drops are as they should be. A
    copy drops none.
    """
    if request.rate is not None or request.at_key_frame:
        return []
    end = None if request.end is None else (request.end + _exact(file_start)) / scanned.time_base
    kept = scanned.pts if end is None else scanned.pts[: bisect_left(scanned.pts, end)]
    if timeline.times:
        new = sum(time >= timeline.origin and time not in scanned.repeats for time in kept)
        message = f"{new - timeline.frames} of {new} frames are dropped: they have the time of another frame"
        return [Finding("timing.frames_dropped", message)] if new > timeline.frames else []
    dropped = dropped_frames(timeline, kept, scanned.repeats)
    if not dropped:
        return []
    frames = "1 frame is" if dropped == 1 else f"{dropped} frames are"
    rate = f"{float(timeline.rate):.3f}".rstrip("0").rstrip(".")
    message = f"{frames} dropped of {len(kept)}: the source's times are uneven, and the output has {rate} a second"
    hint = "frame_timing: preserve shows each frame at its own time"
    return [Finding("timing.frames_dropped", message, hint, "frame_timing")]


def _key_frame_before(start: Fraction, scanned: ScanResult) -> Fraction:
    number = bisect_right(scanned.keyframes, start / scanned.time_base) - 1
    return scanned.keyframes[max(number, 0)] * scanned.time_base


def lengths_in_cut(
    request: TimelineRequest, timeline: Timeline | None, spans: Spans, file_start: float
) -> dict[int, float]:
    """Seconds that each stream lasts within the cut, by its index."""
    if not request.cuts:
        return {index: float(until - since) for index, (since, until) in spans.items()}
    first = _start(request, timeline, file_start)
    last = None if request.end is None else _exact(file_start) + request.end
    return {
        index: max(0.0, float((until if last is None else min(until, last)) - max(since, first)))
        for index, (since, until) in spans.items()
    }


class Cut(Record):
    """The part of the source that is kept, in seconds."""

    start: float  # after the source's beginning
    length: float | None  # None: to its end


def output_zero(preset: Preset, info: MediaInfo, timeline: Timeline | None) -> tuple[float, Cut | None]:
    """Return the time on the source's clock that is the output's zero, and the cut."""
    request = timeline_request(preset)
    if not request.cuts:
        return info.start, None
    zero = _start(request, timeline, info.start)
    start = zero - _exact(info.start)
    length = None if request.end is None else float(_exact(info.start) + request.end - zero)
    return float(zero), Cut(start=float(start), length=length)


def _start(request: TimelineRequest, timeline: Timeline | None, file_start: float) -> Fraction:
    """Seconds on the source's clock at which the output begins.

    That is the first frame of the cut, less than a frame after the time that was asked for, so that no output starts
    without video; for a copy, the key frame that it needs; and the time itself where video only starts later.
    """
    start = _exact(file_start) + (request.start or 0)
    if timeline is None or not request.start:
        return start
    first = timeline.origin * timeline.time_base
    return first if first - start < 1 / timeline.rate else start


def _exact(seconds: float) -> Fraction:
    """Return a time as the user wrote it, to the microsecond."""
    return Fraction(round(seconds * 1_000_000), 1_000_000)


def video_start(zero: float, info: MediaInfo, main: Stream, timeline: Timeline | None) -> float:
    """Seconds after the output's zero at which its first frame is shown."""
    first = timeline.origin * timeline.time_base if timeline else Fraction(main.start or info.start)
    return max(0.0, round(float(first - Fraction(zero)), 6))


def grid_lead(zero: float, timeline: Timeline | None) -> float:
    """Seconds, less than a frame, by which the grid of output frames begins before the output does; mostly none."""
    lead = Fraction(zero) - timeline.origin * timeline.time_base if timeline and not timeline.times else Fraction(0)
    return max(0.0, round(float(lead), 6)) if timeline and lead < 1 / timeline.rate else 0.0


class FrameTiming(NamedTuple):
    """What is known of the output's frames before they are made."""

    rate: Fraction | None  # None: each frame keeps the source's time
    frames: int
    exact: bool  # `frames` is not an estimate
    duration: float  # seconds
    last: float | None = None  # seconds from the first frame to the last, where each keeps its own time


def frame_timing(
    preset: Preset, info: MediaInfo, main: Stream, timeline: Timeline | None, *, copied: bool
) -> FrameTiming:
    """Return the timing of an output with video."""
    if timeline and not copied:
        if timeline.times:
            last = float((timeline.times[-1] - timeline.times[0]) * timeline.time_base)
            return FrameTiming(None, timeline.frames, exact=True, duration=timeline.duration, last=last)
        return FrameTiming(timeline.rate, timeline.frames, exact=True, duration=timeline.duration)
    if timeline and timeline_request(preset).cuts:
        return FrameTiming(None, timeline.source_frames, exact=False, duration=timeline.duration)
    # The length that a file states is not always that of its packets, such as where Matroska starts later than 0.
    duration = timeline.duration if timeline else main.duration or info.duration
    rate = main.video.rate if main.video else None
    frames = timeline.source_frames if timeline else round(duration * float(rate or FALLBACK_RATE))
    return FrameTiming(None, frames, exact=False, duration=duration)


def audio_duration(info: MediaInfo, cut: Cut | None) -> float:
    """Seconds of an output that is sound alone."""
    rest = info.duration - (cut.start if cut else 0.0)
    return rest if cut is None or cut.length is None else min(rest, cut.length)


def cut_warnings(preset: Preset, cut: Cut | None) -> list[Finding]:
    """Return a warning where a copy starts earlier than was asked for."""
    if cut is None or cut.start > (preset.start_time or 0.0) - 0.001:
        return []
    message = f"copied video can start only at a key frame: it starts at {cut.start:.3f} s"
    return [Finding("cut.at_key_frame", message, 'processing_mode "reencode" cuts to the frame', "start_time")]
