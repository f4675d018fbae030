"""ffmpeg command lines, built from a plan alone. Pure: nothing is run or written here.

Time: `-copyts` keeps every input on its own clock, and each is moved by an offset that is written out.
Without it ffmpeg moves an MPEG-TS by the start of those of its streams that are used, which tears sound and
picture apart where the picture comes from another input.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

from framewatch.media import colour
from framewatch.media.commands import video_filters
from framewatch.media.commands.muxer_args import packing
from framewatch.media.commands.stream_mapping import cover_path, file_url, other_streams, without_stale
from framewatch.media.commands.trim_args import copied_args, length_args, seek_args, sound_filters
from framewatch.media.containers import rules
from framewatch.media.encoders import encoder_args
from framewatch.media.filters import audio
from framewatch.media.filters.burned_subtitles import script_path
from framewatch.media.limits import TRIED_PIXELS
from framewatch.media.plan.avi_timestamps import completed_args
from framewatch.media.plan.plan import Plan
from framewatch.media.plan.plane_format import PlaneCoding
from framewatch.media.plan.stream_table import StreamPlan
from framewatch.media.preset.subtitle_file import subtitle_demuxer

FINE_TICKS = 90_000  # a second, of frames at a variable rate: the clock of MPEG, exact to 6 microseconds

_REHEARSED_SECONDS = "1"


def piece_extension(plan: Plan) -> str:
    """The ending of a piece's name: mp4, or mov for ProRes, which mp4 does not take."""
    return "mov" if plan.preset.video_codec == "prores" else "mp4"


def piece_command(
    plan: Plan, ffmpeg: Path, out: Path, *,
    begins: float = 0.0, lead: int = 0, planes: PlaneCoding | None = None, threads: int = 0,
) -> list[str]:  # fmt: skip
    """Raw frames on stdin become one video-only piece, which starts at 0 and is decodable on its own.

    Args:
        plan: of an upscale. Frames are `frame_width` x `frame_height`.
        ffmpeg: the program.
        out: where the piece is written; overwritten.
        begins: seconds from the output's first frame to the piece's.
        lead: frames before the piece's first that come first, for filters that remember, and are left out.
        planes: how the frames are coded; None: packed RGB in `working_format`.
        threads: of the encoder, as `codecs.video_args` has them.
    """
    pixels = planes.out_format if planes else plan.working_format
    size = f"{plan.frame_width}x{plan.frame_height}"
    source = [
        "-f", "rawvideo", "-pixel_format", pixels, "-video_size", size,
        "-framerate", _ratio(plan.average_rate),
    ]  # fmt: skip
    if plan.rate is None:  # the frames come in a container that tells the time of each
        source = ["-f", "matroska"]
    timing = ["-fps_mode", "passthrough", *([] if plan.rate else ["-enc_time_base", f"1:{FINE_TICKS}"])]
    return [
        *_program(ffmpeg, stdin=True), *source, "-protocol_whitelist", "pipe", "-i", "pipe:0", "-map", "0:v:0",
        *timing, *_encoded_video(plan, out, begins, lead, planes=planes is not None, threads=threads),
        *_clock(plan.rate),
        "-f", piece_extension(plan),
        "-y", file_url(out),
    ]  # fmt: skip


def mux_command(
    plan: Plan, ffmpeg: Path, pieces: Sequence[Path], source: Path, out: Path, *, alike: bool = False
) -> list[str]:
    """The pieces, unchanged, and everything else of the source become the output.

    Several pieces are read through the list `pieces_list(out)`, whose text is `concat_text`. Covers for
    Matroska are read where `cover_commands` put them. The caller makes both before.

    Pieces that are `alike` can be decoded with what the first one says of itself, and not a byte of their packets is
    changed. In those that may differ, ffmpeg lays what each H.264 piece says of itself into its packets.
    """
    if len(pieces) == 1:
        video = ["-protocol_whitelist", "file", "-i", file_url(pieces[0])]
    else:
        listed = file_url(pieces_list(out))
        unchanged = ["-auto_convert", "0"] if alike else []
        video = ["-f", "concat", *unchanged, "-safe", "0", "-protocol_whitelist", "file", "-i", listed]
    return [
        *_program(ffmpeg), "-copyts", "-itsoffset", _seconds(plan.video_start), *video,
        *seek_args(plan), "-itsoffset", _seconds(-plan.container_start), *_source(plan, source),
        "-map", "0:v:0", "-c:v:0", "copy", *_snapped(plan.rate), *_video_identity(plan),
        *other_streams(plan, out), *_packing(plan), "-y", file_url(out),
    ]  # fmt: skip


