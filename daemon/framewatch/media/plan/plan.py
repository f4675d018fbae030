"""The plan: everything that is decided about a file before work on it begins, as one record.

`make_plan` is pure. The commands are built from the plan alone, and verification compares the result with its
`expected`, so what is announced, done and checked cannot differ. `image_plan` has the plan for a still image.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from fractions import Fraction
from typing import Literal, Self

from framewatch.domain import (
    Colour,
    FrameMessageKind,
    Hdr,
    InputFile,
    MediaInfo,
    Record,
    Rectangle,
    Stream,
    StreamKind,
    Timeline,
    Video,
)
from framewatch.errors import Finding, RuleError
from framewatch.media.colour import WorkingFormat, is_limited_grey, is_rgb, resolve_video, working_format
from framewatch.media.containers import rules
from framewatch.media.encoders.hardware import decoding_hardware
from framewatch.media.encoders.hdr_args import left_to_container
from framewatch.media.filters.fitting import Fitting, fitting
from framewatch.media.filters.loudness import Loudness
from framewatch.media.inventory.carriage import Carriage
from framewatch.media.inventory.kinds import Output, Way
from framewatch.media.inventory.segment_boxes import segment_boxes
from framewatch.media.plan.avi_timestamps import (
    COMPLETE_TIMES,
    FrameTimes,
    check_frame_times,
    hidden_frames_warnings,
    times_for,
)
from framewatch.media.plan.carried import carried, output_of, way_of
from framewatch.media.plan.chroma import ChromaPlan, chroma_plan, copied_siting_warnings
from framewatch.media.plan.expectation import (
    Expectation,
    ExpectedAudio,
    ExpectedVideo,
    expected_audio,
    expected_streams,
    expected_video,
)
from framewatch.media.plan.extras import extras_warnings, has_too_many_chapters, has_too_many_tags
from framewatch.media.plan.file_rules import check_file, check_rate
from framewatch.media.plan.frame_messages import (
    CarriedMessages,
    carried_messages,
    message_warnings,
    with_messages,
)
from framewatch.media.plan.geometry import FrameGeometry, copied_geometry, encoded_geometry, geometry_warnings
from framewatch.media.plan.mid_stream import change_warnings, with_uniform_sound
from framewatch.media.plan.output_time import (
    Cut,
    audio_duration,
    cut_warnings,
    frame_timing,
    grid_lead,
    output_zero,
    video_start,
)
from framewatch.media.plan.stream_table import ALL, Abilities, StreamPlan, StreamTable, stream_table
from framewatch.media.preset.preset import ContainerName, Preset
from framewatch.media.rules.preset_rules import check_preset
from framewatch.media.timeline import FALLBACK_RATE


class BasePlan(Record):
    """What the plans for video, audio and images have in common."""

    preset_name: str
    preset: Preset
    container: ContainerName
    warnings: tuple[Finding, ...]

    @property
    def extension(self) -> str:
        """The extension of the output's name, without the dot."""
        return self.container


class MuxPlan(BasePlan):
    """What the plans for video and audio have in common: streams of a source that are muxed into a container."""

    mode: Way
    demuxer: str  # ffmpeg's name of the source's container; ffmpeg opens the source with no other
    reach: int | None = None  # bytes in which ffmpeg looks for the source's streams; None: its own limit
    max_pixels: int | None = None  # of a source frame that ffmpeg decodes; None: no limit
    container_start: float  # seconds on the source's clock: its earliest timestamp or the cut; the output's zero
    cut: Cut | None
    corrected: bool = False  # the source's clock jumps: ffmpeg gets it corrected, from a pipe, and cannot seek in it
    burned: InputFile | None = None  # the subtitle file that is burned in, in the version that was checked
    streams: tuple[StreamPlan, ...]
    chapters: int  # that are kept
    drops_chapters: bool = False  # the source has too many of them
    title: str | None = None  # of the output, where that of the source is too long
    drops_tags: bool = False  # the source has too many or too long ones
    carriage: tuple[Carriage, ...] = ()  # what becomes of everything beyond picture and sound
    expected: Expectation

    @property
    def kept(self) -> tuple[StreamPlan, ...]:
        """The streams that are not dropped, in the order of the output."""
        return tuple(stream for stream in self.streams if stream.action != "drop")

    def of_kind(self, kind: StreamKind) -> tuple[StreamPlan, ...]:
        """Return the kept streams of one kind, without cover images."""
        return tuple(stream for stream in self.kept if stream.kind == kind and not stream.cover)

    @property
    def covers(self) -> tuple[StreamPlan, ...]:
        """The kept cover images."""
        return tuple(stream for stream in self.kept if stream.cover)

    @property
    def delay(self) -> float:
        """Seconds by which the whole output is delayed so that its video starts on the grid of frames."""
        return 0.0

    def without(self, dropped: Container[int]) -> Self:
        """Return the plan without the streams that have these indexes."""
        rows = [
            row.evolve(action="drop", codec_out=None, encoder=None, audio=None) if row.index in dropped else row
            for row in self.streams
        ]
        expected = self.expected.evolve(streams=expected_streams(rows))
        return self.evolve(streams=tuple(rows), expected=expected)

    def with_loudness(self, measured: Mapping[int, Loudness | None]) -> Self:
        """Return the plan with the loudness of tracks by stream index; a silent one (None) is not normalized."""
        rows = list(self.streams)
        for number, row in enumerate(rows):
            if row.audio and row.index in measured:
                found = measured[row.index]
                rows[number] = row.evolve(audio=row.audio.evolve(loudness=found, normalize=found is not None))
        return self.evolve(streams=tuple(rows))


