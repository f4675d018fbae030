"""ffmpeg options for a source of which a part is kept. Pure.

The output's zero is the cut, so what lies before it has negative times. Sound that is encoded is cut to the sample
by a filter; packets that are copied are dropped whole; a text that is shown at the cut keeps what is left of it.
"""

from __future__ import annotations

from framewatch.media.plan.avi_timestamps import packet_filter
from framewatch.media.plan.plan import Plan

# What is read before the cut: a subtitle that began so long before it is still found, and so is a key frame.
_LEAD_SECONDS = 30
_SLACK = 0.0005  # seconds; time stamps in Matroska are whole milliseconds


def seek_args(plan: Plan) -> list[str]:
    """Input options: begin to read shortly before the cut. What is read too much is cut by other means.

    Pictures that get their times by their number are read from the first one on.
    """
    counted = plan.stamps.runs and plan.mode == "transcode"
    if plan.cut is None or plan.cut.start <= _LEAD_SECONDS or counted:
        return []
    return ["-noaccurate_seek", "-ss", f"{plan.cut.start - _LEAD_SECONDS:.6f}"]


def length_args(plan: Plan) -> list[str]:
    """Output options: where packets, texts and chapters end. Pictures may outlast the cut by part of a frame."""
    if plan.cut is None or plan.cut.length is None:
        return []
    pictures = plan.video_start + plan.expected.duration if plan.expected.frames is not None else 0.0
    return ["-t", f"{max(plan.cut.length, pictures) + plan.delay:.6f}"]


def sound_filters(plan: Plan) -> list[str]:
    """The filter that cuts sound before all others; empty where nothing is cut."""
    if plan.cut is None:
        return []
    end = "" if plan.cut.length is None else f":end={plan.cut.length + plan.delay:.6f}"
    return [f"atrim=start={plan.delay:.6f}{end}"]


def copied_args(plan: Plan, place: str) -> list[str]:
    """Options for the packets of output stream `place` (`v:0`) that are copied."""
    timed = [packet_filter(plan.stamps, -plan.container_start)] if plan.stamps.runs and place == "v:0" else []
    dropped = [f"noise=drop='lt(pts*tb,{plan.delay - _SLACK:.6f})'"] if plan.cut else []
    return [f"-bsf:{place}", ",".join([*timed, *dropped])] if timed or dropped else []


def text_args(plan: Plan, place: str) -> list[str]:
    """Options for subtitles, copied or converted: what is over before the cut goes, what spans it is clipped."""
    if plan.cut is None:
        return []
    clipped = "setts=pts='max(PTS,0)':dts='max(DTS,0)':duration='DURATION+min(PTS,0)'"
    return [f"-bsf:{place}", f"noise=drop='lte((pts+duration)*tb,0)*lt(pts,0)',{clipped}"]
