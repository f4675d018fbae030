"""The probe: streams and tags, and an error code for each way in which a file is not a video."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from framewatch.domain import Colour
from framewatch.errors import FramewatchError, MediaError, StorageError
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.probe import probe
from framewatch.media.probe.safe_open import open_file, open_media
from framewatch.media.probe.truncation import Family, read_extent
from media_factory import ffmpeg, make_video, remux
from media_samples import file_findings

SUBTITLES = "1\n00:00:00,000 --> 00:00:00,500\nhello\n"
CHAPTERS = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=one\n"
KEY = [
    "-encryption_scheme",
    "cenc-aes-ctr",
    "-encryption_key",
    "0" * 31 + "1",
    "-encryption_kid",
    "0" * 31 + "2",
]


def code_of(path: Path) -> str:
    with pytest.raises(FramewatchError) as caught:
        require_video(probe(path))
    assert caught.value.finding.message
    return caught.value.finding.code


def cut(source: Path, target: Path, share: float) -> Path:
    whole = source.read_bytes()
    target.write_bytes(whole[: int(len(whole) * share)])
    return target


def make_image(path: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "color=red:size=32x32:duration=1:rate=1", "-frames:v", "1", path)
    return path


def test_an_mp4_is_described_stream_by_stream(clip: Path) -> None:
    info = probe(clip)
    video, audio = info.streams
    assert (info.container, info.size, info.chapters) == ("mov,mp4,m4a,3gp,3g2,mj2", clip.stat().st_size, 0)
    assert (video.codec, video.kind, video.duration) == ("h264", "video", pytest.approx(1.0))
    assert video.video
    assert (video.video.width, video.video.height, video.video.rate) == (64, 48, 25)
    assert (video.video.pixel_format, video.video.bit_depth, video.video.sar) == ("yuv420p", 8, 1)
    assert video.video.colour == Colour()
    assert audio.audio
    assert (audio.codec, audio.audio.sample_rate, audio.audio.channels) == ("aac", 44100, 1)
    assert info.duration == pytest.approx(1.0, abs=0.05)
    assert require_video(info) == video


def test_subtitles_fonts_covers_chapters_and_dispositions_are_found(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "s.srt").write_text(SUBTITLES)
    (tmp_path / "c.txt").write_text(CHAPTERS)
    (tmp_path / "f.ttf").write_bytes(b"not really a font")
    make_image(tmp_path / "cover.png")
    target = tmp_path / "all.mkv"
    ffmpeg(
        "-i", clip, "-i", tmp_path / "s.srt", "-i", tmp_path / "c.txt", "-map", "0", "-map", "1",
        "-map_metadata", "2", "-c", "copy",
        "-attach", tmp_path / "f.ttf", "-metadata:s:t:0", "mimetype=font/ttf",
        "-attach", tmp_path / "cover.png", "-metadata:s:t:1", "mimetype=image/png",
        "-metadata:s:a", "language=jpn", "-metadata:s:a", "title=Commentary",
        "-disposition:a", "forced", target,
    )  # fmt: skip
    info = probe(target)
    video, audio, subtitle, font, cover = info.streams
    assert info.container == "matroska,webm"
    assert info.chapters == 1
    assert (audio.language, audio.title, audio.forced, audio.default) == ("jpn", "Commentary", True, False)
    assert (subtitle.kind, subtitle.codec, video.default) == ("subtitle", "subrip", True)
    assert (font.kind, font.codec, font.title) == ("attachment", "ttf", "f.ttf")
    assert (cover.kind, cover.codec, cover.cover) == ("video", "png", True)
    assert info.main_video == video


def test_a_stream_without_a_decoder_still_has_its_name(clip: Path, tmp_path: Path) -> None:
    info = probe(remux(clip, tmp_path / "t.mp4", "-timecode", "00:00:00:00"))
    assert [stream.codec for stream in info.of_kind("data")] == ["tmcd"]


@pytest.mark.parametrize(
    ("before", "rotation", "mirrored"),
    [
        ([], 0, False),
        (["-display_rotation", "90"], 270, False),  # ffmpeg's option rotates counterclockwise
        (["-display_rotation", "180"], 180, False),
        (["-display_rotation", "270"], 90, False),
        (["-display_rotation", "90", "-display_hflip"], 90, True),
        (["-display_hflip"], 0, True),
        (["-display_vflip"], 180, True),
    ],
)
def test_a_display_matrix_is_read_as_mirror_and_clockwise_rotation(
    clip: Path, tmp_path: Path, before: list[str], rotation: int, mirrored: bool
) -> None:
    video = require_video(probe(remux(clip, tmp_path / "turned.mp4", before=before))).video
    assert video
    assert (video.rotation, video.mirrored) == (rotation, mirrored)


def test_sar_colour_tags_depth_and_interlacing_are_read(tmp_path: Path) -> None:
    colours = "colorspace=smpte170m:color_primaries=smpte170m:color_trc=bt709:range=tv"
    tags = f"setsar=16/11,setfield=tff,setparams={colours}"
    path = make_video(
        tmp_path / "sd.mkv",
        filters=f"{tags},format=yuv420p10le",
        codec=("-c:v", "libx264", "-flags", "+ilme+ildct", "-pix_fmt", "yuv420p10le"),
    )
    video = require_video(probe(path)).video
    assert video
    assert (video.sar, video.bit_depth, video.interlaced) == (Fraction(16, 11), 10, True)
    assert video.colour == Colour(matrix="smpte170m", range="limited", primaries="smpte170m", transfer="bt709")


def test_a_transport_stream_starts_where_its_clock_does(clip: Path, tmp_path: Path) -> None:
    info = probe(remux(clip, tmp_path / "o.ts", "-output_ts_offset", "100"))
    assert info.start == pytest.approx(101.4, abs=0.2)


def test_each_broken_file_has_its_own_code(clip: Path, matroska_clip: Path, tmp_path: Path) -> None:
    empty, text, noise = (tmp_path / name for name in ("empty.mp4", "text.mp4", "noise.mkv"))
    empty.touch()
    text.write_text("this is a text, not a video\n" * 100)
    noise.write_bytes(bytes((7 * n * n + 3) % 251 for n in range(5000)))
    front = remux(clip, tmp_path / "front.mp4", "-movflags", "+faststart")
    avi = remux(clip, tmp_path / "a.avi", "-an")
    audio = remux(clip, tmp_path / "audio.m4a", "-vn")
    encrypted = remux(clip, tmp_path / "drm.mp4", *KEY)
    assert {
        "empty": code_of(empty),
        "text": code_of(text),
        "noise": code_of(noise),
        "index at the end": code_of(cut(clip, tmp_path / "cut1.mp4", 0.5)),
        "index in front": code_of(cut(front, tmp_path / "cut2.mp4", 0.7)),
        "a few bytes": code_of(cut(clip, tmp_path / "cut3.mp4", 0.002)),
        "Matroska": code_of(cut(matroska_clip, tmp_path / "cut4.mkv", 0.6)),
        "AVI": code_of(cut(avi, tmp_path / "cut5.avi", 0.6)),
        "audio": code_of(audio),
        "encrypted": code_of(encrypted),
    } == {
        "empty": "media.empty",
        "text": "media.not_media",
        "noise": "media.not_media",
        "index at the end": "media.truncated",
        "index in front": "media.truncated",
        "a few bytes": "media.truncated",
        "Matroska": "media.truncated",
        "AVI": "media.truncated",
        "audio": "media.no_video",
        "encrypted": "media.protected",
    }


@pytest.mark.parametrize("name", ["p.png", "p.jpg", "p.webp", "p.gif", "p.bmp", "p.tiff"])
def test_a_still_image_is_recognised_whatever_its_name(tmp_path: Path, name: str) -> None:
    image = make_image(tmp_path / name)
    assert code_of(image) == "media.picture"
    assert code_of(image.rename(tmp_path / "video.mp4")) == "media.picture"


def test_a_video_whose_size_is_nowhere_stated_is_damaged(tmp_path: Path) -> None:
    """It has a decoder, so converting it would not help."""
    path = make_video(tmp_path / "a.ts", codec=("-c:v", "libx264", "-preset", "ultrafast"))
    path.write_bytes(path.read_bytes().replace(b"\0\0\0\1\x67", b"\0\0\0\1\x6c"))  # no sequence parameter set
    assert code_of(path) == "media.corrupt"


def test_an_animated_gif_is_a_video(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.gif", codec=("-c:v", "gif", "-pix_fmt", "rgb8"))
    assert require_video(probe(path)).codec == "gif"


def test_music_with_a_cover_has_no_video(tmp_path: Path) -> None:
    make_image(tmp_path / "cover.png")
    path = tmp_path / "music.mp3"
    ffmpeg(
        "-f", "lavfi", "-i", "sine=duration=1", "-i", tmp_path / "cover.png", "-map", "0", "-map", "1",
        "-disposition:v", "attached_pic", path,
    )  # fmt: skip
    assert code_of(path) == "media.no_video"


def test_colours_without_a_conversion_to_rgb_are_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "ictcp.mkv", filters="setparams=colorspace=ictcp")
    findings = file_findings(Preset(ml_upscale="esrgan-2x"), probe(path))
    assert [finding.code for finding in findings] == ["media.colour_unsupported"]


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:1.0,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
        "[playlist]\nFile1={}\n",
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file://{}"/></svg>',
        "subfile,,start,0,end,9000,,:{}\n",
    ],
)
def test_a_file_that_refers_to_another_is_not_media(clip: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "harmless.mp4"
    path.write_text(text.format(clip))
    assert code_of(path) == "media.not_media"


def test_links_folders_and_pipes_are_refused_at_once(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(clip)
    os.mkfifo(tmp_path / "pipe.mp4")
    for name in ("link.mp4", "pipe.mp4", "."):
        assert code_of(tmp_path / name) == "media.not_a_file"


def test_a_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        probe(tmp_path / "gone.mp4")


@pytest.mark.parametrize("name", [b"%d %03d.mp4", b"-i.mp4", b"na\xefve \xff.mp4", "🎬\n.mp4".encode()])
def test_any_file_name_is_accepted(clip: Path, tmp_path: Path, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.write_bytes(clip.read_bytes())
    assert require_video(probe(path)).codec == "h264"


def test_bytes_of_a_tag_that_are_not_utf8_are_replaced(clip: Path, tmp_path: Path) -> None:
    named = remux(clip, tmp_path / "named.mkv", "-metadata:s:v", "title=Caf_")
    named.write_bytes(named.read_bytes().replace(b"Caf_", b"Caf\xe9"))
    assert require_video(probe(named)).title == "Caf\ufffd"


def test_libav_learns_no_file_name_and_leaves_no_descriptor_open(clip: Path) -> None:
    before = len(list(Path("/dev/fd").iterdir()))
    with open_media(clip) as container:
        assert clip.name not in container.name
    assert len(list(Path("/dev/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("head", "family"),
    [
        (b"\x00\x00\x00\x18ftypisom", Family.ISO),
        (b"FLV\x01", Family.FLV),
        (b"OggS", Family.OGG),
        (b"\x00\x00\x01\xba", Family.PS),
        (b"G" + b"\x00" * 187 + b"G", Family.TS),
        (b"Good morning", None),
    ],
)
def test_a_container_is_recognised_by_its_first_bytes(tmp_path: Path, head: bytes, family: Family | None) -> None:
    path = tmp_path / "head"
    path.write_bytes(head)
    with open_file(path) as file:
        assert read_extent(file).family is family


def test_padding_after_the_last_box_is_not_truncation(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "padded.mp4"
    path.write_bytes(clip.read_bytes() + bytes(100))
    assert require_video(probe(path)).codec == "h264"


def test_a_copy_that_was_allocated_but_not_filled_is_truncated(clip: Path, tmp_path: Path) -> None:
    whole = clip.read_bytes()
    path = tmp_path / "sparse.mp4"
    path.write_bytes(whole[:2000] + bytes(len(whole) - 2000))
    with pytest.raises(MediaError) as caught:
        probe(path)
    assert caught.value.finding.code == "media.truncated"
