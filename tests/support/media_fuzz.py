"""Mutates small media files: of every container that framewatch reads, reproducibly from a number."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from icc import bmp_with_icc, icc_profile, jp2_with_icc, jpeg_with_icc, png_with_icc, psd_with_icc
from media_factory import ffmpeg

_PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.4")
_TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=0.4")
_EXACT = ("-fflags", "+bitexact", "-flags", "+bitexact")  # the same files every time
_VIDEO = {
    "h264.mp4": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-c:a", "aac"),
    "pieces.mp4": ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"),
    "hevc.mov": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-c:a", "pcm_s16le"),
    "prores.mov": ("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le", "-c:a", "alac"),
    "png.mov": ("-c:v", "png"),
    "h264.mkv": ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "flac"),
    "ffv1.mkv": ("-c:v", "ffv1", "-c:a", "libvorbis", "-strict", "-2"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "libopus"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-bf", "2", "-c:a", "libmp3lame"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-c:a", "pcm_s16le"),
    "h264.ts": ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"),
    "mpeg2.m2ts": ("-c:v", "mpeg2video", "-c:a", "ac3"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "a.flv": ("-c:v", "flv1", "-c:a", "libmp3lame", "-ar", "44100"),
    "a.ogv": ("-c:v", "libtheora", "-c:a", "libvorbis"),
    "a.asf": ("-c:v", "msmpeg4v3", "-c:a", "wmav2"),
    "a.mxf": ("-c:v", "mpeg2video", "-pix_fmt", "yuv422p", "-c:a", "pcm_s16le"),
    "a.dv": ("-s", "720x576", "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le", "-ac", "2", "-frames:v", "2"),
    "a.ivf": ("-c:v", "libvpx", "-deadline", "realtime"),
    "a.rm": ("-c:v", "rv20", "-s", "176x144", "-c:a", "ac3"),
    "a.wtv": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "a.gif": ("-frames:v", "4"),
    "a.apng": ("-frames:v", "3"),
    "a.nut": ("-c:v", "mpeg4", "-bf", "2", "-c:a", "pcm_s16le"),
    "a.y4m": ("-frames:v", "3"),
    "a.h264": ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"),
    "a.hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"),
    "a.m2v": ("-c:v", "mpeg2video", "-bf", "2"),
    "raw.m4v": ("-c:v", "mpeg4", "-f", "m4v"),
    "a.obu": ("-c:v", "libaom-av1", "-cpu-used", "8"),
    "moving.avif": ("-c:v", "libaom-av1", "-cpu-used", "8"),
}  # fmt: skip
_SILENT = (
    "png.mov",
    "a.ivf",
    "a.gif",
    "a.apng",
    "a.y4m",
    "a.h264",
    "a.hevc",
    "a.m2v",
    "raw.m4v",
    "a.obu",
    "moving.avif",
)
_AUDIO = {
    "a.mp3": ("-c:a", "libmp3lame", "-metadata", "title=tone"),
    "a.aac": ("-c:a", "aac"),
    "a.ac3": ("-c:a", "ac3"),
    "a.eac3": ("-c:a", "eac3"),
    "a.dts": ("-c:a", "dca", "-strict", "-2"),
    "a.wav": ("-c:a", "pcm_s16le"),
    "a.w64": ("-c:a", "pcm_s24le"),
    "a.flac": ("-c:a", "flac"),
    "a.aiff": ("-c:a", "pcm_s16be"),
    "a.caf": ("-c:a", "pcm_s16le"),
    "a.wv": ("-c:a", "wavpack"),
    "a.tta": ("-c:a", "tta"),
    "a.m4a": ("-c:a", "aac"),
}
_IMAGES = {
    "a.png": (),
    "rgba64.png": ("-pix_fmt", "rgba64be"),
    "palette.png": ("-pix_fmt", "pal8"),
    "a.jpg": (),
    "a.jls": (),
    "a.j2k": ("-c:v", "jpeg2000"),
    "a.webp": (),
    "a.bmp": (),
    "a.tiff": (),
    "still.gif": (),
    "a.exr": ("-pix_fmt", "gbrapf32le"),
    "a.dpx": (),
    "a.qoi": (),
    "a.hdr": (),
    "a.pam": (),
    "a.pbm": (),
    "a.pgm": (),
    "a.ppm": (),
    "a.ico": ("-s", "32x32"),
}

_EXTREMES = (0, 1, 1 << 40, *((1 << bits) + more for bits in (7, 8, 15, 16, 31, 32, 63, 64) for more in (-1, 0)))
_BOXES_WITH_BOXES = (
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"edts",
    b"dinf",
    b"udta",
    b"mvex",
    b"moof",
    b"traf",
)
# EBML masters (RFC 9559): Segment, SeekHead, Info, Tracks, TrackEntry, Video, Audio, Cluster, BlockGroup, Cues, Tags.
_MASTERS = [
    bytes.fromhex(each)
    for each in [
        "18538067",
        "114d9b74",
        "1549a966",
        "1654ae6b",
        "ae",
        "e0",
        "e1",
        "1f43b675",
        "a0",
        "1c53bb6b",
        "1254c367",
    ]
]


class Part(NamedTuple):
    """A box, element or chunk: where it begins, where its size is stated, and where it ends."""

    begin: int
    size_at: int
    size_bytes: int
    end: int


_WITH_ICC = {
    "icc.png": png_with_icc,
    "icc.jpg": jpeg_with_icc,
    "icc.bmp": bmp_with_icc,
    "icc.jp2": jp2_with_icc,
}
PICTURES = frozenset({*_IMAGES, *_WITH_ICC, "a.psd", "a.jxl"})
"""The names of the still images among the seeds."""


def make_seeds(folder: Path) -> dict[str, bytes]:
    """Make a small file of each demuxer in the lists of `framewatch.media.probe.safe_open`; returns them by name."""
    for name, options in _VIDEO.items():
        sound = () if name in _SILENT else _TONE
        pixels = () if "-pix_fmt" in options or name in ("png.mov", "a.gif", "a.apng") else ("-pix_fmt", "yuv420p")
        ffmpeg(*_PICTURE, *sound, *pixels, *options, *_EXACT, folder / name)
    for name, options in _AUDIO.items():
        ffmpeg(*_TONE, *options, *_EXACT, folder / name)
    for name, options in _IMAGES.items():
        ffmpeg(*_PICTURE, "-frames:v", "1", *options, *_EXACT, folder / name)
    for name, put in _WITH_ICC.items():
        ffmpeg("-i", folder / "a.png", *_EXACT, folder / name)
        put(folder / name, icc_profile())
    psd_with_icc(folder / "a.psd", icc_profile())
    for name, data in _BY_HAND.items():
        (folder / name).write_bytes(data)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _ape() -> bytes:
    """Make the header and the only, silent frame of a Monkey's Audio file (version 3.99)."""
    descriptor = struct.pack("<4sHHIIIIIII16s", b"MAC ", 3990, 0, 52, 24, 4, 0, 64, 0, 0, bytes(16))
    header = struct.pack("<HHIIIHHI", 1000, 0, 73728, 4608, 1, 16, 1, 48000)
    return descriptor + header + struct.pack("<I", 80) + bytes(64)


