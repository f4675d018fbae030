"""Options of a whole output: its tags, its chapters, and what its container wants. Pure."""

from __future__ import annotations

from framewatch.media.containers import rules
from framewatch.media.plan.plan import Plan
from framewatch.media.preset.metadata_keys import Metadata

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


def metadata_args(wishes: Metadata, source: int, attachments: list[int], tagged_stream: int | None) -> list[str]:
    """Options for the tags and chapters of the output.

    Args:
        wishes: what the preset says.
        source: the number of the input that is the source.
        attachments: indexes of the source's streams that are attached; they are nothing without their names.
        tagged_stream: index of the stream that bears the file's tags, as in Ogg; None where the file does.
    """
    given = [part for key, value in wishes.tags.items() for part in ("-metadata", f"{key}={value}")]
    chapters = ["-map_chapters", str(source)]
    if wishes.mode == "replace":
        return ["-map_metadata:g", "-1", *chapters, *given]
    if wishes.mode == "preserve":
        tags = ["-map_metadata", str(source)]
        if tagged_stream is not None:
            tags += ["-map_metadata:g", f"{source}:s:{tagged_stream}"]
        return [*tags, *chapters, *given]
    named = [
        part
        for number, index in enumerate(attachments)
        for part in (f"-map_metadata:s:t:{number}", f"{source}:s:{index}")
    ]
    return ["-map_metadata", "-1", "-map_chapters", "-1", *named]
