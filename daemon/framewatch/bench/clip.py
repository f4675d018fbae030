"""The clip to measure with: the shipped one enlarged, or a part of the user's own."""

from __future__ import annotations

from pathlib import Path

from framewatch import resources
from framewatch.media.commands.output_args import file_url
from framewatch.media.probe.safe_open import VIDEO_DEMUXERS

Size = tuple[int, int]

_GPU_SIZE, _GPU_SECONDS = (1920, 1080), 24.0
_CPU_SIZE, _CPU_SECONDS = (320, 180), 4.0  # about a minute of work for two cores, all measurements together
_KEYFRAMES = 50  # frames: pieces can begin every 2 s


def usual_size(*, gpu: bool) -> Size:
    """What is measured where nobody names a size: what people have, or what a processor does in a minute."""
    return _GPU_SIZE if gpu else _CPU_SIZE


def usual_seconds(*, gpu: bool) -> float:
    """How much of it."""
    return _GPU_SECONDS if gpu else _CPU_SECONDS


def clip_command(ffmpeg: Path, clip: Path | None, size: Size | None, seconds: float, out: Path) -> tuple[str, ...]:
    """The command that makes the clip.

    Args:
        ffmpeg: the program.
        clip: the user's file; None: the shipped one, repeated, which is a real film and no test picture.
        size: what it is scaled to, in pixels; None: as it is, and then it is copied, not encoded.
        seconds: of it.
        out: a Matroska file that is made.
    """
    only = ["-protocol_whitelist", "file", "-format_whitelist", ",".join(VIDEO_DEMUXERS)]  # no list of other files
    source = [*only, "-i", file_url(clip or resources.demo_clip())]
    looped = ["-stream_loop", "-1"] if clip is None else []
    tracks = ["-map", "0:v:0", "-an"] if clip is None else ["-map", "0:v:0", "-map", "0:a?", "-c:a", "copy"]
    if size is None:
        coded = ["-c:v", "copy"]
    else:
        scaled = f"scale={size[0]}:{size[1]}:flags=lanczos,setsar=1"
        coded = ["-vf", scaled, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-g", str(_KEYFRAMES)]
    return (
        str(ffmpeg), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1",
        *looped, *source, "-t", f"{seconds:.3f}", *tracks, *coded, "-y", file_url(out),
    )  # fmt: skip