def transcode_command(plan: Plan, ffmpeg: Path, source: Path, out: Path) -> list[str]:
    """One command for a job without upscaling: the video encoded or, in copy mode, copied; or the sound alone.

    Covers for Matroska are read where `cover_commands` put them.
    """
    hardware = ["-hwaccel", plan.hwaccel] if plan.hwaccel and plan.mode != "copy" else []
    return [
        *_program(ffmpeg), *hardware, *_timed_source(plan, source), *(_video(plan, out) if plan.has_video else []),
        *other_streams(plan, out, source_input=0), *_packing(plan), "-y", file_url(out),
    ]  # fmt: skip


def rehearsal_command(plan: Plan, ffmpeg: Path, source: Path, out: Path) -> list[str]:
    """What the job will do at its end, done first with one black frame and one second of the rest.

    An encoder that does not take this size or a container that refuses a stream shows here, not after hours
    of work. For plans that upscale; `out` is thrown away.
    """
    size = f"{plan.frame_width}x{plan.frame_height}"
    frame = f"color=black:size={size}:rate={_ratio(plan.average_rate)},format={plan.working_format},trim=end_frame=1"
    return [
        *_program(ffmpeg), "-copyts", "-f", "lavfi", "-i", frame,
        *seek_args(plan), "-itsoffset", _seconds(-plan.container_start), "-t", _REHEARSED_SECONDS,
        *_source(plan, source),
        "-map", "0:v:0", *_encoded_video(plan, out),
        *other_streams(plan, out), *_packing(plan), "-y", file_url(out),
    ]  # fmt: skip


