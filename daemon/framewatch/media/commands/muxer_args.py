"""Options for a whole output: its tags, its chapters, and those of its container. Pure."""

from __future__ import annotations

from framewatch.media.containers import rules
from framewatch.media.plan.plan import AudioPlan, MuxPlan
from framewatch.media.preset.metadata_keys import Metadata

# Packets that may wait until the last stream has started: sound that starts an hour late must not end the job.
_QUEUE = "100000"


def muxer_args(plan: MuxPlan, source_input: int) -> list[str]:
    """The options right before the output's name; the source is input number `source_input`."""
    container = rules().containers[plan.container]
    attachments = [track.index for track in plan.of_kind("attachment")]
    tags = metadata_args(plan.preset.metadata, source_input, attachments, _tagged_stream(plan))
    loop = ["-loop", str(plan.preset.gif_loop)] if plan.container == "gif" else []
    return [*tags, "-max_muxing_queue_size", _QUEUE, *loop, *container.options, "-f", container.muxer]


def _tagged_stream(plan: MuxPlan) -> int | None:
    """Ogg stores the tags of a piece of music in its stream; other audio containers store them for the file."""
    audio = plan.of_kind("audio")
    return audio[0].index if isinstance(plan, AudioPlan) and plan.demuxer == "ogg" and audio else None


def metadata_args(metadata: Metadata, source: int, attachments: list[int], tagged_stream: int | None) -> list[str]:
    """Options for the tags and chapters of the output.

    `clean` removes all tags of file and tracks, languages and chapters, as Frame does. Covers and the names of fonts
    stay, since they are content.

    Args:
        metadata: what the preset says.
        source: the number of the input that is the source.
        attachments: indexes of the source's streams that are attached; they are useless without their names.
        tagged_stream: index of the stream that carries the file's tags, as in Ogg; None where the file does.
    """
    given = [part for key, value in metadata.tags.items() for part in ("-metadata", f"{key}={value}")]
    chapters = ["-map_chapters", str(source)]
    if metadata.mode == "replace":
        return ["-map_metadata:g", "-1", *chapters, *given]
    if metadata.mode == "preserve":
        tags = ["-map_metadata", str(source)]
        if tagged_stream is not None:
            tags += ["-map_metadata:g", f"{source}:s:{tagged_stream}"]
        return [*tags, *chapters, *given]
    names = [
        part
        for number, index in enumerate(attachments)
        for part in (f"-map_metadata:s:t:{number}", f"{source}:s:{index}")
    ]
    return ["-map_metadata", "-1", "-map_chapters", "-1", *names]
