"""Films with holes, as stalled downloads and bad copies leave them: the same verdict whatever is wanted of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from framewatch.errors import MediaError
from framewatch.media.limits import Limits
from framewatch.media.probe.completeness import missing_warning
from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.packet_scan import scan, stream_spans
from framewatch.media.probe.probe import probe
from media_factory import ffmpeg, remux

COPIED = ("mkv", "ts", "mp4")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same eight seconds in each container."""
    folder = tmp_path_factory.mktemp("films")
    noisy = ("-vf", "noise=alls=30:allf=t", "-g", "12", "-pix_fmt", "yuv420p")
    sources = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=8", "-f", "lavfi", "-i", "anoisesrc=d=8:r=48000")
    ffmpeg(*sources, *noisy, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-shortest",
            "-cluster_time_limit", "200", folder / "film.mkv")  # fmt: skip
    for ending in COPIED[1:]:
        remux(folder / "film.mkv", folder / f"film.{ending}")
    ffmpeg("-i", folder / "film.mkv", "-c:v", "mpeg4", "-q:v", "3", "-c:a", "mp3", folder / "film.avi")
    ffmpeg("-i", folder / "film.mkv", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "900k",
            "-c:a", "libopus", "-cluster_time_limit", "200", folder / "film.webm")  # fmt: skip
    return folder


def with_holes(source: Path, target: Path, *holes: tuple[float, float]) -> Path:
    """Copy a file, with zeros in some parts of it, given as shares of its length."""
    data = bytearray(source.read_bytes())
    for begin, end in holes:
        first, last = int(begin * len(data)), int(end * len(data))
        data[first:last] = bytes(last - first)
    target.write_bytes(data)
    return target


def small_holes(share: float) -> list[tuple[float, float]]:
    chosen = random.Random(5).sample(range(2, 98), round(100 * share))  # noqa: S311
    return [(number / 100, (number + 1) / 100) for number in chosen]


def verdict(path: Path, *, sound: bool) -> str:
    """Return the code of what is wrong with a film as a worker reads it, for its sound alone or for all of it."""
    try:
        main = require_video(probe(path, Limits()))
        read = stream_spans(path, main.index) if sound else scan(path, main.index)
    except MediaError as error:
        return error.finding.code
    return missing_warning(read.missing).code if read.missing.bytes else "complete"


@pytest.mark.parametrize("ending", ["mkv", "ts", "mp4", "avi", "webm"])
def test_a_film_with_a_tenth_of_zeros_is_corrupt_wherever_they_are(films: Path, tmp_path: Path, ending: str) -> None:
    patterns = {
        "none": [],
        "start": [(0.0, 0.1)],
        "middle": [(0.45, 0.55)],
        "end": [(0.6, 0.97)],
        "many": small_holes(0.12),
    }
    for name, holes in patterns.items():
        path = with_holes(films / f"film.{ending}", tmp_path / f"{name}.{ending}", *holes)
        expected = "media.corrupt" if holes else "complete"
        assert (name, verdict(path, sound=False), verdict(path, sound=True)) == (name, expected, expected)


@pytest.mark.parametrize("ending", ["mkv", "ts", "mp4", "avi", "webm"])
def test_a_small_hole_is_a_warning_whatever_is_wanted(films: Path, tmp_path: Path, ending: str) -> None:
    path = with_holes(films / f"film.{ending}", tmp_path / f"film.{ending}", (0.5, 0.504))
    assert (verdict(path, sound=False), verdict(path, sound=True)) == ("media.incomplete", "media.incomplete")


