"""What the finished file must hold; verification compares it with what is found."""

from __future__ import annotations

from fractions import Fraction

from framewatch.domain import MediaInfo, Record, StreamKind, Video
from framewatch.media.containers import rules
from framewatch.media.plan.geometry import Picture
from framewatch.media.plan.output_time import (
    OutputTime,
)
from framewatch.media.plan.requested_timeline import timing_wish
from framewatch.media.plan.stream_table import StreamTable
from framewatch.media.preset.preset import Preset


class ExpectedStream(Record):
    """One stream that the output must have."""

    kind: StreamKind
    codec: str
    cover: bool = False


class Expected(Record):
    """What verification must find in the output. Of sound alone, the facts of a picture are 0 or None.

    Data streams are left out on both sides: mp4 and mov write the names of chapters as one.
    """

    width: int  # coded pixels
    height: int
    sar: Fraction
    rotation: int  # degrees clockwise, as in `Video.rotation`
    pixel_format: str | None  # None where the video is copied
    rate: Fraction | None
    frames: int | None  # None where they cannot be known without reading the file
    duration: float  # of the video stream, in seconds
    last: float | None = None  # seconds from the first frame to the last, where each keeps its own time
    streams: tuple[ExpectedStream, ...]  # in order within each kind
    chapters: bool
    distinct: bool = False  # no two frames are shown at the same time

    @property
    def has_video(self) -> bool:
        """False for sound alone."""
        return any(stream.kind == "video" and not stream.cover for stream in self.streams)


def _expected(
    preset: Preset, info: MediaInfo, video: Video | None, *, made: Picture, timing: OutputTime, table: StreamTable
) -> Expected:
    copied = preset.processing_mode == "copy" or video is None
    encoder = rules().video_encoders[preset.video_codec]
    container = rules().containers[preset.container]
    kept = [row for row in table.rows if row.action != "drop"]
    chapters = info.chapters > 0 and container.chapters and not preset.metadata.removes_all
    return Expected(
        width=made.output.width,
        height=made.output.height,
        sar=made.sar,
        rotation=video.rotation if copied and video else 0,
        pixel_format=None if copied else encoder.decoded_as.get(made.pixel_format, made.pixel_format),
        rate=timing.rate,
        frames=timing.frames if timing.exact else None,
        duration=timing.duration,
        last=timing.last,
        streams=tuple(ExpectedStream(kind=row.kind, codec=row.codec_out, cover=row.cover) for row in kept),
        chapters=chapters and not timing_wish(preset).cuts,  # a cut may leave none of them
    )
