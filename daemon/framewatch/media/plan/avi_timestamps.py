"""Frame times that the ffmpeg program cannot know: those of an AVI or MXF with B-frames, and of raw streams. Pure.

An AVI numbers its packets and stores no PTS. The n-th frame that a decoder returns is shown at the n-th number, in
whatever order the packets are stored; ffmpeg counts from one to several frames late, depending on how many frames the
decoder holds back. So ffmpeg is told the times, in expressions that grow with the gaps between the numbers: an AVI
leaves numbers out where a frame stays. Decoded frames get them from `setpts`, copied packets from `setts` after
`+genpts`, which is right for MPEG-1, 2 and 4 only. H.264 is refused: ffmpeg's `dts2pts` leaves the last packets
without a time. Raw streams have no numbers at all: they are copied where ffmpeg counts packets, which it does without
B-frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

from framewatch.domain import MediaInfo, Record, Stream
from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.plan.stream_table import description, location
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.packet_scan import ScanResult
from framewatch.media.probe.structure.content import UNTIMED

# For these, ffmpeg itself works out packet times where a frame is held back by no more than one other.
_GENPTS_CODECS = ("mpeg4", "mpeg1video", "mpeg2video")
# As many as fit into one argument of a program, which Linux limits to 128 KiB.
_MAX_RUNS = 2000
_MAX_COPIED_RUNS = 600  # which are written twice, for PTS and DTS
_DISTINCT_SECONDS = Fraction(2, 1000)  # frames closer to each other may get the same millisecond in Matroska
_WITH_EDIT_LISTS = ("mp4", "mov")
_HINT = 'use processing_mode "reencode"'


class Run(Record):
    """Frames that follow each other at a constant step, up to the next run."""

    number: int  # of its first frame
    pts: int  # of that frame, in ticks
    step: int  # ticks, at least 1


class FrameTimes(Record):
    """What a scan knows of a video's frame times that its packets do not say."""

    time_base: Fraction = Fraction(1)  # seconds per tick
    runs: tuple[Run, ...] = ()  # of all frames; empty where the packets state their times
    last: int = 0  # PTS of the last frame, in ticks; only used with `runs`
    packed: bool = False  # a packet may hold two frames, and the next one none
    repeats: bool = False  # some packets show nothing new
    untimed: bool = False  # not all packets state when they are shown
    hidden_before: int = 0  # packets that an edit list hides, in front of the first frame that is shown
    hidden_behind: int = 0  # and others
    copied_in_time: bool = False  # of a raw stream: a copy needs no times
    joined: bool = False  # an edit list joins parts, each with packets that only decoders need
    distinct: bool = False  # no two frames are shown at the same time, however coarse the clock
    misordered: bool = False  # ffmpeg takes packets for frames that are shown in another order
    equal: bool = False  # some frames have the same time, of which one can be shown


COMPLETE_TIMES = FrameTimes()
"""Of a source whose packets say everything."""


def frame_times(scanned: ScanResult) -> FrameTimes:
    """Return what ffmpeg has to be told about a scanned video."""
    steps = [after - before for before, after in pairwise(scanned.pts)]
    least = min(steps, default=0) * scanned.time_base
    distinct = least >= _DISTINCT_SECONDS and not scanned.corrupt
    if not scanned.reordered:
        before, behind, joined = scanned.hidden
        return FrameTimes(
            distinct=distinct,
            untimed=not scanned.seekable,
            hidden_before=before,
            hidden_behind=behind,
            joined=joined,
            misordered=scanned.misordered,
            equal=0 in steps,
        )
    shown = [time for time in scanned.pts if time not in scanned.repeats] or scanned.pts
    return FrameTimes(
        time_base=scanned.time_base,
        runs=_runs(shown),
        last=scanned.pts[-1],
        packed=scanned.packed,
        repeats=bool(scanned.repeats),
        copied_in_time=scanned.copied_in_time,
        distinct=distinct,
    )


def check_frame_times(preset: Preset, info: MediaInfo, times: FrameTimes) -> list[Finding]:
    """Why frames could not be given their times; empty for an upscale, which gives each frame its own."""
    main = info.main_video
    copied = preset.processing_mode == "copy"
    if preset.upscales or main is None or (copied and times.copied_in_time):
        return []
    if copied and (info.container in UNTIMED or times.misordered):
        return [_untimed(main)]
    if copied and info.container == "mpeg" and times.untimed and main.codec not in _GENPTS_CODECS:
        return [_untimed(main)]
    if copied and times.joined:
        message = f"{description(main)} cannot be copied: its edit list joins parts that begin between key frames"
        return [Finding("copy.edit_list", message, _HINT, location(main))]
    if not times.runs:
        return []
    if len(times.runs) > (_MAX_COPIED_RUNS if copied else _MAX_RUNS):
        message = f"{description(main)} is timed too unevenly for an AVI with B-frames"
        hint = "upscale it, which accepts any times, or rewrite its timestamps"
        return [Finding("media.timestamps", message, hint, location(main))]
    if not copied:
        return []
    if main.codec not in _GENPTS_CODECS or times.repeats:
        return [_untimed(main)]
    if times.packed:
        message = f"{description(main)} cannot be copied: one packet holds two frames, which only works in AVI"
        return [Finding("copy.packed_frames", message, _HINT, location(main))]
    return []


