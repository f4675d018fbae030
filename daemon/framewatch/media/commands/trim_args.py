"""ffmpeg options for a source of which only a part is kept. Pure.

The output's zero is the cut, so everything before it has negative times. Sound that is encoded is cut to the sample
by a filter; packets that are copied are dropped whole; a subtitle that spans the cut keeps the rest of its time.
"""

from __future__ import annotations

from framewatch.media.containers import rules
from framewatch.media.plan.avi_timestamps import packet_filter
from framewatch.media.plan.plan import MuxPlan, VideoPlan

# Read this much before the cut: a subtitle that started so long before it is still found, and so is a key frame.
_LEAD_SECONDS = 30
_LEAST_MP4_CLOCK = 10_000  # ffmpeg doubles the ticks per second of a video in mp4 and mov until there are so many
_JOINED = 0.0005  # seconds by which sound may be early or late where recordings are joined
_SLACK = 0.0005  # seconds; timestamps in Matroska are whole milliseconds


def seek_args(plan: MuxPlan) -> list[str]:
    """Input options: start reading shortly before the cut. What is read too much is cut by other means.

    Frames that get their times by their number have to be counted from the first one. A pipe can only be read.
    """
    counted = isinstance(plan, VideoPlan) and plan.frame_times.runs and plan.mode == "transcode"
    if plan.cut is None or plan.cut.start <= _LEAD_SECONDS or counted or plan.corrected:
        return []
    return ["-noaccurate_seek", "-ss", f"{plan.cut.start - _LEAD_SECONDS:.6f}"]


def length_args(plan: MuxPlan) -> list[str]:
    """Output options: where packets, subtitles and chapters end. Video may outlast the cut by part of a frame."""
    if plan.cut is None or plan.cut.length is None:
        return []
    end = plan.cut.length
    if isinstance(plan, VideoPlan) and plan.expected.frames is not None:
        end = max(end, plan.video_start + plan.expected.duration)
    return ["-t", f"{end + plan.delay:.6f}"]


def audio_trim(plan: MuxPlan) -> list[str]:
    """Return the filters that cut sound, before all others; empty where nothing is cut.

    Where recordings are joined, their sound may overlap by a part of a packet. Their containers have an exact clock.
    """
    joined = [f"aresample=async=1:min_comp={_JOINED}:min_hard_comp={_JOINED}"] if plan.corrected else []
    if plan.cut is None:
        return joined
    end = "" if plan.cut.length is None else f":end={plan.cut.length + plan.delay:.6f}"
    return [*joined, f"atrim=start={plan.delay:.6f}{end}"]


def copied_video_args(plan: VideoPlan) -> list[str]:
    """Options for the packets of a copied video."""
    times, within = plan.frame_times, ["h264_mp4toannexb"] if plan.apart and plan.main.codec == "h264" else []
    if not times.runs:
        return _copied_args(plan, "v:0", within, None)
    clock = times.time_base.denominator
    while clock < _LEAST_MP4_CLOCK:
        clock *= 2
    return _copied_args(plan, "v:0", [*within, packet_filter(times, -plan.container_start)], clock)


def copied_packets_args(plan: MuxPlan, specifier: str) -> list[str]:
    """Options for the packets of another copied stream; `specifier` is the output stream's, such as `v:1`."""
    return _copied_args(plan, specifier, [], None)


def copied_audio_args(plan: MuxPlan, specifier: str, sample_rate: int | None) -> list[str]:
    """Options for the packets of a copied audio track; `specifier` is the output stream's, such as `a:0`."""
    return _copied_args(plan, specifier, [], sample_rate)


def clock_args(specifier: str, clock: int | None) -> list[str]:
    """Tell ffmpeg the ticks per second of an output stream, which its bitstream filters count in.

    ffmpeg 5.1 converts timestamps to the clock of the output before the filters, and lets these believe that they are
    in the clock of the input. Where it knows the output's clock from the beginning, both are the same.
    """
    return [] if clock is None else [f"-time_base:{specifier}", f"1:{clock}"]


def _copied_args(plan: MuxPlan, specifier: str, filters: list[str], own_clock: int | None) -> list[str]:
    """Return the options for copied packets; `own_clock` is the stream's in a container where each has its own."""
    if plan.cut:
        filters = [*filters, f"noise=drop='lt(pts*tb,{plan.delay - _SLACK:.6f})'"]
    clock = rules().containers[plan.container].clock or own_clock
    return [*clock_args(specifier, clock), f"-bsf:{specifier}", ",".join(filters)] if filters else []


def subtitle_args(plan: MuxPlan, specifier: str) -> list[str]:
    """Options for a subtitle track: texts that end before the cut are dropped, those that span it are clipped."""
    if plan.cut is None:
        return []
    clipped = "setts=pts='max(PTS,0)':dts='max(DTS,0)':duration='DURATION+min(PTS,0)'"
    return [f"-bsf:{specifier}", f"noise=drop='lte((pts+duration)*tb,0)*lt(pts,0)',{clipped}"]