class AudioPlan(MuxPlan):
    """What will be done with a file whose output is sound alone, and perhaps a cover."""

    kind: Literal["audio"] = "audio"
    mode: Literal["transcode", "copy"]
    expected: ExpectedAudio


def alone(plan: MuxPlan, row: StreamPlan) -> AudioPlan:
    """Return a plan by which one stream of another plan, whatever its kind, is written into a file of its own."""
    facts = {name: getattr(plan, name) for name in MuxPlan.model_fields}
    facts |= {"mode": "copy" if plan.mode == "copy" else "transcode", "streams": (row,), "drops_chapters": True}
    expected = ExpectedAudio(duration=plan.expected.duration, streams=expected_streams([row]), chapters=False)
    return AudioPlan(**(facts | {"expected": expected}))


class VideoPlan(MuxPlan):
    """What will be done with a video."""

    kind: Literal["video"] = "video"
    video_start: float  # seconds after the output's zero at which the first frame is shown
    apart: bool = False  # parameters of a copied video change beside its packets, and are put into them
    fitting: Fitting | None = None  # what a transcode's frames are made like; None: they are alike
    grid_lead: float = 0.0  # seconds by which the grid of frames begins before the first one is shown
    frame_times: FrameTimes  # what ffmpeg must be told of the times of the source's frames
    scale: int
    working_format: WorkingFormat  # of the frames that go through the engine
    decoded_width: int  # upright pixels of a source frame
    decoded_height: int
    frame_width: int  # of the frames that the encoder's command gets
    frame_height: int
    scaled_width: int  # after scaling; the output may have black bars around it
    scaled_height: int
    scaling: str  # swscale's name of the algorithm
    width: int  # of the output
    height: int
    sar: Fraction  # of the output
    pixel_format: str  # of the output
    chroma: ChromaPlan
    colour: Colour  # the source's tags, completed: those of an output that is encoded from RGB
    hdr: Hdr | None = None  # of the source
    source_height: int  # coded pixels; players guess the matrix of untagged video by it
    rgb: bool  # the source is RGB, not YUV
    limited_grey: bool = False  # the source is luma alone, of limited range
    visible: Rectangle | None = None  # part of the source's upright frames; the container hides the rest
    shows_all: bool = False  # ffmpeg is told to show what the container hides: it would cut off an even part of it
    rate: Fraction | None  # of the output; None: the source's own times
    average_rate: Fraction  # frames per second, whether they are even or not
    frames: int  # of the output; an estimate where `expected.frames` is None
    frame_messages: tuple[FrameMessageKind, ...] = ()  # of the source, that the output is to have
    expected: ExpectedVideo

    @property
    def main(self) -> StreamPlan:
        """The video stream."""
        return self.of_kind("video")[0]

    @property
    def encoder(self) -> str:
        """The encoder that the preset asks for, by ffmpeg's name."""
        return rules().video_encoders[self.preset.video_codec].program

    @property
    def carried_messages(self) -> CarriedMessages | None:
        """What the output's frames are to have of the source's; None for nothing."""
        if not self.frame_messages:
            return None
        length = self.cut.length if self.cut else None
        end = None if length is None else self.container_start + length
        return CarriedMessages(kinds=self.frame_messages, end=end)

    @property
    def is_encoded_apart(self) -> bool:
        """Whether a transcode encodes its video into a file of its own, as an upscale does, and joins it then.

        So frames get their messages in the same way, whatever the encoder takes. And an old ffmpeg would write into
        Matroska that the new frames are Dolby Vision.
        """
        no_vision = any(each.kind == "dolby_vision" and each.outcome == "dropped" for each in self.carriage)
        return self.mode == "transcode" and self.encoder != "gif" and (bool(self.frame_messages) or no_vision)

    @property
    def delay(self) -> float:
        """Seconds, less than a frame, by which a transcode is delayed so that its video starts on the grid of frames.

        ffmpeg counts a constant rate from zero. A video that starts between two of those ticks would be moved, and
        its sound would not.
        """
        if self.rate is None or self.mode == "upscale":
            return 0.0
        start = Fraction(self.video_start)
        ticks = math.ceil(start * self.rate - Fraction(1, 1000))  # a thousandth of a frame: video_start is rounded
        return max(0.0, float(ticks / self.rate - start))

    @property
    def segment_boxes(self) -> bytes:
        """What each segment gets besides what its encoder writes."""
        hdr = left_to_container(self.preset.video_codec, self.hdr) if self.mode == "upscale" else None
        stated = ("stereo3d",) if self.mode == "transcode" and self.encoder == "libx264" else ()  # in its bitstream
        said = [each for each in self.carriage if each.kind not in stated]
        return segment_boxes(said, self.main.index, self.scale, hdr)

    @property
    def hwaccel(self) -> str | None:
        """The hardware that decodes, by ffmpeg's name; None where the CPU does."""
        return decoding_hardware(self.preset)