def times_for(preset: Preset, times: FrameTimes) -> FrameTimes:
    """Return what ffmpeg has to be told for this preset."""
    counts = preset.processing_mode == "copy" and times.copied_in_time
    return times.evolve(runs=()) if counts else times


def hidden_frames_warnings(preset: Preset, info: MediaInfo, times: FrameTimes) -> list[Finding]:
    """Warn of a copy that shows frames that the edit list of its source hides."""
    main = info.main_video
    if main is None or preset.processing_mode != "copy" or rules().containers[preset.container].audio_only:
        return []
    shown = times.hidden_behind + (0 if preset.container in _WITH_EDIT_LISTS else times.hidden_before)
    if not shown:
        return []
    message = f"up to {shown} frames that the source's edit list hides are shown in the copy"
    hint = 'processing_mode "reencode" cuts to the frame; mp4 and mov hide those in front of the first frame'
    return [Finding("copy.hidden_frames", message, hint, location(main))]


def _untimed(main: Stream) -> Finding:
    message = f"{description(main)} cannot be copied: its packets do not say when their frames are shown"
    return Finding("copy.untimed", message, _HINT, location(main))


def genpts_args(demuxer: str, times: FrameTimes) -> list[str]:
    """Input options for packets that are copied: ffmpeg works out missing times, which it does not do by default.

    An MPEG program stream has timestamps for some of its packets only.
    """
    return ["-fflags", "+genpts"] if demuxer == "mpeg" or times.runs else []


def frame_filter(times: FrameTimes, offset: float) -> str:
    """Return the filter that gives each decoded frame its time.

    Args:
        times: with runs.
        offset: seconds to add.
    """
    tick = _ratio(times.time_base)
    count = _last_not_above("N", times.runs, key=lambda run: run.number, leaf=_frame_pts)
    return f"setpts='round((({count})*{tick}+({offset:.6f}))/TB)'"


def packet_filter(times: FrameTimes, offset: float) -> str:
    """Return the bitstream filter for copied packets, whose times ffmpeg works out one frame late.

    Args:
        times: with runs.
        offset: seconds by which the packets were moved.
    """
    first, tick = times.runs[0], _ratio(times.time_base)
    ends = {first.number: first.pts - first.step}  # by a run's first frame: the PTS of the frame before it
    ends |= {run.number: one.pts + (run.number - 1 - one.number) * one.step for one, run in pairwise(times.runs)}

    def earlier(run: Run) -> str:
        return f"if(gt(ld(0),{run.pts}),ld(0)-{run.step},{ends[run.number]})"

    tree = _last_not_above("ld(0)", times.runs, key=lambda run: run.pts, leaf=earlier)
    shown = f"if(gt(ld(0),{times.last}),{times.last},{tree})"
    expressions = (
        f"{key}='st(0,round(({key.upper()}*TB-({offset:.6f}))/({tick})));round(({shown}*{tick}+({offset:.6f}))/TB)'"
        for key in ("pts", "dts")
    )
    return f"setts={':'.join(expressions)}"


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _runs(pts: Sequence[int]) -> tuple[Run, ...]:
    steps = [max(after - before, 1) for before, after in pairwise(pts)] or [1]
    runs: list[Run] = []
    for number, time in enumerate(pts):
        if runs and time == runs[-1].pts + (number - runs[-1].number) * runs[-1].step:
            continue
        if len(runs) > _MAX_RUNS:  # too many for any command
            break
        runs.append(Run(number=number, pts=time, step=steps[min(number, len(steps) - 1)]))
    return tuple(runs)


def _frame_pts(run: Run) -> str:
    return f"{run.pts}+(N-{run.number})*{run.step}"


def _last_not_above(value: str, runs: Sequence[Run], key: Callable[[Run], int], leaf: Callable[[Run], str]) -> str:
    """Return an expression that finds the last run whose key is not above `value`, by binary search."""
    if len(runs) == 1:
        return leaf(runs[0])
    middle = len(runs) // 2
    before, after = (_last_not_above(value, half, key, leaf) for half in (runs[:middle], runs[middle:]))
    return f"if(lt({value},{key(runs[middle])}),{before},{after})"
