"""ffmpeg command lines, built from a plan alone. Pure: nothing is run or written here.

Time: `-copyts` keeps every input on its own clock, and each is moved by an offset that is written out.
Without it ffmpeg moves an MPEG-TS by the start of those of its streams that are used, which tears sound and
picture apart where the picture comes from another input.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from framewatch.media import codecs, colour, sound
from framewatch.media.containers import rules
from framewatch.media.mapping import cover_path, file_url, other_streams, without_stale
from framewatch.media.packing import packing
from framewatch.media.plan import Plan
from framewatch.media.streams import StreamPlan

_REHEARSED_SECONDS = "1"


def piece_extension(plan: Plan) -> str:
    """The ending of a piece's name: mp4, or mov for ProRes, which mp4 does not take."""
    return "mov" if plan.preset.video_codec == "prores" else "mp4"


def piece_command(plan: Plan, ffmpeg: Path, out: Path) -> list[str]:
    """Raw frames on stdin become one video-only piece, which starts at 0 and is decodable on its own.

    Args:
        plan: of an upscale. Frames are `frame_width` x `frame_height`, packed RGB in `working_format`.
        ffmpeg: the program.
        out: where the piece is written; overwritten.
    """
    rate = _rate(plan)
    size = f"{plan.frame_width}x{plan.frame_height}"
    source = [
        "-f", "rawvideo", "-pixel_format", plan.working_format, "-video_size", size,
        "-framerate", _ratio(rate), "-protocol_whitelist", "pipe", "-i", "pipe:0",
    ]  # fmt: skip
    return [
        *_program(ffmpeg, stdin=True), *source, "-map", "0:v:0", "-fps_mode", "passthrough",
        *_encoded_video(plan), *_clock(rate), "-f", piece_extension(plan), "-y", file_url(out),
    ]  # fmt: skip


def mux_command(plan: Plan, ffmpeg: Path, pieces: Sequence[Path], source: Path, out: Path) -> list[str]:
    """The pieces, unchanged, and everything else of the source become the output.

    Several pieces are read through the list `pieces_list(out)`, whose text is `concat_text`. Covers for
    Matroska are read where `cover_commands` put them. The caller makes both before.
    """
    rate = _rate(plan)
    if len(pieces) == 1:
        video = ["-protocol_whitelist", "file", "-i", file_url(pieces[0])]
    else:
        listed = file_url(pieces_list(out))
        video = ["-f", "concat", "-safe", "0", "-protocol_whitelist", "file", "-i", listed]
    return [
        *_program(ffmpeg), "-copyts", "-itsoffset", _seconds(plan.video_start), *video,
        "-itsoffset", _seconds(-plan.container_start), *_source(plan, source),
        "-map", "0:v:0", "-c:v:0", "copy", *_snapped(rate), *_video_identity(plan),
        *other_streams(plan, out), *_packing(plan, rate), "-y", file_url(out),
    ]  # fmt: skip


def transcode_command(plan: Plan, ffmpeg: Path, source: Path, out: Path) -> list[str]:
    """One command for a job without upscaling: the video encoded or, in copy mode, copied; or the sound alone.

    Covers for Matroska are read where `cover_commands` put them.
    """
    timed = ["-copyts", "-itsoffset", _seconds(_delay(plan) - plan.container_start)] if plan.rate else []
    return [
        *_program(ffmpeg), *timed, *_source(plan, source), *(_video(plan) if plan.has_video else []),
        *other_streams(plan, out, source_input=0), *_packing(plan, plan.rate), "-y", file_url(out),
    ]  # fmt: skip


