"""Tracks of data and streams that need a writer of their own."""

from __future__ import annotations

import struct
from pathlib import Path

from kinds.bitstreams import add_track, pes, section, teletext, write_paff
from kinds.kind import Kind, Step, kind

_X = "@v @a:stereo @h264 -c:a ac3"
_KLV = bytes.fromhex("060e2b34020b01010e01030101000000") + b"\x04\x41\x01\x02\x03"
_ID3 = b"ID3\x04\0\0\0\0\0\x16TIT2\0\0\0\x0c\0\0\x03Timed words"


def _added(name: str, what: str, stream_type: int, descriptors: bytes, *payloads: bytes) -> Step:
    def add(folder: Path) -> None:
        data = (folder / "plain.ts").read_bytes()
        (folder / name).write_bytes(add_track(data, stream_type, descriptors, payloads))

    add.__doc__ = f"plain.ts with {what}"
    return add


def _ts(name: str, what: str, stream_type: int, descriptors: bytes, *payloads: bytes, quick: bool = False) -> Kind:
    return Kind(name, what, (f"{_X} plain.ts", _added(name, what, stream_type, descriptors, *payloads)), quick)


def gopro(folder: Path) -> None:
    """telemetry.bin, GPMF with the name of a device."""
    (folder / "telemetry.bin").write_bytes(b"DEVC\0\1\0\x10DVNMc\1\0\7Camera\0\0")


def renamed(source: str, target: str, old: bytes, new: bytes, times: int = -1) -> Step:
    """Return the step that replaces bytes of a file."""

    def rename(folder: Path) -> None:
        data = (folder / source).read_bytes()
        assert old in data
        (folder / target).write_bytes(data.replace(old, new, times))

    rename.__doc__ = f"{source} with {new!r} in place of {old!r}"
    return rename


def gpmd(folder: Path) -> None:
    """gopro.mp4: the track of time codes in t.mov becomes one of telemetry (GPMF)."""
    data = (folder / "t.mov").read_bytes()
    (folder / "gopro.mp4").write_bytes(data.replace(b"tmcd", b"gpmd"))


_STAMP = 1.5
KINDS: list[Kind] = [
    _ts("klv.ts", "metadata of SMPTE 336M (KLV)", 0x06, b"\x05\x04KLVA", pes(_STAMP, _KLV), quick=True),
    _ts("id3.ts", "timed ID3", 0x15, b"\x26\x0d\xff\xffID3 \xffID3 \x00\x0f", pes(_STAMP, _ID3)),
    _ts("scte35.ts", "cues of SCTE 35", 0x86, b"\x05\x04CUEI", section(0xFC, bytes(17))),
    _ts("private.ts", "private data of nobody knows what", 0x06, b"", pes(_STAMP, b"who knows")),
    _ts("unknown-type.ts", "a track of an unknown type", 0xC3, b"", pes(_STAMP, b"who knows")),
    _ts("teletext.ts", "teletext subtitles", 0x06, b"\x56\x05deu\x10\x88", *(pes(_STAMP + n * 0.2, teletext("Hello")) for n in range(3))),
    kind("paff.ts", "H.264 in pictures of fields (PAFF)", write_paff, "-fflags +genpts -r 50 -i paff.h264 -c copy", quick=True),
    kind("paff.mp4", "H.264 in pictures of fields (PAFF), in MP4", write_paff, "-fflags +genpts -r 50 -i paff.h264 -c copy"),
    kind("paff.mkv", "H.264 in pictures of fields (PAFF), in Matroska", write_paff, "-fflags +genpts -r 50 -i paff.h264 -c copy paff.ts", "-i paff.ts -c copy"),
    Kind("gopro.mp4", "telemetry of a GoPro (gpmd)", ("@v @a @h264 -c:a aac -timecode 10:00:00:00 t.mov", gpmd)),
    Kind("unknown-track.mp4", "a track of an unknown kind", ("@v @a @h264 -c:a aac -timecode 10:00:00:00 t.mov", renamed("t.mov", "unknown-track.mp4", b"tmcd", b"zzzz"))),
    Kind("unknown-sound.mov", "sound in a codec that nobody knows", ("@v @a @h264 -c:a pcm_s16le a.mov", renamed("a.mov", "unknown-sound.mov", b"sowt", b"zzzz"))),
    Kind("unknown-picture.mkv", "pictures in a codec that nobody knows, beside known ones", ("@v @v:s=64x48 @a -map 0 -map 1 -map 2 -c:v:0 libx264 -preset ultrafast -pix_fmt:v:0 yuv420p -c:v:1 theora -c:a aac a.mkv".replace("theora", "libtheora"), renamed("a.mkv", "unknown-picture.mkv", b"V_THEORA", b"V_NOBODY"))),
    Kind("unknown-text.mkv", "subtitles in a codec that nobody knows", (lambda folder: (folder / "s.srt").write_text("1\n00:00:00,100 --> 00:00:00,400\nHello\n") and None, "@v @a -i s.srt -map 0 -map 1 -map 2 @h264 -c:a aac -c:s srt a.mkv", renamed("a.mkv", "unknown-text.mkv", b"S_TEXT/UTF8", b"S_TEXT/ZZZZ"))),
]  # fmt: skip
_ = struct
