"""Options of a whole output: its tags, its chapters, and what its container wants. Pure."""

from __future__ import annotations

from framewatch.media.containers import rules
from framewatch.media.metadata import metadata_args
from framewatch.media.plan import Plan

# Packets that may wait until the last stream has begun: sound that starts an hour in must not end the job.
_QUEUE = "100000"


def packing(plan: Plan, source_input: int) -> list[str]:
    """The options before the output's name; the source is input `source_input`."""
    container = rules().containers[plan.container]
    attachments = [track.index for track in plan.of_kind("attachment")]
    tags = metadata_args(plan.preset.metadata, source_input, attachments, _tagged_stream(plan))
    loops = ["-loop", str(plan.preset.gif_loop)] if plan.container == "gif" else []
    return [*tags, "-max_muxing_queue_size", _QUEUE, *loops, *container.options, "-f", container.muxer]


def _tagged_stream(plan: Plan) -> int | None:
    """Ogg has the tags of a piece of music at its stream; other containers of sound have them at the file."""
    audio = plan.of_kind("audio")
    return audio[0].index if plan.demuxer == "ogg" and audio and not plan.has_video else None
