"""The plan: everything that is decided about a job before its work begins, as one record.

`make_plan` is pure. The commands are built from the plan alone, and verification compares the result with its
`expected`, so what is announced, done and checked cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from framewatch.domain import Colour, Hdr, MediaInfo, Record, Stream, StreamKind, Timeline, Video
from framewatch.errors import Finding, RuleError
from framewatch.media.colour import WorkingFormat, is_rgb, resolve_video, working_format
from framewatch.media.containers import rules
from framewatch.media.encoders.hardware import decoding_hardware
from framewatch.media.filters.loudness import Loudness
from framewatch.media.plan.avi_timestamps import Stamps, check_stamps
from framewatch.media.plan.expectation import Expected, _expected
from framewatch.media.plan.file_rules import check_file, check_rate
from framewatch.media.plan.geometry import NO_PICTURE, picture, picture_as_is, picture_warnings
from framewatch.media.plan.output_time import (
    Cut,
    cut_warnings,
    output_time,
    output_zero,
    sound_time,
    video_start,
)
from framewatch.media.plan.stream_table import StreamPlan, stream_table
from framewatch.media.preset.metadata_keys import Metadata
from framewatch.media.preset.preset import ContainerName, Preset
from framewatch.media.rules.preset_rules import check_preset

Mode = Literal["upscale", "transcode", "copy"]

_TOLD = Stamps()  # packets say it all
SCALERS = {"bicubic": "bicubic", "lanczos": "lanczos", "bilinear": "bilinear", "nearest": "neighbor"}


class Plan(Record):
    """What will be done with one file. Of sound alone, sizes and frames are 0."""

    mode: Mode
    preset_name: str
    preset: Preset
    container: ContainerName
    demuxer: str  # ffmpeg's name of the source's container; nothing else is let at the file
    max_pixels: int = 0  # of a frame of the source that ffmpeg decodes; 0: no limit
    container_start: float  # seconds: the source's earliest timestamp or, where it is cut, the cut: the output's zero
    cut: Cut | None
    video_start: float  # seconds after that when the first frame is shown
    stamps: Stamps = _TOLD  # what ffmpeg must be told of the times of the source's frames
    scale: int
    working_format: WorkingFormat  # of the frames that go through the engine
    decoded_width: int  # upright pixels of a source frame
    decoded_height: int
    frame_width: int  # of the frames that the encoder gets on stdin
    frame_height: int
    scaled_width: int  # as large as the picture is shown; the output may have black around it
    scaled_height: int
    scaling: str  # swscale's name of the algorithm
    width: int  # of the output
    height: int
    sar: Fraction  # of the output
    pixel_format: str  # of the output; of the source where it is copied
    colour: Colour  # of the output where it is made of RGB: the source's, completed
    hdr: Hdr | None = None  # of the source
    source_height: int  # coded pixels; players guess untagged colours by it
    rgb: bool  # the source is RGB, not YUV
    rate: Fraction | None  # of the output; None: the source's own timing
    average_rate: Fraction  # frames per second, where they are even or not
    frames: int  # of the output; an estimate where `expected.frames` is None
    streams: tuple[StreamPlan, ...]
    chapters: int
    warnings: tuple[Finding, ...]
    expected: Expected

    @property
    def extension(self) -> str:
        """The ending of the output's name, without its dot."""
        return self.container

    @property
    def delay(self) -> float:
        """Seconds, less than a frame, that a transcode puts all off: its video starts on the grid of frames.

        ffmpeg counts a constant rate from zero. Where the video starts between two of those ticks, it would move
        and the sound would not.
        """
        if self.rate is None or self.mode == "upscale":
            return 0.0
        start = Fraction(self.video_start)
        ticks = math.ceil(start * self.rate - Fraction(1, 1000))  # a thousandth of a frame: video_start is rounded
        return max(0.0, float(ticks / self.rate - start))

    @property
    def hwaccel(self) -> str:
        """What decodes, in ffmpeg's words; "" where no hardware is wanted."""
        return decoding_hardware(self.preset)

    @property
    def kept(self) -> tuple[StreamPlan, ...]:
        """The streams that are not dropped, in the order of the output."""
        return tuple(stream for stream in self.streams if stream.action != "drop")

    def of_kind(self, kind: StreamKind) -> tuple[StreamPlan, ...]:
        """The kept streams of one kind, cover pictures left out."""
        return tuple(stream for stream in self.kept if stream.kind == kind and not stream.cover)

    @property
    def has_video(self) -> bool:
        """False for sound alone."""
        return self.expected.has_video

    def with_loudness(self, measured: Mapping[int, Loudness | None]) -> Plan:
        """The plan for tracks that were measured, by stream index; a silent one (None) is not normalized."""
        rows = list(self.streams)
        for number, row in enumerate(rows):
            if row.audio and row.index in measured:
                found = measured[row.index]
                rows[number] = row.evolve(audio=row.audio.evolve(loudness=found, normalize=found is not None))
        return self.evolve(streams=tuple(rows))

    @property
    def covers(self) -> tuple[StreamPlan, ...]:
        """The kept cover pictures."""
        return tuple(stream for stream in self.kept if stream.cover)