_BY_HAND = {
    "a.ape": _ape(),
    "a.amr": b"#!AMR\n" + (b"\x3c" + bytes(31)) * 12,
    # A JPEG XL codestream of 8x8 pixels: the size header and not much behind it.
    "a.jxl": bytes.fromhex("ff0a0010b013fe200000") + bytes(24),
}


def mutated(seeds: Sequence[bytes], seed: int) -> bytes:
    """Return a mutation of one of the files; the same for the same seed and the same files."""
    choice = random.Random(seed)  # noqa: S311 - not for secrets
    data = choice.choice(seeds)
    for _ in range(choice.choice((1, 1, 1, 2, 3, 5))):
        data = choice.choice(_MUTATIONS)(data, choice, seeds)
    return data


Mutation = Callable[[bytes, random.Random, Sequence[bytes]], bytes]


def _flip_bits(data: bytes, choice: random.Random, _: Sequence[bytes]) -> bytes:
    """Change single bits, where headers are more often than elsewhere."""
    out = bytearray(data)
    reach = len(out) if choice.random() < 0.5 else min(len(out), 600)
    for _flip in range(choice.choice((1, 2, 4, 16, 64))):
        if reach:
            out[choice.randrange(reach)] ^= 1 << choice.randrange(8)
    return bytes(out)


def _truncate(data: bytes, choice: random.Random, _: Sequence[bytes]) -> bytes:
    return data[: choice.randrange(len(data) + 1)]