def rehearsal_command(plan: Plan, ffmpeg: Path, source: Path, out: Path) -> list[str]:
    """What the job will do at its end, done first with one black frame and one second of the rest.

    An encoder that does not take this size or a container that refuses a stream shows here, not after hours
    of work. For plans that upscale; `out` is thrown away.
    """
    rate = _rate(plan)
    size = f"{plan.frame_width}x{plan.frame_height}"
    frame = f"color=black:size={size}:rate={_ratio(rate)},format={plan.working_format},trim=end_frame=1"
    return [
        *_program(ffmpeg), "-copyts", "-f", "lavfi", "-i", frame,
        "-itsoffset", _seconds(-plan.container_start), "-t", _REHEARSED_SECONDS, *_source(plan, source),
        "-map", "0:v:0", *_encoded_video(plan),
        *other_streams(plan, out), *_packing(plan, rate), "-y", file_url(out),
    ]  # fmt: skip


def measure_commands(plan: Plan, ffmpeg: Path, source: Path) -> dict[int, list[str]]:
    """The commands that tell in their log how loud tracks are, by stream index: those that are normalized."""
    return {
        track.index: [
            *_program(ffmpeg), "-loglevel", "level+info", *_source(plan, source), "-map", f"0:{track.index}",
            *sound.measure_args(track.audio), "-f", "null", "-",
        ]
        for track in plan.of_kind("audio") if track.audio and track.audio.normalize
    }  # fmt: skip


def cover_commands(plan: Plan, ffmpeg: Path, source: Path, out: Path) -> list[list[str]]:
    """The commands that lay covers beside `out`, where the container wants them as attachments; else none."""
    if rules().containers[plan.container].covers != "attachment":
        return []
    return [
        [
            *_program(ffmpeg), *_source(plan, source), "-map", f"0:{cover.index}", "-c", "copy",
            "-frames:v", "1", "-f", "data", "-y", file_url(cover_path(cover, out)),
        ]
        for cover in plan.covers
    ]  # fmt: skip


def pieces_list(out: Path) -> Path:
    """Where `mux_command` reads the list of several pieces for `out`."""
    return out.with_name("pieces.ffconcat")


def concat_text(pieces: Sequence[Path], out: Path) -> str:
    """The text of `pieces_list(out)`: the pieces in order, by their names beside it.

    Raises:
        ValueError: a piece lies elsewhere or has a name that the list cannot hold.
    """
    lines = ["ffconcat version 1.0"]
    for piece in pieces:
        if piece.parent != out.parent or "\n" in piece.name:
            raise ValueError(f"not a piece beside {out}: {piece}")
        quoted = piece.name.replace("'", "'\\''")
        lines.append(f"file '{quoted}'")
    return "\n".join(lines) + "\n"