def make_plan(
    preset: Preset, preset_name: str, info: MediaInfo, timeline: Timeline | None, stamps: Stamps = _TOLD
) -> Plan:
    """Decide everything about one file.

    Args:
        preset: what the user wants.
        preset_name: its name.
        info: what the probe found.
        timeline: which frames are shown when. Needed to upscale. Without one, a transcode keeps the source's
            own timing and its number of frames is not known in advance. A copy only takes its estimate from
            it.
        stamps: what the source's packets do not say of its frames' times.

    Raises:
        RuleError: with all findings, when preset and file do not fit together.
        ValueError: upscaling is asked for without a timeline.
    """
    findings = check_preset(preset) + check_file(preset, info)
    if timeline:
        findings += [*check_rate(preset, timeline.rate), *check_stamps(preset, info, stamps)]
    if findings:
        raise RuleError.of(findings)
    if rules().containers[preset.container].audio_only:
        return _sound_plan(preset, preset_name, info)
    if preset.upscales and timeline is None:
        raise ValueError("upscaling needs a timeline")
    return _plan(preset, preset_name, info, timeline, stamps)


def _video_of(info: MediaInfo) -> tuple[Stream, Video]:
    main = info.main_video
    if main is None or main.video is None:
        raise ValueError("the probe gave the video stream no picture")
    return main, main.video


def _mode(preset: Preset) -> Mode:
    if preset.processing_mode == "copy":
        return "copy"
    return "upscale" if preset.upscales else "transcode"


def _plan(preset: Preset, name: str, info: MediaInfo, timeline: Timeline | None, stamps: Stamps) -> Plan:
    (main, video), mode = _video_of(info), _mode(preset)
    made = picture_as_is(video) if mode == "copy" else picture(preset, video)
    timing = output_time(preset, info, main, timeline, copied=mode == "copy")
    table = stream_table(preset, info)
    losses = [] if mode == "copy" else picture_warnings(preset, main, video, made)
    losses += _metadata_warnings(preset, info)
    zero, cut = output_zero(preset, info, timeline)
    return Plan(
        mode=mode,
        preset_name=name,
        preset=preset,
        container=preset.container,
        demuxer=info.container,
        container_start=zero,
        cut=cut,
        video_start=video_start(zero, info, main, timeline),
        stamps=stamps,
        scale=preset.scale,
        working_format=working_format(video.bit_depth),
        decoded_width=made.decoded.width,
        decoded_height=made.decoded.height,
        frame_width=made.enlarged.width,
        frame_height=made.enlarged.height,
        scaled_width=made.scaled.width,
        scaled_height=made.scaled.height,
        scaling="lanczos" if made.lanczos else SCALERS[preset.scaling_algorithm],
        width=made.output.width,
        height=made.output.height,
        sar=made.sar,
        pixel_format=made.pixel_format,
        colour=resolve_video(video),
        hdr=video.hdr,
        source_height=video.height,
        rgb=is_rgb(video),
        rate=timing.rate,
        average_rate=(timeline.rate if timeline else video.rate) or Fraction(25),
        frames=timing.frames,
        streams=tuple(table.rows),
        chapters=info.chapters,
        warnings=(*table.warnings, *losses, *cut_warnings(preset, cut)),
        expected=_expected(preset, info, video, made=made, timing=timing, table=table).evolve(
            distinct=stamps.distinct
        ),
    )


def _sound_plan(preset: Preset, name: str, info: MediaInfo) -> Plan:
    """A plan whose output is sound alone, and perhaps a cover."""
    table = stream_table(preset, info)
    zero, cut = output_zero(preset, info, None)
    timing = sound_time(info, cut)
    return Plan(
        mode=_mode(preset), preset_name=name, preset=preset, container=preset.container, demuxer=info.container,
        container_start=zero, cut=cut, video_start=0.0, scale=1, working_format="rgb24", decoded_width=0,
        decoded_height=0, frame_width=0, frame_height=0, scaled_width=0, scaled_height=0, scaling="", width=0,
        height=0, sar=Fraction(1), pixel_format="",
        colour=Colour(), source_height=0, rgb=False, rate=None, average_rate=Fraction(25), frames=0,
        streams=tuple(table.rows), chapters=info.chapters,
        warnings=(*table.warnings, *_metadata_warnings(preset, info)),
        expected=_expected(preset, info, None, made=NO_PICTURE, timing=timing, table=table),
    )  # fmt: skip


def _metadata_warnings(preset: Preset, info: MediaInfo) -> list[Finding]:
    holds = rules().containers[preset.container].chapters
    return metadata_warnings(preset.metadata, info.chapters, preset.container, holds_chapters=holds)


def metadata_warnings(wishes: Metadata, chapters: int, container: str, *, holds_chapters: bool) -> list[Finding]:
    """Tags that are given and not written, and the source's chapters where `container` has no place for them."""
    found = []
    if wishes.removes_all and wishes.tags:
        message = f"{', '.join(wishes.tags)}: not written, since the mode is clean"
        found.append(Finding("metadata.unused", message, "mode replace writes them", "metadata"))
    if chapters and not holds_chapters and not wishes.removes_all:
        message = f"{chapters} chapters are left out: {container} has none"
        found.append(Finding("streams.chapters_dropped", message))
    return found