def _zero(data: bytes, choice: random.Random, _: Sequence[bytes]) -> bytes:
    begin, end = _range(data, choice)
    return data[:begin] + bytes(end - begin) + data[end:]


def _cut_out(data: bytes, choice: random.Random, _: Sequence[bytes]) -> bytes:
    begin, end = _range(data, choice)
    return data[:begin] + data[end:]


def _splice(data: bytes, choice: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Continue one file with another one, or put a piece of that into it."""
    other = choice.choice(seeds)
    begin, end = _range(other, choice)
    at = choice.randrange(len(data) + 1)
    return data[:at] + other[begin:] if choice.random() < 0.5 else data[:at] + other[begin:end] + data[at:]


def _extreme_number(data: bytes, choice: random.Random, _: Sequence[bytes]) -> bytes:
    """Overwrite 1 to 8 bytes with a number at the edge of what they can hold."""
    width, order = choice.choice((1, 2, 4, 8)), choice.choice(("<", ">"))
    code = {1: "B", 2: "H", 4: "I", 8: "Q"}[width]
    number = struct.pack(order + code, choice.choice(_EXTREMES) % (1 << 8 * width))
    at = choice.randrange(max(1, min(len(data), choice.choice((64, 600, 1 << 30)))))
    return data[:at] + number + data[at + width :]


def _change_part(data: bytes, choice: random.Random, _: Sequence[bytes]) -> bytes:
    """Repeat, remove, move or resize a box, element or chunk."""
    parts = list(_parts(data))
    if not parts:
        return data
    part = choice.choice(parts)
    piece = data[part.begin : part.end]
    match choice.randrange(4):
        case 0:
            return data[: part.end] + piece * choice.choice((1, 1, 3, 40)) + data[part.end :]
        case 1:
            return data[: part.begin] + data[part.end :]
        case 2:
            at = choice.choice(parts).begin
            return data[:at] + piece + data[at:]
    mask = (1 << 8 * part.size_bytes) - 1
    little = data.startswith(b"RIFF")
    size = choice.choice((*_EXTREMES, part.end - part.begin + choice.randrange(-9, 10))) & mask
    stated = size.to_bytes(part.size_bytes, "little" if little else "big")
    return data[: part.size_at] + stated + data[part.size_at + part.size_bytes :]


_MUTATIONS: tuple[Mutation, ...] = (
    *(2 * (_flip_bits, _extreme_number, _change_part)),
    *(_change_part, _truncate, _zero, _cut_out, _splice),
)


def _range(data: bytes, choice: random.Random) -> tuple[int, int]:
    begin = choice.randrange(len(data) + 1)
    return begin, min(len(data), begin + choice.choice((1, 4, 16, 256, 4096, len(data))))


def _parts(data: bytes) -> Iterator[Part]:
    if data[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide"):
        yield from _boxes(data, 0, len(data))
    elif data[:4] == b"\x1a\x45\xdf\xa3":
        yield from _elements(data, 0, len(data))
    elif data[:4] == b"RIFF":
        yield from _chunks(data, 12, "<4sI", 0)
    elif data[:4] == b"\x89PNG":
        yield from _chunks(data, 8, ">I4s", 4)


def _boxes(data: bytes, at: int, end: int) -> Iterator[Part]:
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > end:
            return
        yield Part(at, at, 4, at + size)
        if name in _BOXES_WITH_BOXES:
            yield from _boxes(data, at + 8, at + size)
        at += size


def _elements(data: bytes, at: int, end: int) -> Iterator[Part]:
    while at + 2 <= end and data[at]:
        name_bytes = 9 - data[at].bit_length()
        size_at = at + name_bytes
        if size_at >= end or not data[size_at]:
            return
        size_bytes = 9 - data[size_at].bit_length()
        size = int.from_bytes(data[size_at : size_at + size_bytes]) & ((1 << 7 * size_bytes) - 1)
        body = size_at + size_bytes
        if body + size > end:
            return
        yield Part(at, size_at, size_bytes, body + size)
        if data[at:size_at] in _MASTERS:
            yield from _elements(data, body, body + size)
        at = body + size


def _chunks(data: bytes, at: int, header: str, trailer: int) -> Iterator[Part]:
    while at + 8 <= len(data):
        first, second = struct.unpack_from(header, data, at)
        size, size_at = (second, at + 4) if isinstance(first, bytes) else (first, at)
        end = at + 8 + size + trailer
        if end > len(data):
            return
        yield Part(at, size_at, 4, end)
        at = end