def with_noise(source: Path, target: Path, begin: float, end: float) -> Path:
    """Copy a file, with random bytes in a part of it, given as shares of its length."""
    data = bytearray(source.read_bytes())
    first, last = int(begin * len(data)), int(end * len(data))
    data[first:last] = random.Random(9).randbytes(last - first)  # noqa: S311
    target.write_bytes(data)
    return target


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films in other formats, large enough that a part can be missing beside all the stuffing there may be."""
    folder = tmp_path_factory.mktemp("noise")
    sources = ("-f", "lavfi", "-i", "testsrc2=s=160x96:r=25:d=8", "-f", "lavfi", "-i", "anoisesrc=d=8:r=44100")
    noisy = ("-vf", "noise=alls=60:allf=t", "-q:v", "2", "-g", "12", "-bf", "2", "-pix_fmt", "yuv420p")
    ffmpeg(*sources, *noisy, "-c:v", "mpeg2video", "-c:a", "mp2", "-shortest", folder / "film.mpg")
    for ending in ("mkv", "ts"):
        remux(folder / "film.mpg", folder / f"film.{ending}")
    long_gop = ("-vf", "noise=alls=30:allf=t", "-g", "1000", "-preset", "ultrafast", "-c:v", "libx264", "-c:a", "aac")
    ffmpeg(*sources, *long_gop, "-pix_fmt", "yuv420p", folder / "one-key-frame.mkv")
    for ending in ("flv", "asf"):
        remux(folder / "one-key-frame.mkv", folder / f"film.{ending}")
    return folder


@pytest.mark.parametrize("name", ["film.mkv", "film.ts", "film.mpg", "one-key-frame.mkv"])
def test_noise_that_the_demuxer_skips_is_found_behind_late_dts_and_in_mpeg_streams(
    noise: Path, tmp_path: Path, name: str
) -> None:
    path = with_noise(noise / name, tmp_path / name, 0.4, 0.6)
    assert (verdict(noise / name, sound=False), verdict(noise / name, sound=True)) == ("complete", "complete")
    assert (verdict(path, sound=False), verdict(path, sound=True)) == ("media.corrupt", "media.corrupt")


def test_lost_packets_of_a_transport_stream_count_and_joined_recordings_do_not(noise: Path, tmp_path: Path) -> None:
    data = (noise / "film.ts").read_bytes()
    third, size = len(data) // 3, len(data)
    (tmp_path / "much.ts").write_bytes(data[:third] + data[third + size // 4 :])
    (tmp_path / "little.ts").write_bytes(data[:third] + data[third + size // 33 :])
    ffmpeg("-i", noise / "film.ts", "-c", "copy", "-output_ts_offset", "30", tmp_path / "later.ts")
    (tmp_path / "joined.ts").write_bytes(data + (tmp_path / "later.ts").read_bytes())
    expected = {"much": "media.corrupt", "little": "media.incomplete", "joined": "complete"}
    for name, code in expected.items():
        path = tmp_path / f"{name}.ts"
        assert (name, verdict(path, sound=False), verdict(path, sound=True)) == (name, code, code)


@pytest.mark.parametrize("ending", ["flv", "asf"])
def test_a_file_that_is_shorter_than_its_header_states_is_truncated(noise: Path, tmp_path: Path, ending: str) -> None:
    data = (noise / f"film.{ending}").read_bytes()
    (tmp_path / f"film.{ending}").write_bytes(data[: len(data) * 95 // 100])
    assert verdict(noise / f"film.{ending}", sound=False) == "complete"
    assert verdict(tmp_path / f"film.{ending}", sound=False) == "media.truncated"


def test_zeros_at_the_end_count_the_same_whether_the_video_or_only_the_sound_is_wanted(
    films: Path, tmp_path: Path
) -> None:
    source = tmp_path / "whole.avi"
    ffmpeg("-i", films / "film.avi", "-c:v", "mjpeg", "-q:v", "3", "-c:a", "pcm_s16le", source)
    path = with_holes(source, tmp_path / "film.avi", (0.97, 1.0))
    assert (verdict(path, sound=False), verdict(path, sound=True)) == ("media.incomplete", "media.incomplete")


HEALTHY = {
    "slides.mkv": ("-vf", "select='not(mod(n,25))',setpts=N*5/TB", "-fps_mode", "vfr", "-c:v", "libx264"),
    "cbr.mpg": ("-c:v", "mpeg2video", "-b:v", "3M", "-minrate", "3M", "-maxrate", "3M", "-bufsize", "1M"),
    "cbr.mkv": ("-c:v", "mpeg2video", "-b:v", "9M", "-minrate", "9M", "-maxrate", "9M", "-bufsize", "2M"),
    "raw.avi": ("-c:v", "rawvideo", "-pix_fmt", "bgr24", "-c:a", "pcm_s16le"),
    "dnxhr.mov": ("-c:v", "dnxhd", "-profile:v", "dnxhr_hq", "-pix_fmt", "yuv422p", "-c:a", "pcm_s16be"),
    "prores.mkv": ("-c:v", "prores_ks", "-c:a", "pcm_s24le"),
    "huffyuv.avi": ("-c:v", "huffyuv", "-pix_fmt", "yuv422p", "-c:a", "adpcm_ms"),
    "index.mkv": ("-c:v", "libx264", "-g", "1000", "-reserve_index_space", "100k", "-c:a", "pcm_s16le"),
    "opus.webm": ("-c:v", "libvpx", "-c:a", "libopus", "-b:a", "256k", "-vbr", "off"),
    "fragments.mp4": ("-c:v", "libx264", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-g", "10"),
    "short.ts": ("-frames:v", "10", "-c:v", "mpeg2video", "-c:a", "mp2", "-muxrate", "6M"),
    "short.mpg": ("-frames:v", "10", "-c:v", "mpeg2video", "-c:a", "mp2"),
    "broadcast.ts": ("-c:v", "mpeg2video", "-c:a", "ac3", "-b:a", "640k", "-muxrate", "6M"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_darkness_silence_padding_and_still_pictures_are_complete(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    sources = ("-f", "lavfi", "-i", "color=black:s=256x144:r=25:d=2", "-f", "lavfi", "-i", "anullsrc=r=48000:d=2")
    ffmpeg(*sources, *HEALTHY[name], "-t", "2" if "slides" not in name else "60", path)
    assert verdict(path, sound=False) == verdict(path, sound=True) == "complete"


def test_a_font_of_zeros_is_complete(tmp_path: Path, films: Path) -> None:
    (tmp_path / "a.ttf").write_bytes(b"\0\1\0\0" + bytes(50_000) + b"end")
    attach = ("-attach", tmp_path / "a.ttf", "-metadata:s:t", "mimetype=font/ttf")
    ffmpeg("-i", films / "film.mkv", "-c", "copy", *attach, tmp_path / "font.mkv")
    assert verdict(tmp_path / "font.mkv", sound=False) == "complete"
