"""Formats that are recognised by the first bytes of a file, because libav guesses at them or does not read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

HEAD = 64
"""How many first bytes of a file are looked at."""

UNTIMED = ("h264", "hevc", "mpegvideo")
"""Demuxers of raw streams whose packets do not say when their frames are shown, or say it wrongly."""

LOW_DELAY = ("h264", "hevc")
"""Those of them whose packets ffmpeg times rightly, all versions of it, where there are no B-frames."""

MISCOUNTED = (*UNTIMED, "m4v")
"""Demuxers of raw streams whose frames ffmpeg may time wrongly when it decodes them."""

RAW = (*MISCOUNTED, "obu", "av1")
"""Demuxers of raw streams: where these do not state a rate either, libav counts 25 frames per second."""

BY_CONTENT = (*RAW, "yuv4mpegpipe", "nut", "gxf", "au", "voc", "truehd")
"""Demuxers that are chosen by the first bytes of a file, and by nothing else."""

_MARKS = {
    b"YUV4MPEG2 ": "yuv4mpegpipe",
    b"nut/multimedia container\0": "nut",
    b"\0\0\0\0\x01\xbc": "gxf",  # SMPTE 360M: the header of a packet with the map of the file
    b".snd": "au",
    b"Creative Voice File\x1a": "voc",
}
_TRUEHD = (b"\xf8\x72\x6f\xba",)  # the mark of a major synchronisation of MLP, behind size and time
_SPS, _AUD, _SEI = (0x67, 0x47, 0x27), 0x09, 0x06  # first bytes of units of H.264 that begin a stream
_HEVC = (0x40, 0x42, 0x46, 0x4E)  # of HEVC: VPS, SPS, access unit delimiter, SEI; of the layer 0
_MPEG = (0xB3,)  # start codes (ISO/IEC 13818-2, table 6-1): a sequence
_MPEG4 = (0xB0,)  # start codes (ISO/IEC 14496-2, table 6-3): a sequence of objects
_MPEG4_LAYERS = range(0x20, 0x30)  # and of a layer, right behind that of an object
_OBU_DELIMITER = b"\x12\x00"  # AV1, section 5.3: a temporal delimiter with its size
_OBU_SEQUENCE = 0x0A  # a sequence header with its size
_ANNEX_B_DELIMITER = b"\x01\x10"  # AV1, annex B: its length, and a temporal delimiter without size


def demuxer_of(head: bytes) -> str | None:
    """Return the one demuxer that may read a file with these first bytes; None: one of those for usual containers."""
    for mark, demuxer in _MARKS.items():
        if head.startswith(mark):
            return demuxer
    if head[4:8] in _TRUEHD:
        return "truehd"
    return _start_code_format(head) or _av1_format(head)


def _start_code_format(head: bytes) -> str | None:
    at = head.find(b"\0\0\1")
    if at < 0 or head[:at].strip(b"\0") or len(head) < at + 5:
        return None
    first, second = head[at + 3], head[at + 4]
    if first in _MPEG:
        return "mpegvideo"
    behind = head[at + 4 : at + 8]
    if first in _MPEG4 or (first < 0x20 and behind[:3] == b"\0\0\1" and behind[3:] and behind[3] in _MPEG4_LAYERS):
        return "m4v"
    if first in _HEVC and second == 1:
        return "hevc"
    return "h264" if first in (*_SPS, _AUD, _SEI) else None


def _av1_format(head: bytes) -> str | None:
    if head.startswith(_OBU_DELIMITER) and len(head) > 2 and head[2] == _OBU_SEQUENCE:
        return "obu"
    at = 0
    for _ in range(2):  # sizes of a temporal unit and a frame unit (leb128)
        while at < len(head) and at < 16 and head[at] & 0x80:
            at += 1
        at += 1
    return "av1" if head[at : at + 2] == _ANNEX_B_DELIMITER and head[0] else None


_RAW_DNXHD = tuple(b"\0\0\x02\x80" + bytes([version]) for version in (1, 2, 3))  # SMPTE ST 2019-1: of a header


class Unread(NamedTuple):
    """A format that is known, and cannot be read."""

    name: str
    hint: str


_CONVERT = "convert it to MP4 or MKV first"


def _is_animated_webp(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & 2)


def _begins(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(marks)


_UNREAD: tuple[tuple[Callable[[bytes], bool], Unread], ...] = (
    (_is_animated_webp, Unread("an animated WebP", "convert it to GIF, APNG or a video first")),
    (_begins(b"FWS", b"CWS", b"ZWS"), Unread("a Flash movie (SWF)", "record it, or export a video from it")),
    (_begins(b"BIK", b"KB2"), Unread("a Bink video", _CONVERT)),
    (_begins(b"SMK2", b"SMK4"), Unread("a Smacker video", _CONVERT)),
    (_begins(b"\x84\x10\xff\xff\xff\xff"), Unread("an id RoQ video", _CONVERT)),
    (lambda head: head.startswith(b"FILM") and head[16:20] == b"FDSC", Unread("a Sega FILM (CPK)", _CONVERT)),
    (_begins(*_RAW_DNXHD), Unread("a raw DNxHD stream", _CONVERT)),
    (_begins(b"BBCD\0"), Unread("a raw Dirac stream", _CONVERT)),
    (_begins(b"\0\0\1\x0f"), Unread("a raw VC-1 stream", _CONVERT)),
    (_begins(b"\0\0\0\1\0\x71", b"\0\0\0\1\0\x79", b"\0\0\0\1\0\xa1"), Unread("a raw VVC stream", _CONVERT)),
    (lambda head: head[4:7] == b"RED", Unread("a REDCODE raw film (R3D)", "develop it with the camera's program")),
    (_begins(b"NSVf", b"NSVs"), Unread("a Nullsoft video (NSV)", _CONVERT)),
)


def unread_format(head: bytes) -> Unread | None:
    """Return what a file is that cannot be read, by its first bytes; None if it is nothing that is known."""
    return next((unread for found, unread in _UNREAD if found(head)), None)
