"""What a job's report mentions though nothing failed. Pure."""

from __future__ import annotations

from framewatch.domain import Failure
from framewatch.errors import Finding


def silent_track(index: int) -> Failure:
    """A track that has no loudness to be normalized; `index` is the stream's."""
    message = "the track is silent: it is not normalized"
    return Failure.of(Finding("audio.silent", message, "", f"stream {index}"))


def damaged_frames(frames: int) -> Failure:
    """Frames for which their neighbours stand in."""
    message = f"{frames} frames could not be decoded; the ones before them are shown longer"
    hint = "the rest is complete; find a better source if it shows"
    return Failure.of(Finding("media.damaged_frames", message, hint))
