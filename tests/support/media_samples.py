"""Records and small real media for the tests of media."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from framewatch.domain import Audio, MediaInfo, Stream, Timeline, Video
from framewatch.errors import Finding
from framewatch.jobs.attempt.verify import compare
from framewatch.media.commands import ffmpeg_commands
from framewatch.media.decode.decoder import VideoSource
from framewatch.media.decode.output_inspection import inspect_output
from framewatch.media.ffmpeg.process import Encoder, run_ffmpeg
from framewatch.media.filters.loudness import Loudness, parse_loudness
from framewatch.media.iso_files.sample_entry import put_into
from framewatch.media.plan.file_rules import check_file
from framewatch.media.plan.plan import AudioPlan, MuxPlan, VideoPlan, make_plan
from framewatch.media.plan.stream_table import stream_table
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.packet_scan import scan, stream_spans
from framewatch.media.probe.probe import probe
from framewatch.media.timeline import plan_timeline
from framewatch.storage.files import named_by_user

PACKAGED = Path(imageio_ffmpeg.get_ffmpeg_exe())
FFMPEG = Path(os.environ.get("FRAMEWATCH_TEST_FFMPEG") or PACKAGED)  # the program that is tested
FAST = {"preset": "ultrafast", "crf": 30}


def ffmpeg(*args: object) -> None:
    """Run ffmpeg to make test media; on failure, show its stderr."""
    command = [str(PACKAGED), "-nostdin", "-hide_banner", "-v", "error", "-y", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- records ------------------------------------------------------------------------------------------------


def video(index: int = 0, codec: str = "h264", **facts: Any) -> Stream:
    known = {
        "width": 64,
        "height": 48,
        "pixel_format": "yuv420p",
        "bit_depth": 8,
        "rate": Fraction(25),
    } | facts
    return Stream(index=index, kind="video", codec=codec, start=0.0, duration=2.0, video=Video(**known))


def audio(index: int = 1, codec: str = "aac", channels: int = 2, language: str = "jpn") -> Stream:
    sound = Audio(sample_rate=48000, channels=channels)
    return Stream(index=index, kind="audio", codec=codec, language=language, audio=sound)


def subtitle(index: int = 2, codec: str = "subrip", language: str = "eng") -> Stream:
    return Stream(index=index, kind="subtitle", codec=codec, language=language)


def other(index: int, kind: Any, codec: str = "ttf") -> Stream:
    return Stream(index=index, kind=kind, codec=codec)


def cover(index: int, codec: str = "png") -> Stream:
    return Stream(index=index, kind="video", codec=codec, cover=True)


def media(*streams: Stream, **facts: Any) -> MediaInfo:
    known = {"container": "matroska,webm", "size": 1000, "start": 0.0, "duration": 2.0} | facts
    return MediaInfo(streams=streams or (video(), audio()), **known)


def cfr(frames: int = 50, rate: Fraction = Fraction(25), origin: int = 0) -> Timeline:
    return Timeline(time_base=1 / rate, rate=rate, origin=origin, frames=frames, source_frames=frames)


def fitting(container: str, **preset_keys: Any) -> Preset:
    """A preset that is valid for the container, with these keys."""
    base = {"video_codec": "vp9"} if container == "webm" else {}
    base["audio_codec"] = {
        "webm": "libopus", "mts": "ac3", "m2ts": "ac3", "mp3": "mp3", "wav": "pcm_s16le", "flac": "flac",
    }.get(container, "aac")  # fmt: skip
    return Preset(container=container, **(base | preset_keys))


def file_findings(preset: Preset, info: MediaInfo) -> list[Finding]:
    """Return the findings of the rules that need both preset and file."""
    return check_file(preset, info, stream_table(preset, info))


# --- real files ---------------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """A stream of an output file."""

    kind: str
    codec: str
    language: str
    title: str
    cover: bool
    frames: int
    first: float | None  # seconds


class File(NamedTuple):
    """An output file."""

    streams: list[Seen]
    chapters: list[str]
    title: str

    def of(self, kind: str) -> list[Seen]:
        return [stream for stream in self.streams if stream.kind == kind and not stream.cover]


def look(path: Path) -> File:
    """Read what is in a file by demuxing it."""
    with av.open(str(path)) as container:
        counts: dict[int, list[float | None]] = {stream.index: [] for stream in container.streams}
        for packet in container.demux():
            if packet.size and (packet.pts is not None or packet.is_keyframe):
                time = None if packet.pts is None else float(packet.pts * packet.time_base)
                counts[packet.stream_index].append(time)
        streams = [_seen(stream, counts[stream.index]) for stream in container.streams]
        chapters = [chapter["metadata"].get("title", "") for chapter in container.chapters()]
        return File(streams, chapters, container.metadata.get("title", ""))


def _seen(stream: Any, times: list[float | None]) -> Seen:
    context = stream.codec_context
    codec = context.codec.canonical_name if context else ""
    meta = {key.lower(): value for key, value in stream.metadata.items()}
    known = [time for time in times if time is not None]
    return Seen(
        stream.type, codec, meta.get("language", ""), meta.get("title") or meta.get("name", ""),
        bool(int(stream.disposition) & 1024), len(times), min(known, default=None),
    )  # fmt: skip


def frames_of(path: Path) -> list[VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def timeline_of(path: Path) -> Timeline:
    main = probe(path).main_video
    scanned = scan(path, main.index)
    return plan_timeline(scanned.pts, scanned.time_base, main.video.rate, scanned.last_duration)


def video_source(path: Path) -> tuple[VideoSource, tuple[int, ...]]:
    """Return the video of a file, ready to decode, and the PTS of its frames."""
    stream = require_video(probe(path))
    assert stream.video
    found = scan(path, stream.index)
    timeline = plan_timeline(found.pts, found.time_base, stream.video.rate, found.last_duration)
    return VideoSource(path, stream, timeline), found.pts


def plan_of(path: Path, **preset_keys: Any) -> Any:
    info = probe(path)
    return make_plan(Preset(**preset_keys), "test", info, timeline_of(path) if info.main_video else None)


def enlarged(path: Path, scale: int, working_format: str = "rgb24") -> Iterable[npt.NDArray[Any]]:
    """Yield the frames of a file, upscaled by repeating pixels."""
    for frame in frames_of(path):
        pixels = frame.to_ndarray(format=working_format)
        yield np.ascontiguousarray(pixels.repeat(scale, axis=0).repeat(scale, axis=1))


def encode_segments(plan: VideoPlan, frames: Iterable[Any], folder: Path, sizes: Iterable[int]) -> list[Path]:
    """Encode the frames into segments with these numbers of frames."""
    frames = iter(frames)
    segments = []
    for number, size in enumerate(sizes):
        segment = folder / f"piece-{number:05}.{ffmpeg_commands.segment_extension(plan)}"
        with Encoder(ffmpeg_commands.segment_command(plan, FFMPEG, segment)) as encoder:
            for _ in range(size):
                encoder.write(next(frames))
            encoder.finish()
        if plan.segment_boxes:
            put_into(segment, plan.segment_boxes)
        segments.append(segment)
    return segments


def measured(plan: MuxPlan, source: Path) -> Any:
    """Return the plan with the measured loudness of the tracks that it normalises."""
    found: dict[int, Loudness | None] = {}
    for index, command in ffmpeg_commands.measure_commands(plan, FFMPEG, source, source).items():
        lines: list[str] = []
        run_ffmpeg(command, [named_by_user(source)], on_log=lambda _, line, heard=lines.append: heard(line))
        found[index] = parse_loudness(lines)
    return plan.with_loudness(found)


def problems(plan: VideoPlan | AudioPlan, source: Path, out: Path) -> list[Finding]:
    """Verify an output file against its plan."""
    lengths = {number: float(end - begin) for number, (begin, end) in stream_spans(source, 0).spans.items()}
    return compare(plan.expected, inspect_output(out), [lengths.get(track.index) for track in plan.of_kind("audio")])


def render(plan: VideoPlan | AudioPlan, source: Path, folder: Path, segments: int = 1) -> Path:
    """Do what a job does, but upscale by repeating pixels; without upscaling, in one command."""
    plan = measured(plan, source)
    out = folder / f"result.{plan.extension}"
    for command in ffmpeg_commands.cover_commands(plan, FFMPEG, source, out):
        run_ffmpeg(command, [named_by_user(source)])
    if plan.mode != "upscale":
        run_ffmpeg(ffmpeg_commands.transcode_command(plan, FFMPEG, source, out), [named_by_user(source)])
        return out
    sizes = [len(part) for part in np.array_split(np.arange(plan.frames), segments)]
    made = encode_segments(plan, enlarged(source, plan.scale, plan.working_format), folder, sizes)
    if segments > 1:
        ffmpeg_commands.segment_list(out).write_text(ffmpeg_commands.segment_list_text(made, out))
    run_ffmpeg(ffmpeg_commands.mux_command(plan, FFMPEG, made, source, out), [named_by_user(source)])
    return out


def program(path: Path, script: str) -> Path:
    """Write a shell script that stands in for a program."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
