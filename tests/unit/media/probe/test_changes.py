"""What a scan of the packets notices of changes in mid-stream."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from framewatch.media.probe.changes import decoding, picture_headers, watch
from framewatch.media.probe.packet_scan import scan
from framewatch.media.probe.probe import probe
from joined import X264, joined, part, resent
from media_factory import ffmpeg, make_video

# Codecs that state their parameters in key frames, and a container that holds them.
CODECS = {
    "h264-mp4": ("mp4", ("-c:v", "libx264", "-x264-params", "repeat-headers=1:keyint=5")),
    "h264-ts": ("ts", ("-c:v", "libx264", "-x264-params", "keyint=5")),
    "hevc-mp4": ("mp4", ("-c:v", "libx265", "-x265-params", "repeat-headers=1:keyint=5:log-level=none")),
    "hevc-ts": ("ts", ("-c:v", "libx265", "-x265-params", "keyint=5:log-level=none")),
    "mpeg1": ("mpg", ("-c:v", "mpeg1video", "-g", "5")),
    "mpeg2": ("ts", ("-c:v", "mpeg2video", "-g", "5", "-maxrate", "1M", "-bufsize", "1M")),
    "mpeg4": ("ts", ("-c:v", "mpeg4", "-g", "5")),
    "vp8": ("webm", ("-c:v", "libvpx", "-g", "5", "-deadline", "realtime")),
    "vp9": ("webm", ("-c:v", "libvpx-vp9", "-g", "5", "-deadline", "realtime")),
    "av1": ("mp4", ("-c:v", "libsvtav1", "-g", "5", "-preset", "12")),
    "mjpeg": ("avi", ("-c:v", "mjpeg")),
    "prores": ("mov", ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le")),
    "png": ("mov", ("-c:v", "png", "-pix_fmt", "rgb24")),
}


def headers(path: Path) -> Iterator[bytes]:
    """The parameters in each key frame, as the scan sees them."""
    with av.open(str(path)) as container:
        context: Any = container.streams.video[0].codec_context
        find = picture_headers.picture_header(context.codec.canonical_name, context.extradata or b"")
        assert find is not None
        for packet in container.demux(video=0):
            if packet.is_keyframe and packet.size:
                yield find(bytes(packet)[: picture_headers.HEADER_BYTES])


@pytest.mark.parametrize("name", CODECS)
def test_key_frames_state_the_same_until_the_size_changes(name: str, tmp_path: Path) -> None:
    extension, codec = CODECS[name]
    found = []
    for size in ("64x64", "96x64"):
        path = make_video(tmp_path / f"{size}.{extension}", size=size, seconds=0.5, codec=codec)
        seen = list(headers(path))
        assert len(seen) > 1
        assert len(set(seen)) == 1
        found.append(seen[0])
    assert all(found)
    assert found[0] != found[1]


def test_nothing_is_decoded_where_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(watch, "decode_picture", refuse)
    monkeypatch.setattr(watch, "decode_sound", refuse)
    film = make_video(tmp_path / "film.ts", audio=True, codec=("-c:v", "mpeg2video", "-g", "5"))
    assert scan(film, 0).changes.pictures == ()


def test_parameters_that_come_beside_the_packets_are_seen(tmp_path: Path) -> None:
    """As FLV sends them where a live stream is sent anew."""
    film = resent(tmp_path / "film.flv", *X264)
    changes = scan(film, 0).changes
    assert [(each.picture.width, each.picture.height) for each in changes.pictures] == [(64, 64), (128, 64)]
    assert changes.apart


def test_a_stated_shape_counts_for_the_whole_stream(tmp_path: Path) -> None:
    ts = joined(
        tmp_path / "film.ts",
        part(tmp_path / "a", 0, filters="setsar=1"),
        part(tmp_path / "b", 0.4, filters="setsar=2"),
    )
    assert [each.picture.sar for each in scan(ts, 0).changes.pictures] == [1, Fraction(2)]
    ffmpeg("-i", ts, "-c", "copy", tmp_path / "film.mkv")
    assert scan(tmp_path / "film.mkv", 0).changes.pictures == ()


def test_sound_that_changes_is_described(tmp_path: Path) -> None:
    film = joined(
        tmp_path / "film.ts",
        part(tmp_path / "a", 0, sound=(48000, "stereo")),
        part(tmp_path / "b", 0.4, sound=(48000, "5.1")),
        part(tmp_path / "c", 0.8, sound=(44100, "mono")),
    )
    assert len(probe(film).streams) == 2
    sounds = [str(each.sound) for each in scan(film, 0).changes.sounds]
    assert sounds == ["stereo at 48000 Hz", "5.1(side) at 48000 Hz", "mono at 44100 Hz"]


@pytest.mark.parametrize("data", [b"", b"\0\0\1\x67", b"\xff" * 4096, bytes(4096)])
def test_rubbish_is_survived(data: bytes) -> None:
    for codec in ("h264", "hevc", *picture_headers._HEADERS):
        find = picture_headers.picture_header(codec, b"\1" + b"\xff" * 30)
        assert find is not None
        assert len(find(data)) <= picture_headers.HEADER_BYTES
    assert decoding.decode_picture("h264", decoding.Sample(data or b"\0", b"")) is None


def test_what_is_decoded_of_huge_pictures_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_MOST_PIXELS", 2 * 64 * 64)
    sizes = enumerate(("64x64", "80x64", "96x64", "112x64"))
    parts = [part(tmp_path / f"{number}.ts", 0.4 * number, size=size) for number, size in sizes]
    changes = scan(joined(tmp_path / "film.ts", *parts), 0).changes
    assert len(changes.pictures) == 2
    assert changes.more_pictures
