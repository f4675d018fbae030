"""Formats by the first bytes of a file."""

from __future__ import annotations

import pytest

from framewatch.media.probe.structure.content import demuxer_of, unread_format


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"YUV4MPEG2 W64 H48", "yuv4mpegpipe"),
        (b"nut/multimedia container\0NM", "nut"),
        (b"\0\0\0\0\1\xbc\0\0\1\x9c", "gxf"),
        (b".snd\0\0\0\x20", "au"),
        (b"Creative Voice File\x1a\x1a\0", "voc"),
        (b"\xa0\x69\xff\xd8\xf8\x72\x6f\xba", "truehd"),
        (b"\0\0\0\1\x67\x64\0\x1f", "h264"),
        (b"\0\0\1\x09\xf0\0\0\1", "h264"),
        (b"\0\0\0\0\0\1\x27\x42", "h264"),
        (b"\0\0\0\1\x40\x01\x0c", "hevc"),
        (b"\0\0\0\1\x46\x01\x10", "hevc"),
        (b"\0\0\1\xb3\x04\0", "mpegvideo"),
        (b"\0\0\1\xb0\x01\0", "m4v"),
        (b"\x12\x00\x0a\x0a", "obu"),
        (b"\x20\x1f\x01\x10\x0b", "av1"),
        (b"\0\0\1\xba\x44\0", None),  # a program stream
        (b"\0\0\1", None),
        (b"\0\0\2\1\x67\x64", None),
        (b"\0\0\0\x18ftypisom", None),
        (b"\x47\x40\0\x10\0\0\0\1\x67\x64", None),
        (b"", None),
        (b"\0" * 64, None),
        (b"\x80" * 64, None),
    ],
)
def test_a_raw_stream_is_told_by_how_it_begins(head: bytes, demuxer: str | None) -> None:
    assert demuxer_of(head) == demuxer


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0", "an animated WebP"),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0", None),
        (b"CWS\x09", "a Flash movie (SWF)"),
        (b"BIKi", "a Bink video"),
        (b"\x84\x10\xff\xff\xff\xff\x1e\0", "an id RoQ video"),
        (b"FILM\0\0\2\xa01.09\0\0\0\0FDSC", "a Sega FILM (CPK)"),
        (b"\0\0\2\x80\3\1\x80\xa0", "a raw DNxHD stream"),
        (b"\0\0\1\x8bRED2", "a REDCODE raw film (R3D)"),
        (b"\0\0\1\x0f\xc0", "a raw VC-1 stream"),
        (b"#EXTM3U\n", None),
        (b"", None),
    ],
)
def test_what_cannot_be_read_has_a_name(head: bytes, name: str | None) -> None:
    unread = unread_format(head)
    assert (unread.name if unread else None) == name
