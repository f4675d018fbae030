"""ffmpeg command lines, built from a plan alone. Pure: nothing is run or written here.

Time: `-copyts` keeps every input on its own clock, and each is moved by an offset that is written out. ffmpeg's own
shifting moves an MPEG-TS by the start of those of its streams that are used, which would separate sound from video
where the video comes from another input.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

from framewatch.media import colour
from framewatch.media.clock.jumps import DISCONTINUOUS
from framewatch.media.commands.chroma_filters import siting_args
from framewatch.media.commands.output_args import cover_path, file_url, muxer_args, other_streams, without_stale_tags
from framewatch.media.commands.property_args import (
    language_args,
    layout_filters,
    layout_parameters,
    marks,
    tag_args,
    timecode_args,
    without_false_tags,
)
from framewatch.media.commands.trim_args import audio_trim, clock_args, copied_video_args, length_args, seek_args
from framewatch.media.commands.uniform_sound import (
    sound_input,
    sound_output_args,
    sound_source_args,
    uniform_tracks,
)
from framewatch.media.commands.video_filters import SegmentEncoding, transcoded_chain, upscaled_chain
from framewatch.media.containers import rules
from framewatch.media.encoders import encoder_args
from framewatch.media.encoders.parameter_lists import with_parameters
from framewatch.media.filters import audio
from framewatch.media.filters.burned_subtitles import script_path
from framewatch.media.limits import TRIED_PIXELS
from framewatch.media.plan.avi_timestamps import COMPLETE_TIMES, genpts_args
from framewatch.media.plan.plan import AudioPlan, MuxPlan, VideoPlan
from framewatch.media.plan.stream_table import StreamPlan
from framewatch.media.preset.subtitle_file import subtitle_demuxer
from framewatch.media.probe.safe_open import reading_options
from framewatch.media.probe.structure.content import BY_CONTENT

FINE_TICKS = 90_000  # per second, for frames at a variable rate: MPEG's clock, exact to 6 microseconds
_CODECS_WITH_CAPTIONS = ("h264", "hevc", "mpeg2video")  # whose encoders may copy them from decoded frames
_TELETEXT_MILLISECONDS = "30000"  # that a page stays, if nothing removes it: else the last one would do so forever
_REHEARSAL_SECONDS = "1"
_WHOLE = SegmentEncoding()


def segment_extension(plan: VideoPlan) -> str:
    """Return the extension of a segment's file: mp4, or mov for ProRes, which mp4 does not take."""
    return "mov" if plan.preset.video_codec == "prores" else "mp4"


def segment_command(plan: VideoPlan, ffmpeg: Path, out: Path, segment: SegmentEncoding = _WHOLE) -> list[str]:
    """Raw frames on stdin become one segment without sound, which starts at 0 and can be decoded independently.

    Args:
        plan: of an upscale. Frames are `frame_width` x `frame_height`.
        ffmpeg: the program.
        out: where the segment is written; overwritten.
        segment: where it lies in the output, and how its frames come.
    """
    pixel_format = segment.planes.out_format if segment.planes else plan.working_format
    size = f"{plan.frame_width}x{plan.frame_height}"
    source = [
        "-f", "rawvideo", "-pixel_format", pixel_format, "-video_size", size,
        "-framerate", _ratio(plan.average_rate),
    ]  # fmt: skip
    if plan.rate is None:  # the frames come as Matroska, which states the time of each
        source = ["-f", "matroska"]
    timing = ["-fps_mode", "passthrough", *([] if plan.rate else ["-enc_time_base", f"1:{FINE_TICKS}"])]
    return [
        *_program(ffmpeg, stdin=True), *source, "-protocol_whitelist", "pipe", "-i", "pipe:0", "-map", "0:v:0",
        *timing, *_upscaled_video(plan, out, segment),
        *_clock(plan.rate),
        "-f", segment_extension(plan),
        "-y", file_url(out),
    ]  # fmt: skip


