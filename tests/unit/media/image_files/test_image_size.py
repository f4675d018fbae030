"""The size of an image from its first bytes, compared with what ffmpeg made."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest

from framewatch.errors import MediaError
from framewatch.media.image_files.image_size import image_size
from framewatch.media.limits import Limits, is_frame_size
from framewatch.media.probe.probe import probe
from media_factory import ffmpeg

ENCODERS = {
    "a.png": (), "a.jpg": (), "a.gif": (), "a.bmp": (), "a.tiff": (), "a.qoi": (), "apng.png": ("-f", "apng"),
    "lossy.webp": (), "lossless.webp": ("-lossless", "1"), "alpha.webp": ("-pix_fmt", "yuva420p"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENCODERS)
def test_the_size_is_the_one_that_an_encoder_wrote(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=322x214", "-frames:v", "1", *ENCODERS[name], f"file:{path}")
    with path.open("rb") as file:
        assert image_size(file) == (322, 214)


def test_formats_that_ffmpeg_does_not_write_are_known_as_well() -> None:
    photoshop = b"8BPS\0\1" + bytes(6) + b"\0\3" + struct.pack(">IIHH", 214, 322, 8, 3)
    tiff = b"MM\0*" + struct.pack(">IHHHIIHHIHH", 8, 2, 256, 4, 1, 322, 257, 3, 1, 214, 0)
    top_down = b"BM" + bytes(12) + struct.pack("<Iii", 40, 322, -214)
    filled = b"\xff\xd8\xff\xff\xe0\0\4ab\xff\xc2\0\x11\x08" + struct.pack(">HH", 214, 322) + bytes(9)
    for data in (photoshop, tiff, top_down, filled):
        assert image_size(io.BytesIO(data)) == (322, 214)


@pytest.mark.parametrize(
    "head",
    [
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8",
        b"\xff\xd8\xff\xe0",
        b"II*\0\xff\xff\xff\xff",
        b"BM",
        b"RIFF\0\0\0\0WEBP",
        b"",
    ],
)
def test_what_is_cut_off_has_no_size(head: bytes) -> None:
    for length in range(len(head) + 1):
        assert image_size(io.BytesIO(head[:length])) is None
    assert image_size(io.BytesIO(head + bytes(100))) is None


def grey_png(path: Path, width: int, height: int) -> Path:
    """Make a PNG of one bit a pixel: a few kilobytes."""
    packer = zlib.compressobj(1)
    row = bytes(1 + (width + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b""))
    made = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(made))
    return path


@pytest.mark.parametrize(("width", "height"), [(17_000, 17_000), (16_256, 16_300), (1, 1_398_000)])
def test_an_intact_image_is_too_large_and_not_damaged_where_libav_has_no_frame_for_it(
    width: int, height: int, tmp_path: Path
) -> None:
    with pytest.raises(MediaError) as caught:
        probe(grey_png(tmp_path / "vast.png", width, height), Limits())
    assert caught.value.finding.code == "media.too_large"
    assert f"{width}x{height}" in caught.value.finding.message


def test_the_largest_frame_is_that_of_libav() -> None:
    assert is_frame_size(16_256, 16_000)
    assert not is_frame_size(16_255, 16_256)
    assert is_frame_size(1, 1_397_973)
    assert not is_frame_size(1, 1_397_974)