def make_plan(
    preset: Preset,
    preset_name: str,
    info: MediaInfo,
    timeline: Timeline | None,
    frame_times: FrameTimes = COMPLETE_TIMES,
    ffmpeg: Abilities = ALL,
) -> VideoPlan | AudioPlan:
    """Decide everything about one file.

    Args:
        preset: what the user wants.
        preset_name: its name.
        info: what the probe found.
        timeline: which frames are shown when. An upscale needs it. Without one, a transcode keeps the source's own
            timing and its number of frames is not known in advance. A copy only takes its estimate from it.
        frame_times: what the source's packets do not say of its frames' times.
        ffmpeg: what the ffmpeg at hand can encode and decode.

    Raises:
        RuleError: with all findings, when preset and file do not fit together.
        ValueError: an upscale without a timeline.
    """
    warnings = tuple(extras_warnings(preset, info))
    drops_chapters = has_too_many_chapters(info)
    info = info.evolve(chapters=0) if drops_chapters else info
    table = stream_table(preset, info, ffmpeg)
    table.rows = with_uniform_sound(table.rows, info)
    warnings = (*warnings, *change_warnings(preset, info, timeline, table.rows))
    findings = [*check_preset(preset), *check_file(preset, info, table)]
    if timeline:
        findings += [*check_rate(preset, timeline.rate), *check_frame_times(preset, info, frame_times)]
    if findings:
        raise RuleError.of(findings)
    if rules().containers[preset.container].audio_only:
        audio = _audio_plan(preset, preset_name, info, table)
        return audio.evolve(drops_chapters=drops_chapters, warnings=(*audio.warnings, *warnings))
    if preset.upscales and timeline is None:
        raise ValueError("upscaling needs a timeline")
    plan = _video_plan(preset, preset_name, info, table, timeline)
    return plan.evolve(
        frame_times=times_for(preset, frame_times),
        apart=plan.mode == "copy" and info.changes.apart,
        fitting=fitting(info.changes, _video_of(info)[1], plan.main.codec) if plan.mode == "transcode" else None,
        expected=plan.expected.evolve(distinct=frame_times.distinct),
        drops_chapters=drops_chapters,
        warnings=(*plan.warnings, *warnings, *hidden_frames_warnings(preset, info, frame_times)),
    )