def mux_command(
    plan: VideoPlan, ffmpeg: Path, segments: Sequence[Path], source: Path, out: Path, *, uniform: bool = False
) -> list[str]:
    """Return the command that joins the segments, unchanged, with everything else of the source.

    Several segments are read through the list `segment_list(out)`, whose text is `segment_list_text`. Covers for
    Matroska are read where `cover_commands` write them. The caller makes both before.

    Where segments are not `uniform`, ffmpeg's concat demuxer writes the parameter sets of each H.264 segment into its
    packets. Uniform segments can all be decoded with those of the first, so this is switched off, and no byte of
    their packets changes.
    """
    if len(segments) == 1:
        video = ["-protocol_whitelist", "file", "-i", file_url(segments[0])]
    else:
        unchanged = ["-auto_convert", "0"] if uniform else []
        listed = file_url(segment_list(out))
        video = ["-f", "concat", *unchanged, "-safe", "0", "-protocol_whitelist", "file", "-i", listed]
    return [
        *_program(ffmpeg), "-copyts", "-itsoffset", _seconds(plan.video_start), *video,
        *seek_args(plan), "-itsoffset", _source_offset(plan), *_source(plan, source), *_sounds(plan, out),
        "-map", "0:v:0", "-c:v:0", "copy", *_on_grid(plan), *_video_metadata(plan),
        *other_streams(plan, out, source_input=1), *_output(plan, source_input=1), "-y", file_url(out),
    ]  # fmt: skip


def transcode_command(plan: VideoPlan | AudioPlan, ffmpeg: Path, source: Path, out: Path) -> list[str]:
    """Return the main command of a job without upscaling: it encodes or copies the video, or there is only sound.

    Covers for Matroska are read where `cover_commands` write them.
    """
    hardware, video = [], []
    if isinstance(plan, VideoPlan):
        hardware = ["-hwaccel", plan.hwaccel] if plan.hwaccel and plan.mode != "copy" else []
        video = _video(plan, out)
    return [
        *_program(ffmpeg), *hardware, *_timed_source(plan, source), *_sounds(plan, out), *video,
        *other_streams(plan, out, source_input=0), *_output(plan, source_input=0), "-y", file_url(out),
    ]  # fmt: skip


def video_command(plan: VideoPlan, ffmpeg: Path, source: Path, out: Path, result: Path) -> list[str]:
    """Return the command that encodes only the video of a transcode into `out`, which starts at 0, like a segment.

    `mux_command` then joins it with the rest of the source to `result`, as if it came from the network. The encoder
    adds no captions: they are put into `out` like all other messages.
    """
    hardware = ["-hwaccel", plan.hwaccel] if plan.hwaccel else []
    captions = ["-a53cc:v:0", "0"] if plan.main.codec_out in _CODECS_WITH_CAPTIONS else []
    return [
        *_program(ffmpeg), *hardware, *_timed_source(plan, source), "-map", f"0:{plan.main.index}",
        *_transcoded_video(plan, result, ["setpts=PTS-STARTPTS"]), *captions, "-map_chapters", "-1",
        *_clock(plan.rate), "-f", segment_extension(plan), "-y", file_url(out),
    ]  # fmt: skip


def rehearsal_command(plan: VideoPlan, ffmpeg: Path, source: Path, out: Path) -> list[str]:
    """Return the command that rehearses an upscale: encode and mux one black frame and one second of the rest.

    An encoder that does not take this size, or a container that refuses a stream, shows here and not after hours of
    work. `out` is thrown away.
    """
    # Loudness is left out: the first second may be silent, and silence has no loudness.
    plan = plan.with_loudness({track.index: None for track in plan.of_kind("audio")})
    size = f"{plan.frame_width}x{plan.frame_height}"
    frame = f"color=black:size={size}:rate={_ratio(plan.average_rate)},format={plan.working_format},trim=end_frame=1"
    return [
        *_program(ffmpeg), "-copyts", "-f", "lavfi", "-i", frame,
        *seek_args(plan), "-itsoffset", _source_offset(plan), "-t", _REHEARSAL_SECONDS,
        *_source(plan, source), *_sounds(plan, out, "-t", _REHEARSAL_SECONDS),
        "-map", "0:v:0", *_upscaled_video(plan, out, _WHOLE),
        *other_streams(plan, out, source_input=1), *_output(plan, source_input=1), "-y", file_url(out),
    ]  # fmt: skip