def measure_commands(plan: Plan, ffmpeg: Path, source: Path) -> dict[int, list[str]]:
    """The commands that tell in their log how loud tracks are, by stream index: those that are normalized."""
    return {
        track.index: [
            *_program(ffmpeg), "-loglevel", "level+info", *_timed_source(plan, source), "-map", f"0:{track.index}",
            *audio.measure_args(track.audio, sound_filters(plan)), "-f", "null", "-",
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


def burn_commands(plan: Plan, ffmpeg: Path, out: Path) -> list[list[str]]:
    """The command that makes the script that is drawn into the picture of `out`, where one is; else none."""
    path = plan.preset.subtitle_burn_path
    if path is None:
        return []
    kind = subtitle_demuxer(Path(path)) or ""
    return [
        [
            *_program(ffmpeg), "-protocol_whitelist", "file", "-format_whitelist", kind, "-f", kind,
            "-i", file_url(Path(path)), "-map", "0:s:0", "-c:s", "ass", "-f", "ass", "-y",
            file_url(script_path(out)),
        ]
    ]  # fmt: skip


def pieces_list(out: Path) -> Path:
    """Where `mux_command` reads the list of several pieces for `out`."""
    return out.with_name("pieces.ffconcat")


def concat_text(pieces: Sequence[Path], out: Path, lengths: Sequence[float] = ()) -> str:
    """The text of `pieces_list(out)`: the pieces in order, by their names beside it.

    Args:
        pieces: where they lie.
        out: the output.
        lengths: seconds that each lasts; without them, what the pieces say of themselves, rounded.

    Raises:
        ValueError: a piece lies elsewhere or has a name that the list cannot hold.
    """
    lines = ["ffconcat version 1.0"]
    ends = [round(1_000_000 * each) for each in accumulate(lengths)]  # rounded once: no error adds up
    for number, piece in enumerate(pieces):
        if piece.parent != out.parent or "\n" in piece.name:
            raise ValueError(f"not a piece beside {out}: {piece}")
        quoted = piece.name.replace("'", "'\\''")
        lines.append(f"file '{quoted}'")
        if ends:
            lines.append(f"duration {ends[number] - (ends[number - 1] if number else 0)}us")
    return "\n".join(lines) + "\n"


def time_scale(rate: Fraction) -> int:
    """Ticks a second, at least 10,000, of which every frame of `rate` has a whole number."""
    return rate.numerator * -(-10_000 // rate.numerator)


def _program(ffmpeg: Path, *, stdin: bool = False) -> list[str]:
    quiet = ["-hide_banner", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1"]
    return [os.fspath(ffmpeg), *([] if stdin else ["-nostdin"]), *quiet]


def _source(plan: Plan, source: Path) -> list[str]:
    """The source, opened by the demuxer that the probe found and no other: never as a list of other files."""
    only = ["-protocol_whitelist", "file", "-format_whitelist", plan.demuxer]
    return [*_bounds(plan), *only, "-i", file_url(source)]


def _bounds(plan: Plan) -> list[str]:
    """What a decoder takes memory for: a size may grow in the middle. Covers are larger than some videos may be."""
    if not plan.max_pixels:
        return []
    main = ["-max_pixels:" + str(_main(plan).index), str(plan.max_pixels)] if plan.has_video else []
    return ["-max_pixels", str(max(plan.max_pixels, TRIED_PIXELS)), *main]


def _timed_source(plan: Plan, source: Path) -> list[str]:
    """The source as the only input, its zero where the output's is, unless it is just copied as it stands."""
    offset = ["-itsoffset", _seconds(plan.delay - plan.container_start)]
    exactly = plan.rate or plan.cut or plan.expected.frames is not None or plan.stamps.runs
    made_up = completed_args(plan.demuxer, plan.stamps) if plan.mode == "copy" else []
    return [*(["-copyts", *seek_args(plan), *offset] if exactly else []), *made_up, *_source(plan, source)]


def _seconds(value: float) -> str:
    return f"{value:.6f}"


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _main(plan: Plan) -> StreamPlan:
    return plan.of_kind("video")[0]


def _clock(rate: Fraction | None) -> list[str]:
    """Both clocks of an mp4 or mov: one for the track, and one for its start and length."""
    scale = str(time_scale(rate) if rate else FINE_TICKS)
    return ["-video_track_timescale", scale, "-movie_timescale", scale]


def _snapped(rate: Fraction | None) -> list[str]:
    """Time stamps back on the grid of frames: concatenation adds up lengths rounded to microseconds."""
    if rate is None:
        return []
    ticks = Fraction(time_scale(rate)) / rate
    grid = [
        f"{key}=START{key.upper()}+round(({key.upper()}-START{key.upper()})/{ticks})*{ticks}"
        for key in ("pts", "dts")
    ]
    return ["-bsf:v:0", f"setts={':'.join(grid)}"]


def _encoded_video(
    plan: Plan, out: Path, begins: float = 0.0, lead: int = 0, *, planes: bool = False, threads: int = 0
) -> list[str]:
    """Filters, encoder and tags for frames of the network."""
    encoder = _main(plan).encoder
    tags = colour.tag_args(plan.colour, plan.source_height, encoder)
    args = encoder_args.video_args(plan.preset, plan.pixel_format, threads, plan.hdr)
    filters = video_filters.encoded_chain(plan, encoder, out, begins, lead, planes=planes)
    return ["-filter:v:0", filters, *args, *tags, *_tags(plan)]


def _video(plan: Plan, out: Path) -> list[str]:
    copied = ["-c:v:0", "copy", *copied_args(plan, "v:0"), *_tags(plan)]
    return ["-map", f"0:{_main(plan).index}", *(copied if plan.mode == "copy" else _transcoded_video(plan, out))]


def _transcoded_video(plan: Plan, out: Path) -> list[str]:
    """Filters, encoder and tags for the source's frames, turned upright by ffmpeg; YUV keeps its colours."""
    encoder = _main(plan).encoder
    timing = ["-fps_mode", "passthrough", *([] if plan.rate else ["-enc_time_base", "demux"])]
    tags = colour.tag_args(plan.colour, plan.source_height, encoder) if plan.rgb and encoder != "gif" else []
    args = encoder_args.video_args(plan.preset, plan.pixel_format)
    filters = ["-filter:v:0", video_filters.transcoded_chain(plan, encoder, out)]
    return [*filters, *timing, *args, *tags, *_tags(plan), *without_stale("v:0")]


def _tags(plan: Plan) -> list[str]:
    return encoder_args.tag_args(plan.container, _main(plan).codec_out)


def _video_identity(plan: Plan) -> list[str]:
    """What the source says of its video besides pixels; a piece knows nothing of it."""
    main = _main(plan)
    told = not plan.preset.metadata.removes_all
    named = {"language": main.language, "title": main.title} if told else {}
    named["handler_name"] = ""  # which names the piece
    tags = [part for key, value in named.items() for part in ("-metadata:s:v:0", f"{key}={value}")]
    return [*tags, "-disposition:v:0", "default", *_tags(plan)]


def _packing(plan: Plan) -> list[str]:
    """Metadata, chapters and the container's own options. The source is the last input."""
    timed = plan.mode != "copy" and plan.expected.frames is not None and plan.container in ("mp4", "mov")
    clock = _clock(plan.rate) if timed else []
    return [*clock, *length_args(plan), *packing(plan, source_input=1 if plan.mode == "upscale" else 0)]
