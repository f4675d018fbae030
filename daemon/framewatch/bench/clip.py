"""The clip that is measured with: the shipped one, repeated and scaled, or a part of the user's own."""

from __future__ import annotations

from pathlib import Path

from framewatch import resources
from framewatch.media.commands.output_args import file_url
from framewatch.media.probe.safe_open import VIDEO_DEMUXERS

Size = tuple[int, int]  # width and height in pixels

_GPU_SIZE, _CPU_SIZE = (1920, 1080), (320, 180)
KEYFRAME_DISTANCE = 25  # frames; a segment begins at a keyframe, so each lane needs one


def default_size(*, gpu: bool) -> Size:
    """Return the frame size to measure with: what people have, or what a CPU computes often enough in a minute."""
    return _GPU_SIZE if gpu else _CPU_SIZE


def clip_command(ffmpeg: Path, clip: Path | None, size: Size | None, seconds: float, out: Path) -> tuple[str, ...]:
    """Build the ffmpeg command that makes the clip.

    Args:
        ffmpeg: the program.
        clip: the user's file; None for the shipped one, repeated as often as needed. It is a real film: a synthetic
            image would be too easy for the encoders.
        size: the frame size to scale to; None keeps the size and copies the stream.
        seconds: the length of the result.
        out: the Matroska file to write.
    """
    # A playlist could make ffmpeg open other files: only formats that hold the video themselves are allowed.
    only = ["-protocol_whitelist", "file", "-format_whitelist", ",".join(VIDEO_DEMUXERS)]
    source = [*only, "-i", file_url(clip or resources.demo_clip())]
    loop = ["-stream_loop", "-1"] if clip is None else []
    streams = ["-map", "0:v:0", "-an"] if clip is None else ["-map", "0:v:0", "-map", "0:a?", "-c:a", "copy"]
    if size is None:
        video = ["-c:v", "copy"]
    else:
        scale = f"scale={size[0]}:{size[1]}:flags=lanczos,setsar=1"
        keyframes = ["-g", str(KEYFRAME_DISTANCE)]
        video = ["-vf", scale, "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", *keyframes]
    program = [str(ffmpeg), "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+warning"]
    duration = ["-t", f"{seconds:.3f}"]
    return (*program, "-progress", "pipe:1", *loop, *source, *duration, *streams, *video, "-y", file_url(out))