def measure_commands(plan: MuxPlan, ffmpeg: Path, source: Path, out: Path) -> dict[int, list[str]]:
    """Return the commands that log the loudness of the tracks that are normalized, by stream index."""
    return {
        track.index: [
            *_program(ffmpeg), "-loglevel", "level+info", *_measured(plan, track, source, out),
            *audio.measure_args(track.audio, audio_trim(plan)), "-f", "null", "-",
        ]
        for track in plan.of_kind("audio") if track.audio and track.audio.normalize
    }  # fmt: skip


def _measured(plan: MuxPlan, track: StreamPlan, source: Path, out: Path) -> list[str]:
    if track in uniform_tracks(plan):
        return ["-copyts", *sound_input(track, out), "-map", "0:0"]
    return [*_timed_source(plan, source), "-map", f"0:{track.index}"]


def sound_commands(plan: MuxPlan, ffmpeg: Path, source: Path, out: Path) -> list[list[str]]:
    """Return the commands that write the sound of tracks that change beside `out`, alike from beginning to end."""
    return [
        [
            *_program(ffmpeg), *sound_source_args(plan, float(_source_offset(plan))), *_source(plan, source),
            *sound_output_args(plan, track, out),
        ]
        for track in uniform_tracks(plan)
    ]  # fmt: skip


def _sounds(plan: MuxPlan, out: Path, *options: str) -> list[str]:
    """Return the inputs that `sound_commands` write."""
    return [part for track in uniform_tracks(plan) for part in (*options, *sound_input(track, out))]


def cover_commands(plan: MuxPlan, ffmpeg: Path, source: Path, out: Path) -> list[list[str]]:
    """Return the commands that write covers beside `out`; none where the container does not attach them."""
    if rules().containers[plan.container].covers != "attachment":
        return []
    return [
        [
            *_program(ffmpeg), *_source(plan, source), "-map", f"0:{cover.index}", "-c", "copy",
            "-frames:v", "1", "-f", "data", "-y", file_url(cover_path(cover, out)),
        ]
        for cover in plan.covers
    ]  # fmt: skip


def burn_command(subtitles: Path, ffmpeg: Path, out: Path) -> list[str]:
    """Return the command that writes the script of burned subtitles for `out`, from a subtitle file."""
    kind = subtitle_demuxer(subtitles) or ""
    return [
        *_program(ffmpeg), "-protocol_whitelist", "file", "-format_whitelist", kind, "-f", kind,
        "-i", file_url(subtitles), "-map", "0:s:0", "-c:s", "ass", "-f", "ass", "-y", file_url(script_path(out)),
    ]  # fmt: skip


def segment_list(out: Path) -> Path:
    """Return where `mux_command` reads the list of several segments for `out`."""
    return out.with_name("segments.ffconcat")


def segment_list_text(segments: Sequence[Path], out: Path, lengths: Sequence[float] = ()) -> str:
    """Return the text of `segment_list(out)`: the segments in order, by their names beside `out`.

    Args:
        segments: their paths.
        out: the output.
        lengths: seconds that each lasts; without them, what the segments state, rounded.

    Raises:
        ValueError: a segment is in another folder or has a name that the list cannot hold.
    """
    lines = ["ffconcat version 1.0"]
    ends = [round(1_000_000 * each) for each in accumulate(lengths)]  # rounded once: no error adds up
    for number, segment in enumerate(segments):
        if segment.parent != out.parent or "\n" in segment.name:
            raise ValueError(f"not a segment beside {out}: {segment}")
        quoted = segment.name.replace("'", "'\\''")
        lines.append(f"file '{quoted}'")
        if ends:
            lines.append(f"duration {ends[number] - (ends[number - 1] if number else 0)}us")
    return "\n".join(lines) + "\n"


