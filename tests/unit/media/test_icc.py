"""ICC profiles: which ones are carried, and where they are put."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from framewatch.errors import StorageError
from framewatch.media.decode.image_file import read_image, with_image_details
from framewatch.media.icc import MAX_ICC_BYTES, icc_flaw, without_padding
from framewatch.media.icc_embedding import embed_icc
from framewatch.media.probe.probe import probe
from icc import (
    bmp_with_icc,
    embedded_icc,
    icc_profile,
    jp2_with_icc,
    jpeg_with_icc,
    png_with_icc,
    psd_with_icc,
)
from media_factory import ffmpeg

SOUND = icc_profile()


def changed(at: int, data: bytes) -> bytes:
    return SOUND[:at] + data + SOUND[at + len(data) :]


@pytest.mark.parametrize("profile", [SOUND, icc_profile(size=300_000), icc_profile(kind=b"scnr")])
def test_a_sound_profile_has_no_flaw(profile: bytes) -> None:
    assert icc_flaw(profile) is None


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (b"", "is damaged"),
        (SOUND[:127], "is damaged"),
        (SOUND[:-1], "is damaged"),
        (SOUND + bytes(4), "is damaged"),
        (changed(36, b"ascp"), "is damaged"),
        (changed(12, b"link"), "is damaged"),
        (changed(20, b"RGB "), "is damaged"),
        (changed(128, struct.pack(">I", 201)), "is damaged"),
        (changed(136, struct.pack(">I", 0xFFFFFFFF)), "is damaged"),
        (changed(140, struct.pack(">I", 0xFFFFFFFF)), "is damaged"),
        (icc_profile(size=MAX_ICC_BYTES + 1), "is larger than 4 MiB"),
        (icc_profile(b"CMYK"), "is for CMYK and the image is RGB"),
        (icc_profile(b"GRAY"), "is for GRAY and the image is RGB"),
    ],
)
def test_a_profile_that_cannot_stay_has_its_flaw_named(profile: bytes, reason: str) -> None:
    assert icc_flaw(profile) == reason


def test_padding_of_a_container_is_no_part_of_a_profile() -> None:
    assert without_padding(SOUND + bytes(3)) == SOUND
    for other in (SOUND + bytes(4), SOUND[:-1], b""):
        assert without_padding(other) == other


@pytest.fixture
def png(tmp_path: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=33x25", "-frames:v", "1", "-pix_fmt", "rgb24", tmp_path / "a.png")
    return tmp_path / "a.png"


def seen(path: Path) -> tuple[int, str | None] | None:
    info = with_image_details(path, probe(path))
    video = info.streams[0].video
    assert video is not None
    carried = read_image(path, info.streams[0]).icc
    assert (carried is not None) == (video.icc is not None and video.icc.flaw is None)
    return None if video.icc is None else (video.icc.size, video.icc.flaw)


def test_an_image_without_a_profile_has_none(png: Path) -> None:
    assert seen(png) is None


@pytest.mark.parametrize(
    ("packed", "found"),
    [
        (zlib.compress(SOUND), (len(SOUND), None)),
        (zlib.compress(bytes(50_000_000)), (MAX_ICC_BYTES + 1, "is larger than 4 MiB")),
        (zlib.compress(SOUND)[:-30], "is damaged"),
        (b"no zlib stream", "is damaged"),
        (b"", "is damaged"),
    ],
    ids=["sound", "bomb", "cut", "garbage", "nothing"],
)
def test_the_profile_of_a_png_is_inflated_no_further_than_it_is_carried(
    png: Path, packed: bytes, found: object
) -> None:
    icc = seen(png_with_icc(png, b"", packed=packed))
    assert found in (icc, icc and icc[1])


def test_segments_of_a_jpeg_are_joined_by_their_numbers(png: Path) -> None:
    path = png.with_suffix(".jpg")
    ffmpeg("-i", png, path)
    profile = icc_profile(size=150_000)
    info = with_image_details(path, probe(jpeg_with_icc(path, profile)))
    assert read_image(path, info.streams[0]).icc == profile


def test_parts_of_a_profile_in_a_jpeg_are_a_damaged_one(png: Path) -> None:
    path = png.with_suffix(".jpg")
    ffmpeg("-i", png, path)
    whole = jpeg_with_icc(path, icc_profile(size=150_000)).read_bytes()
    path.write_bytes(whole.replace(b"ICC_PROFILE\0\x02", b"ICC_PROFILE\0\x00"))
    assert seen(path) == (0, "is damaged")


@pytest.mark.parametrize(("name", "put"), [("b.bmp", bmp_with_icc), ("b.psd", psd_with_icc), ("b.jp2", jp2_with_icc)])
def test_profiles_that_libav_overlooks_are_found(png: Path, name: str, put: Callable[[Path, bytes], Path]) -> None:
    path = png.with_name(name)
    for profile, flaw in ((SOUND, None), (SOUND[:-1], "is damaged")):
        if name != "b.psd":
            ffmpeg("-i", png, path)
            assert seen(path) is None
        assert seen(put(path, profile)) == (len(profile), flaw)


@pytest.mark.parametrize("field", [4, 8], ids=["size", "offset"])
def test_a_profile_of_a_tiff_that_is_not_all_there_leaves_the_image_readable(png: Path, field: int) -> None:
    path = png.with_suffix(".tiff")
    ffmpeg("-i", png, path)
    plain = read_image(path, with_image_details(path, probe(path)).streams[0]).rgb
    embed_icc(path, SOUND)
    data = bytearray(path.read_bytes())
    tag = data.rindex(struct.pack("<HH", 34675, 7))
    struct.pack_into("<I", data, tag + field, 0xFFFFFF00)
    path.write_bytes(data)
    info = with_image_details(path, probe(path))
    assert seen(path) == (0, "is damaged")
    assert (read_image(path, info.streams[0]).rgb == plain).all()


@pytest.mark.parametrize("size", [0, 131_039])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("b.png", ()),
        ("b.jpg", ()),
        ("lossless.webp", ("-lossless", "1")),
        ("alpha.webp", ("-lossless", "1", "-vf", "format=bgra,geq=r='X':g='Y':b=9:a='X*7'")),
        ("lossy.webp", ("-pix_fmt", "yuv420p")),
        ("extended.webp", ("-pix_fmt", "yuva420p", "-vf", "format=bgra,geq=r='X':g='Y':b=9:a='X*7'")),
        ("b.tiff", ("-compression_algo", "lzw")),
    ],
)
def test_a_profile_is_put_into_a_finished_image_and_no_pixel_changes(
    png: Path, name: str, options: tuple[str, ...], size: int
) -> None:
    path = png.with_name(name)
    ffmpeg("-i", png, *options, path)
    pixels = ffmpeg("-i", path, "-f", "rawvideo", "-")
    profile = icc_profile(size=size)
    embed_icc(path, profile)
    assert embedded_icc(path) == profile
    assert ffmpeg("-i", path, "-f", "rawvideo", "-") == pixels
    assert seen(path) == (len(profile), None)
    assert sorted(each.name for each in path.parent.iterdir()) == sorted({"a.png", name})


def test_a_file_that_cannot_be_replaced_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        embed_icc(tmp_path / "missing.png", SOUND)
