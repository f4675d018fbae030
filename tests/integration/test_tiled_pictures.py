"""Photographs that HEIF and AVIF files hold in tiles, as those of phones."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from framewatch.errors import MediaError
from framewatch.media.decode.image_file import read_image, with_image_details
from framewatch.media.limits import Limits
from framewatch.media.probe.probe import probe
from full_run import process
from heif import tiled
from hostile_media import box
from media_factory import ffmpeg

# Boxes that say how the picture is shown, and what numpy does then: irot turns anticlockwise, imir 0 exchanges top
# and bottom (ISO/IEC 23008-12, 6.5.10 and 6.5.12).
TURN, LEFT_RIGHT, TOP_BOTTOM = box(b"irot", b"\1"), box(b"imir", b"\1"), box(b"imir", b"\0")
SHOWN = {
    "as it is": ((), lambda image: image),
    "turned": ((TURN,), np.rot90),
    "turned twice": ((box(b"irot", b"\2"),), lambda image: np.rot90(image, 2)),
    "turned thrice": ((box(b"irot", b"\3"),), lambda image: np.rot90(image, 3)),
    "mirrored": ((LEFT_RIGHT,), np.fliplr),
    "upside down": ((TOP_BOTTOM,), np.flipud),
    "turned, mirrored": ((TURN, LEFT_RIGHT), lambda image: np.fliplr(np.rot90(image))),
    "mirrored, turned": ((TOP_BOTTOM, TURN), lambda image: np.rot90(np.flipud(image))),
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return stills(tmp_path_factory.mktemp("parts"))


def stills(folder: Path, pixels: str = "yuv420p") -> list[Path]:
    """Six pictures of 64x48, each of another grey and with a pattern."""
    paths = [folder / f"{number}.avif" for number in range(6)]
    for number, path in enumerate(paths):
        look = f"testsrc2=s=64x48,eq=brightness={number / 12 - 0.25},format={pixels}"
        coded = ("-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "crf=5")
        ffmpeg("-f", "lavfi", "-i", look, "-frames:v", "1", *coded, path)
    return paths


def seen(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """The picture in grey as framewatch decodes it."""
    info = with_image_details(path, probe(path, Limits()))
    rgb = read_image(path, info.streams[0]).rgb
    assert info.streams[0].video is not None
    assert rgb.shape[1::-1] == info.streams[0].video.upright
    return (rgb.astype(float).mean(axis=2) / (257 if rgb.dtype == np.uint16 else 1)).astype(int)


@pytest.mark.parametrize("shown", SHOWN)
@pytest.mark.parametrize("cut", [(0, 0), (14, 6), (13, 7)])
def test_tiles_are_put_together_and_shown_as_the_file_says(
    parts: list[Path], tmp_path: Path, shown: str, cut: tuple[int, int]
) -> None:
    boxes, turn = SHOWN[shown]
    whole = tiled(parts, tmp_path / "whole.avif", 3, 2, cut=cut, shown=boxes)
    single = [seen(each) for each in parts]
    wanted = np.vstack([np.hstack(single[:3]), np.hstack(single[3:])])[: 96 - cut[1], : 192 - cut[0]]
    # Colours run into each other between the tiles, and are made smoother where a size is odd.
    assert np.abs(seen(whole) - turn(wanted)).mean() < (4 if cut[0] % 2 else 1)


def test_ten_bits_and_a_colour_profile_are_kept(tmp_path: Path) -> None:
    profile = box(b"colr", b"prof", b"icc" * 50)
    parts = stills(tmp_path, "yuv420p10le")
    whole = tiled(parts, tmp_path / "whole.avif", 3, 2, shown=[profile])
    info = with_image_details(whole, probe(whole))
    video = info.streams[0].video
    assert video is not None
    assert (len(info.streams), video.bit_depth, video.icc and video.icc.size) == (1, 10, 150)
    single = [seen(each) for each in parts]
    assert np.abs(seen(whole) - np.vstack([np.hstack(single[:3]), np.hstack(single[3:])])).mean() < 1


def test_a_tiled_picture_is_upscaled(parts: list[Path], tmp_path: Path) -> None:
    whole = tiled(parts, tmp_path / "photo.heic", 3, 2, cut=(2, 0), shown=[TURN])
    made = process(whole, tmp_path / "work", container="png", ml_upscale="esrgan-2x").result
    large = seen(made)
    assert large.shape == (380, 192)
    ffmpeg("-i", whole, "-frames:v", "1", tmp_path / "plain.png")
    plain = seen(tmp_path / "plain.png")
    assert np.abs(large.reshape(190, 2, 96, 2).mean(axis=(1, 3)) - plain).mean() < 6
    many = tiled(parts, tmp_path / "many.avif", 1, 200)
    assert len(probe(many, Limits(max_streams=1)).streams) == 1


def test_tiles_that_are_missing_or_do_not_fit_are_refused(parts: list[Path], tmp_path: Path) -> None:
    part = parts[0]
    wide = tmp_path / "wide.avif"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x48", "-frames:v", "1", wide)
    codes = {}
    tiled(part, tmp_path / "small.avif", 3, 2, cut=(-5000, -5000))
    whole, shape = tiled(part, tmp_path / "a.avif").read_bytes(), struct.pack(">BBHH", 0, 1, 128, 48)
    assert shape in whole
    (tmp_path / "count.avif").write_bytes(whole.replace(shape, struct.pack(">BBHH", 0, 2, 128, 48)))
    tiled([part, wide], tmp_path / "unlike.avif")
    tiled(part, tmp_path / "clap.avif", shown=[box(b"clap", struct.pack(">8i", 60, 1, 40, 1, 0, 1, 0, 1))])
    for name in ("small", "count", "unlike", "clap"):
        path = tmp_path / f"{name}.avif"
        with pytest.raises(MediaError) as told:
            seen(path)
        codes[name] = told.value.finding.code
    assert codes == {
        "small": "media.corrupt",
        "count": "media.unsupported",
        "unlike": "media.corrupt",
        "clap": "media.unsupported",
    }