def time_scale(rate: Fraction) -> int:
    """Ticks per second, at least 10,000, that give every frame of `rate` a whole number of ticks."""
    return rate.numerator * -(-10_000 // rate.numerator)


def _program(ffmpeg: Path, *, stdin: bool = False) -> list[str]:
    quiet = ["-hide_banner", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1"]
    return [os.fspath(ffmpeg), *([] if stdin else ["-nostdin"]), *quiet]


def _source(plan: MuxPlan, source: Path) -> list[str]:
    """Return the input of the source, with only the demuxer that the probe found: never a playlist of other files."""
    demuxers = ["-protocol_whitelist", "file", "-format_whitelist", plan.demuxer]
    if plan.demuxer in BY_CONTENT:  # ffmpeg would guess, and the name of its input says nothing
        demuxers += ["-f", plan.demuxer]
    reading = reading_options(plan.reach) if plan.reach else {}
    far = [word for option, value in reading.items() for word in (f"-{option}", value)]
    decoding = [*_whole_frames(plan), *_one_graph(plan), *_teletext(plan)]
    return [*_frame_limits(plan), *far, *decoding, *demuxers, "-i", file_url(source)]


def _teletext(plan: MuxPlan) -> list[str]:
    """Return the options of ffmpeg's teletext decoder: text, of one page, which ends where the next begins."""
    options = []
    for track in plan.of_kind("subtitle"):
        if track.codec == "dvb_teletext" and track.encoder:
            index, page = track.index, str(track.page or "*")
            options += [f"-txt_format:{index}", "text", f"-txt_page:{index}", page]
            options += [f"-txt_duration:{index}", _TELETEXT_MILLISECONDS, f"-fix_sub_duration:{index}"]
    return options


def _whole_frames(plan: MuxPlan) -> list[str]:
    """Keep ffmpeg from cutting off hidden edges, which it does by even numbers of pixels; our filter is exact."""
    if not isinstance(plan, VideoPlan) or plan.mode != "transcode":
        return []
    shows_all = plan.shows_all or (plan.fitting is not None and plan.fitting.upright)
    return [f"-apply_cropping:{plan.main.index}", "codec"] if shows_all else []


def _one_graph(plan: MuxPlan) -> list[str]:
    """Keep the graph of the video's filters where its frames change, and ffmpeg's own filters out of it."""
    if not isinstance(plan, VideoPlan) or plan.fitting is None:
        return []
    main = plan.main.index
    own = [f"-noautorotate:{main}"] if plan.fitting.upright else []  # nor crop: `_whole_frames`
    return [f"-reinit_filter:{main}", "0", *own]


def _frame_limits(plan: MuxPlan) -> list[str]:
    """Limits for what decoders allocate, since a size may grow in the middle of a stream.

    Covers may be larger than the video is allowed to be.
    """
    if plan.max_pixels is None:
        return []
    main = [f"-max_pixels:{plan.main.index}", str(plan.max_pixels)] if isinstance(plan, VideoPlan) else []
    return ["-max_pixels", str(max(plan.max_pixels, TRIED_PIXELS)), *main]


def _timed_source(plan: MuxPlan, source: Path) -> list[str]:
    """Return the source as the only input, moved to the output's zero unless it is copied as it is."""
    times = plan.frame_times if isinstance(plan, VideoPlan) else COMPLETE_TIMES
    offset = ["-itsoffset", _source_offset(plan)]
    moved = ["-copyts", *seek_args(plan), *offset] if plan.cut or times.runs or _is_timed(plan) else []
    made_up = genpts_args(plan.demuxer, times) if plan.mode == "copy" else []
    return [*moved, *made_up, *_source(plan, source)]


def _source_offset(plan: MuxPlan) -> str:
    """Return by how many seconds the source is moved to the output's zero.

    ffmpeg 5.1 takes an offset that is just the start of the file for its own, and replaces it by the start of those
    streams that are used. A microsecond more is rounded away by every clock that such a file can have.
    """
    offset = plan.delay - plan.container_start if plan.mode != "upscale" else -plan.container_start
    return _seconds(offset + (0.000_001 if plan.demuxer in DISCONTINUOUS else 0.0))


def _is_timed(plan: MuxPlan) -> bool:
    """Return whether the source has to be on the output's clock: to count frames, or for sound from other inputs."""
    return _has_exact_frames(plan) or bool(uniform_tracks(plan))


def _has_exact_frames(plan: MuxPlan) -> bool:
    return isinstance(plan, VideoPlan) and (plan.rate is not None or plan.expected.frames is not None)


def _seconds(value: float) -> str:
    return f"{value:.6f}"


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _clock(rate: Fraction | None) -> list[str]:
    """Return both clocks of an mp4 or mov: the track's, and the file's, which counts the track's start and length."""
    scale = str(time_scale(rate) if rate else FINE_TICKS)
    return ["-video_track_timescale", scale, "-movie_timescale", scale]


def _on_grid(plan: VideoPlan) -> list[str]:
    """Put timestamps back on the grid of frames: the concat demuxer adds up lengths rounded to microseconds."""
    rate, clock = plan.rate, rules().containers[plan.container].clock
    if rate is None:
        return []
    if clock is None:  # that of the segments
        ticks = Fraction(time_scale(rate)) / rate
        grid = "START{0}+round(({0}-START{0})/" + f"{ticks})*{ticks}"
    else:
        start = _seconds(plan.video_start)
        grid = "round((round(({0}/" + f"{clock}-{start})*{rate})/({rate})+{start})*{clock})"
    expressions = [f"{key}={grid.format(key.upper())}" for key in ("pts", "dts")]
    return [*clock_args("v:0", clock), "-bsf:v:0", f"setts={':'.join(expressions)}"]


def _upscaled_video(plan: VideoPlan, out: Path, segment: SegmentEncoding) -> list[str]:
    """Filters, encoder and tags for frames from the network."""
    tags = colour.tag_args(plan.colour, plan.source_height, plan.encoder)
    args = encoder_args.video_args(plan.preset, plan.pixel_format, plan.width, segment.threads, plan.hdr)
    tags += siting_args(plan)
    return ["-filter:v:0", upscaled_chain(plan, out, segment), *args, *tags, *_codec_tag(plan)]


def _video(plan: VideoPlan, out: Path) -> list[str]:
    copied = ["-c:v:0", "copy", *copied_video_args(plan), *_codec_tag(plan)]
    named = [] if plan.preset.metadata.removes_all else language_args(plan, plan.main.index, "v:0")
    if plan.main.title and not plan.preset.metadata.removes_all:  # which mp4 has as the name of a track
        named += ["-metadata:s:v:0", f"title={plan.main.title}"]
    video = copied if plan.mode == "copy" else _transcoded_video(plan, out)
    return ["-map", f"0:{plan.main.index}", *video, *named]


def _transcoded_video(plan: VideoPlan, out: Path, last: Sequence[str] = ()) -> list[str]:
    """Filters (`last` are the last ones), encoder and tags for the source's frames, which ffmpeg rotates."""
    timing = ["-fps_mode", "passthrough", *([] if plan.rate else ["-enc_time_base", f"1:{FINE_TICKS}"])]
    from_rgb = plan.rgb and plan.encoder != "gif"
    tags = colour.tag_args(plan.colour, plan.source_height, plan.encoder) if from_rgb else []
    tags += siting_args(plan)
    args = encoder_args.video_args(plan.preset, plan.pixel_format, plan.width, hdr=plan.hdr)
    if layout := layout_parameters(plan):
        args = with_parameters(args, plan.preset.video_codec, layout)
    filters = ["-filter:v:0", ",".join((*layout_filters(plan), transcoded_chain(plan, out), *last))]
    return [*filters, *timing, *args, *tags, *_codec_tag(plan), *without_stale_tags("v:0")]


def _codec_tag(plan: VideoPlan) -> list[str]:
    return encoder_args.tag_args(plan.container, plan.main.codec_out)


def _video_metadata(plan: VideoPlan) -> list[str]:
    """Return what the source says of its video besides pixels; segments carry none of it."""
    main = plan.main
    kept = not plan.preset.metadata.removes_all
    values = {"language": main.language, "title": main.title} if kept else {}
    values["handler_name"] = ""  # which names the segment's file
    metadata = [part for key, value in values.items() for part in ("-metadata:s:v:0", f"{key}={value}")]
    if kept:
        tags = [] if plan.drops_tags else tag_args(plan)
        metadata += [*tags, *language_args(plan, main.index, "v:0"), *timecode_args(plan)]
    return [*metadata, "-disposition:v:0", "+".join(("default", *marks(plan, main.index))), *_codec_tag(plan)]


def _output(plan: MuxPlan, source_input: int) -> list[str]:
    """Return the options of the whole output; the source is input number `source_input`, the last one."""
    clock = _clock(plan.rate) if isinstance(plan, VideoPlan) and _needs_clock(plan) else []
    corrected = without_false_tags(plan) if isinstance(plan, VideoPlan) else []
    return [*clock, *length_args(plan), *corrected, *muxer_args(plan, source_input)]


def _needs_clock(plan: VideoPlan) -> bool:
    return plan.mode != "copy" and plan.expected.frames is not None and plan.container in ("mp4", "mov")