def time_scale(rate: Fraction) -> int:
    """Ticks a second, at least 10,000, of which every frame of `rate` has a whole number."""
    return rate.numerator * -(-10_000 // rate.numerator)


def _program(ffmpeg: Path, *, stdin: bool = False) -> list[str]:
    quiet = ["-hide_banner", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1"]
    return [os.fspath(ffmpeg), *([] if stdin else ["-nostdin"]), *quiet]


def _source(plan: Plan, source: Path) -> list[str]:
    """The source, opened by the demuxer that the probe found and no other: never as a list of other files."""
    return ["-protocol_whitelist", "file", "-format_whitelist", plan.demuxer, "-i", file_url(source)]


def _seconds(value: float) -> str:
    return f"{value:.6f}"


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _rate(plan: Plan) -> Fraction:
    if plan.rate is None:
        raise ValueError("a plan without a frame rate has no pieces")
    return plan.rate


def _main(plan: Plan) -> StreamPlan:
    return plan.of_kind("video")[0]


def _clock(rate: Fraction) -> list[str]:
    """Both clocks of an mp4 or mov: one for the track, and one for its start and length."""
    scale = str(time_scale(rate))
    return ["-video_track_timescale", scale, "-movie_timescale", scale]


def _delay(plan: Plan) -> float:
    """Seconds, less than a frame, by which all is put off so that the video starts on the grid of frames.

    ffmpeg counts a constant rate from zero. Where the video starts between two of those ticks, it would move
    and the sound would not.
    """
    start, rate = Fraction(plan.video_start), _rate(plan)
    ticks = math.ceil(start * rate - Fraction(1, 1000))  # a thousandth of a frame: video_start is rounded
    return max(0.0, float(ticks / rate - start))


def _snapped(rate: Fraction) -> list[str]:
    """Time stamps back on the grid of frames: concatenation adds up lengths rounded to microseconds."""
    ticks = Fraction(time_scale(rate)) / rate
    grid = [
        f"{key}=START{key.upper()}+round(({key.upper()}-START{key.upper()})/{ticks})*{ticks}"
        for key in ("pts", "dts")
    ]
    return ["-bsf:v:0", f"setts={':'.join(grid)}"]


def _encoded_video(plan: Plan) -> list[str]:
    """Filters, encoder and tags for RGB frames."""
    encoder = _main(plan).encoder
    made = codecs.encoder_format(plan.preset, plan.pixel_format)
    chain = [*_crop(plan), colour.encode_filter(plan.colour, plan.source_height, made, encoder), _sar(plan)]
    tags = colour.tag_args(plan.colour, plan.source_height, encoder)
    args = codecs.video_args(plan.preset, plan.pixel_format)
    return ["-filter:v:0", ",".join(chain), *args, *tags, *_tags(plan)]


def _video(plan: Plan) -> list[str]:
    made = ["-c:v:0", "copy", *_tags(plan)] if plan.mode == "copy" else _transcoded_video(plan)
    return ["-map", f"0:{_main(plan).index}", *made]


def _transcoded_video(plan: Plan) -> list[str]:
    """Filters, encoder and tags for the source's frames, turned upright by ffmpeg; YUV keeps its colours."""
    made = codecs.encoder_format(plan.preset, plan.pixel_format)
    encoder = _main(plan).encoder
    chain, tags, timing = [], [], ["-fps_mode", "passthrough"]
    if plan.rate:
        chain += _timeline(plan, plan.rate)
    else:
        timing += ["-enc_time_base", "demux"]
    chain += _crop(plan)
    if plan.rgb:
        chain.append(colour.encode_filter(plan.colour, plan.source_height, made, encoder))
        tags = colour.tag_args(plan.colour, plan.source_height, encoder)
    else:
        chain.append(f"format={made}")
    args = codecs.video_args(plan.preset, plan.pixel_format)
    return ["-filter:v:0", ",".join(chain), *timing, *args, *tags, *_tags(plan), *without_stale("v:0")]


def _timeline(plan: Plan, rate: Fraction) -> list[str]:
    """The plan's timeline: `fps` rounds as that does, but may see the end of the last frame earlier."""
    grid = f"fps={_ratio(rate)}:start_time={_seconds(plan.video_start + _delay(plan))}:eof_action=pass"
    return [grid, "tpad=stop_mode=clone:stop=2", f"trim=end_frame={plan.frames}"]


def _crop(plan: Plan) -> list[str]:
    whole = (plan.width, plan.height) == (plan.frame_width, plan.frame_height)
    return [] if whole else [f"crop={plan.width}:{plan.height}:0:0"]


def _sar(plan: Plan) -> str:
    return f"setsar={plan.sar.numerator}/{plan.sar.denominator}"


def _tags(plan: Plan) -> list[str]:
    return codecs.tag_args(plan.container, _main(plan).codec_out)


def _video_identity(plan: Plan) -> list[str]:
    """What the source says of its video besides pixels; a piece knows nothing of it."""
    main = _main(plan)
    told = not plan.preset.metadata.cleans
    named = {"language": main.language, "title": main.title} if told else {}
    named["handler_name"] = ""  # which names the piece
    tags = [part for key, value in named.items() for part in ("-metadata:s:v:0", f"{key}={value}")]
    return [*tags, "-disposition:v:0", "default", *_tags(plan)]


def _packing(plan: Plan, rate: Fraction | None) -> list[str]:
    """Metadata, chapters and the container's own options. The source is the last input."""
    clock = _clock(rate) if rate and plan.container in ("mp4", "mov") else []
    return [*clock, *packing(plan, source_input=1 if plan.mode == "upscale" else 0)]
