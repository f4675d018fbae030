"""Frame times that the ffmpeg program cannot know: those of an AVI with B-frames. Pure.

An AVI numbers its packets and tells no presentation time. The n-th picture that a decoder gives is shown at the n-th
number, whatever order the packets lie in; ffmpeg counts from one to several pictures late, by how many the decoder
holds back. So it is told, in expressions that are as long as the numbers are uneven: an AVI leaves numbers out where
a picture stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

from framewatch.domain import MediaInfo, Record, Stream
from framewatch.errors import Finding
from framewatch.media.plan.stream_table import described, place
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.packet_scan import ScanResult

# ffmpeg works out the times of packets itself where a frame is held back by no more than one other.
_WORKED_OUT = ("mpeg4", "mpeg1video", "mpeg2video")
# As many as fit into one argument of a program, which Linux limits to 128 KiB.
_MOST_RUNS = 2000
_MOST_COPIED_RUNS = 600  # which are written twice, for PTS and DTS
_DISTINCT_SECONDS = Fraction(2, 1000)  # frames nearer to each other may fall together in Matroska's milliseconds
_HINT = 'use processing_mode "reencode"'


class Run(Record):
    """Pictures that follow each other at even steps, up to the next run."""

    number: int  # of its first picture
    pts: int  # of that, in ticks
    step: int  # ticks, at least 1


class Stamps(Record):
    """What a scan knows of frame times, and the packets do not say."""

    time_base: Fraction = Fraction(1)  # seconds per tick
    runs: tuple[Run, ...] = ()  # of all pictures; none where the packets themselves say
    last: int = 0  # PTS of the last picture, in ticks
    packed: bool = False  # a packet may hold two frames, and the next one none
    repeats: bool = False  # some packets show nothing new
    untimed: bool = False  # packets do not all say when they are shown
    distinct: bool = False  # no two frames are shown at the same time, however coarse the clock


def stamps_of(scanned: ScanResult) -> Stamps:
    """What is to be told of a scanned video."""
    least = min((after - before for before, after in pairwise(scanned.pts)), default=0) * scanned.time_base
    distinct = least >= _DISTINCT_SECONDS and not scanned.corrupt
    if not scanned.reordered:
        return Stamps(distinct=distinct, untimed=not scanned.seekable)
    pictures = [time for time in scanned.pts if time not in scanned.repeats] or scanned.pts
    return Stamps(
        time_base=scanned.time_base, runs=_runs(pictures), last=scanned.pts[-1], packed=scanned.packed,
        repeats=bool(scanned.repeats), distinct=distinct,
    )  # fmt: skip


def check_stamps(preset: Preset, info: MediaInfo, stamps: Stamps) -> list[Finding]:
    """Why no frame could be given its time, for a video that is not upscaled."""
    main = info.main_video
    if preset.upscales or main is None:
        return []
    copied = preset.processing_mode == "copy"
    if copied and info.container == "mpeg" and stamps.untimed and main.codec not in _WORKED_OUT:
        return [_untimed(main)]
    if not stamps.runs:
        return []
    if len(stamps.runs) > (_MOST_COPIED_RUNS if copied else _MOST_RUNS):
        message = f"{described(main)} is timed too unevenly for an AVI with B-frames"
        hint = "upscale it, which takes any times, or rewrite its time stamps"
        return [Finding("media.timestamps", message, hint, place(main))]
    if not copied:
        return []
    if main.codec not in _WORKED_OUT or stamps.repeats:
        return [_untimed(main)]
    if stamps.packed:
        message = f"{described(main)} cannot be copied: two frames lie in one packet, and only AVI is read so"
        return [Finding("copy.packed_frames", message, _HINT, place(main))]
    return []


def _untimed(main: Stream) -> Finding:
    message = f"{described(main)} cannot be copied: its packets do not say when their frames are shown"
    return Finding("copy.untimed", message, _HINT, place(main))


def completed_args(demuxer: str, stamps: Stamps) -> list[str]:
    """Input options for packets that are copied: ffmpeg works out the times that are missing, and else gives none.

    An MPEG programme stream has time stamps for some of its packets only.
    """
    return ["-fflags", "+genpts"] if demuxer == "mpeg" or stamps.runs else []


def picture_filter(stamps: Stamps, offset: float) -> str:
    """The filter that gives each decoded picture its time.

    Args:
        stamps: with runs.
        offset: seconds to add.
    """
    tick = f"{stamps.time_base.numerator}/{stamps.time_base.denominator}"
    count = _chosen(stamps.runs, "N", lambda run: run.number, _counted)
    return f"setpts='round((({count})*{tick}+({offset:.6f}))/TB)'"


def packet_filter(stamps: Stamps, offset: float) -> str:
    """The bitstream filter for copied packets, whose times ffmpeg works out one picture late.

    Args:
        stamps: with runs.
        offset: seconds by which the packets were moved.
    """
    begin, tick = stamps.runs[0], f"{stamps.time_base.numerator}/{stamps.time_base.denominator}"
    ends = {begin.number: begin.pts - begin.step}  # by a run's first picture: the PTS of the one before it
    ends |= {run.number: one.pts + (run.number - 1 - one.number) * one.step for one, run in pairwise(stamps.runs)}

    def earlier(run: Run) -> str:
        return f"if(gt(ld(0),{run.pts}),ld(0)-{run.step},{ends[run.number]})"

    tree = _chosen(stamps.runs, "ld(0)", lambda run: run.pts, earlier)
    shown = f"if(gt(ld(0),{stamps.last}),{stamps.last},{tree})"
    each = (
        f"{key}='st(0,round(({key.upper()}*TB-({offset:.6f}))/({tick})));round(({shown}*{tick}+({offset:.6f}))/TB)'"
        for key in ("pts", "dts")
    )
    return f"setts={':'.join(each)}"


def _runs(pts: Sequence[int]) -> tuple[Run, ...]:
    steps = [max(after - before, 1) for before, after in pairwise(pts)] or [1]
    runs: list[Run] = []
    for number, time in enumerate(pts):
        if runs and time == runs[-1].pts + (number - runs[-1].number) * runs[-1].step:
            continue
        if len(runs) > _MOST_RUNS:  # too many for any command
            break
        runs.append(Run(number=number, pts=time, step=steps[min(number, len(steps) - 1)]))
    return tuple(runs)


def _counted(run: Run) -> str:
    return f"{run.pts}+(N-{run.number})*{run.step}"


def _chosen(runs: Sequence[Run], value: str, key: Callable[[Run], int], leaf: Callable[[Run], str]) -> str:
    """An expression that finds the last run whose key is not above `value`, by halves."""
    if len(runs) == 1:
        return leaf(runs[0])
    middle = len(runs) // 2
    before, after = (_chosen(half, value, key, leaf) for half in (runs[:middle], runs[middle:]))
    return f"if(lt({value},{key(runs[middle])}),{before},{after})"
