"""Sound that changes its rate or its channels: made alike in a file beside the result, which the commands then read.

ffmpeg builds its graph of filters anew at such a change. A filter that fills gaps and cuts overlaps begins anew with
it, and does not know where the sound before ended: joined recordings overlap by some hundredths of a second, by which
all of the sound would come later. Decoded and converted first, it goes through one graph.
"""

from __future__ import annotations

import os
from pathlib import Path

from framewatch.media.commands.trim_args import seek_args
from framewatch.media.plan.plan import MuxPlan
from framewatch.media.plan.stream_table import StreamPlan

# Seconds that are added to all times in such a file, which cannot hold times before zero: longer than any source.
_ROOM = 10_000_000


def uniform_tracks(plan: MuxPlan) -> tuple[StreamPlan, ...]:
    """Return the tracks whose sound is made alike first, in the order of the inputs."""
    return tuple(track for track in plan.of_kind("audio") if track.audio and track.audio.uniform)


def sound_path(track: StreamPlan, out: Path) -> Path:
    """Return where the sound of a track is written first, for `out`."""
    return out.with_name(f"sound-{track.index}.nut")


def sound_source_args(plan: MuxPlan, offset: float) -> list[str]:
    """Return the options of the source from which such a file is made; `offset`: that of the source in seconds."""
    return ["-copyts", *seek_args(plan), "-itsoffset", f"{offset + _ROOM:.6f}"]


def sound_output_args(plan: MuxPlan, track: StreamPlan, out: Path) -> list[str]:
    """Return the options that make the sound of a track alike and write it."""
    assert track.audio is not None  # noqa: S101 - see `uniform_tracks`
    chain = [f"aformat={track.audio.uniform}:sample_fmts=flt"]
    if plan.cut is not None and plan.cut.length is not None:
        chain.insert(0, f"atrim=end={plan.cut.length + plan.delay + _ROOM + 1:.6f}")
    mapped = ["-map", f"0:{track.index}", "-filter:a:0", ",".join(chain), "-c:a:0", "pcm_f32le"]
    return [*mapped, "-f", "nut", "-y", _url(sound_path(track, out))]


def sound_input(track: StreamPlan, out: Path) -> list[str]:
    """Return the input of the file, at the output's times."""
    limits = ["-protocol_whitelist", "file", "-format_whitelist", "nut", "-f", "nut"]
    return ["-itsoffset", f"{-_ROOM:.6f}", *limits, "-i", _url(sound_path(track, out))]


def _url(path: Path) -> str:
    return f"file:{os.fspath(path)}"