def _audio_plan(preset: Preset, name: str, info: MediaInfo, table: StreamTable) -> AudioPlan:
    zero, cut = output_zero(preset, info, None)
    properties, lost = carried(preset, info, table, Output(preset.container))
    return AudioPlan(
        carriage=properties,
        mode="copy" if preset.processing_mode == "copy" else "transcode",
        preset_name=name,
        preset=preset,
        container=preset.container,
        demuxer=info.container,
        reach=info.extras.reach,
        container_start=zero,
        cut=cut,
        streams=tuple(table.rows),
        chapters=info.chapters,
        title=info.extras.title,
        drops_tags=has_too_many_tags(info),
        warnings=(*table.warnings, *lost, *_metadata_warnings(preset, info.chapters)),
        expected=expected_audio(preset, info, audio_duration(info, cut), table),
    )


def _video_plan(
    preset: Preset, name: str, info: MediaInfo, table: StreamTable, timeline: Timeline | None
) -> VideoPlan:
    main, video = _video_of(info)
    mode = way_of(preset)
    copied = mode == "copy"
    geometry = copied_geometry(preset, video) if copied else encoded_geometry(preset, video)
    messages = () if copied else carried_messages(preset, info, geometry.pixel_format)
    timing = frame_timing(preset, info, main, timeline, copied=copied)
    zero, cut = output_zero(preset, info, timeline)
    properties, lost = carried(preset, info, table, output_of(preset, geometry))
    return VideoPlan(
        carriage=properties if copied else with_messages(properties, messages),
        mode=mode,
        preset_name=name,
        preset=preset,
        container=preset.container,
        demuxer=info.container,
        reach=info.extras.reach,
        container_start=zero,
        cut=cut,
        video_start=video_start(zero, info, main, timeline),
        grid_lead=grid_lead(zero, timeline),
        frame_times=COMPLETE_TIMES,
        scale=preset.scale,
        working_format=working_format(video.bit_depth),
        decoded_width=geometry.decoded.width,
        decoded_height=geometry.decoded.height,
        frame_width=geometry.upscaled.width,
        frame_height=geometry.upscaled.height,
        scaled_width=geometry.scaled.width,
        scaled_height=geometry.scaled.height,
        scaling=geometry.scaler,
        width=geometry.output.width,
        height=geometry.output.height,
        sar=geometry.sar,
        pixel_format=geometry.pixel_format,
        chroma=chroma_plan(preset, video, geometry.pixel_format),
        colour=resolve_video(video),
        hdr=video.hdr,
        source_height=video.height,
        rgb=is_rgb(video),
        limited_grey=is_limited_grey(video),
        visible=video.visible,
        rate=timing.rate,
        average_rate=(timeline.rate if timeline else video.rate) or FALLBACK_RATE,
        frames=timing.frames,
        frame_messages=messages,
        streams=tuple(table.rows),
        chapters=info.chapters,
        title=info.extras.title,
        drops_tags=has_too_many_tags(info),
        warnings=(
            *table.warnings,
            *_picture_warnings(preset, info, geometry),
            *lost,
            *_metadata_warnings(preset, info.chapters),
            *cut_warnings(preset, cut),
        ),
        expected=expected_video(preset, info, video, geometry, timing, table),
    )


def _picture_warnings(preset: Preset, info: MediaInfo, geometry: FrameGeometry) -> list[Finding]:
    """Return what the picture loses, and what is attached to its frames."""
    main, video = _video_of(info)
    if way_of(preset) == "copy":
        return copied_siting_warnings(preset, main, video)
    losses = geometry_warnings(preset, main, video, geometry)
    return [*losses, *message_warnings(preset, info, geometry.pixel_format)]


def _video_of(info: MediaInfo) -> tuple[Stream, Video]:
    main = info.main_video
    if main is None or main.video is None:
        raise ValueError("the probe found no video that can be decoded")
    return main, main.video


def _metadata_warnings(preset: Preset, chapters: int) -> list[Finding]:
    """Warn of tags that are given and not written, and of chapters that the container cannot store."""
    found, metadata = [], preset.metadata
    if metadata.removes_all and metadata.tags:
        message = f"{', '.join(metadata.tags)}: not written, because the mode is clean"
        found.append(Finding("metadata.unused", message, "mode replace writes them", "metadata"))
    if chapters and not rules().containers[preset.container].chapters and not metadata.removes_all:
        message = f"{chapters} chapters are dropped: {preset.container} has none"
        found.append(Finding("streams.chapters_dropped", message))
    return found
