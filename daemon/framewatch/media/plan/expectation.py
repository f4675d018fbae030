"""What verification must find in the finished file."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from framewatch.domain import MediaInfo, Record, StreamKind, Video
from framewatch.media.containers import rules
from framewatch.media.plan.geometry import FrameGeometry
from framewatch.media.plan.output_time import FrameTiming, timeline_request
from framewatch.media.plan.stream_table import StreamPlan, StreamTable
from framewatch.media.preset.preset import Preset


class ExpectedStream(Record):
    """One stream that the output must have."""

    kind: StreamKind
    codec: str
    cover: bool = False


class Expectation(Record):
    """What must be true of every output of video or sound.

    Data streams are left out on both sides: mp4 and mov write the names of chapters as one.
    """

    duration: float  # seconds: of the video stream or, of an output without one, of the sound
    streams: tuple[ExpectedStream, ...]  # in order within each kind
    chapters: bool


class ExpectedAudio(Expectation):
    """An output that is sound alone."""


class ExpectedVideo(Expectation):
    """An output with video."""

    width: int  # coded pixels
    height: int
    sar: Fraction
    rotation: int  # degrees clockwise, as in `Video.rotation`
    pixel_format: str | None  # None where the video is copied
    rate: Fraction | None  # None: the source's own times
    frames: int | None  # None where they cannot be known without reading the file
    last: float | None = None  # seconds from the first frame to the last, where each keeps its own time
    distinct: bool = False  # no two frames are shown at the same time


def expected_audio(preset: Preset, info: MediaInfo, duration: float, table: StreamTable) -> ExpectedAudio:
    """Return what an output that is sound alone must hold."""
    return ExpectedAudio(duration=duration, streams=expected_streams(table.rows), chapters=_chapters(preset, info))


def expected_video(
    preset: Preset, info: MediaInfo, video: Video, geometry: FrameGeometry, timing: FrameTiming, table: StreamTable
) -> ExpectedVideo:
    """Return what an output with video must hold."""
    copied = preset.processing_mode == "copy"
    encoder = rules().video_encoders[preset.video_codec]
    return ExpectedVideo(
        width=geometry.output.width,
        height=geometry.output.height,
        sar=geometry.sar,
        rotation=video.rotation if copied else 0,
        pixel_format=None if copied else encoder.decoded_as.get(geometry.pixel_format, geometry.pixel_format),
        rate=timing.rate,
        frames=timing.frames if timing.exact else None,
        duration=timing.duration,
        last=timing.last,
        streams=expected_streams(table.rows),
        chapters=_chapters(preset, info),
    )


def expected_streams(rows: Iterable[StreamPlan]) -> tuple[ExpectedStream, ...]:
    """Return the streams that an output with these rows must have."""
    return tuple(
        ExpectedStream(kind=row.kind, codec=row.codec_out, cover=row.cover)
        for row in rows
        if row.codec_out is not None
    )


def _chapters(preset: Preset, info: MediaInfo) -> bool:
    held = rules().containers[preset.container].chapters and not preset.metadata.removes_all
    return info.chapters > 0 and held and not timeline_request(preset).cuts  # a cut may leave none of them
