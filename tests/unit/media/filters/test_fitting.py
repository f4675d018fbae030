"""The size that pictures are fitted to, and the same in ffmpeg's expressions."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from framewatch.domain import NO_CHANGES, Changes, Picture, PictureSpan, Video
from framewatch.media.filters.fitting import fit_chain, fitted_size, fitting
from media_factory import ffmpeg

PAL = Video(width=720, height=576, pixel_format="yuv420p", bit_depth=8, rate=None, sar=Fraction(16, 15))


@pytest.mark.parametrize(
    ("size", "sar", "fitted"),
    [
        ((720, 576), Fraction(16, 15), (720, 576)),
        ((544, 576), Fraction(24, 17), (720, 576)),  # as wide as 720
        ((352, 288), Fraction(12, 11), (720, 576)),
        ((704, 576), Fraction(16, 15), (704, 576)),
        ((720, 576), Fraction(64, 45), (720, 432)),  # 16:9 inside 4:3
        ((1920, 1080), Fraction(1), (720, 432)),
        ((576, 720), Fraction(1), (432, 576)),
        ((719, 576), Fraction(16, 15), (720, 576)),  # rounded by an encoder
        ((2, 16384), Fraction(1), (2, 576)),
    ],
)
def test_a_picture_keeps_its_shape(size: tuple[int, int], sar: Fraction, fitted: tuple[int, int]) -> None:
    assert fitted_size(*size, sar, PAL) == fitted


@pytest.mark.parametrize("size", ["96x64", "64x96", "128x48", "62x48", "64x47", "48x36"])
@pytest.mark.parametrize("sar", ["1", "2", "11/16"])
def test_ffmpeg_computes_the_same_size(size: str, sar: str, tmp_path: Path) -> None:
    video = Video(width=64, height=48, pixel_format="yuv444p", bit_depth=8, rate=None)
    width, height = map(int, size.split("x"))
    picture = Picture(width=width, height=height, sar=Fraction(sar), pixel_format="yuv444p")
    first = Picture(width=64, height=48, sar=Fraction(1), pixel_format="yuv444p")
    spans = tuple(PictureSpan(pts=n, seconds=n - 1.0, picture=each) for n, each in enumerate((first, picture)))
    target = fitting(Changes(pictures=spans), video, "h264")
    assert target is not None
    scale = fit_chain(target, 0.0)[0]
    source = f"color=white:size={size}:rate=25:duration=0.04,format=yuv444p,setsar={sar}"
    ffmpeg("-f", "lavfi", "-i", source, "-vf", scale, "-f", "image2", "-c:v", "pgm", tmp_path / "f.pgm")
    made = (tmp_path / "f.pgm").read_bytes().split(b"\n")[1].split()
    assert (int(made[0]), int(made[1])) == fitted_size(width, height, Fraction(sar), video)


def test_a_hostile_number_of_shapes_still_fits_into_a_command(tmp_path: Path) -> None:
    video = Video(width=64, height=48, pixel_format="yuv420p", bit_depth=8, rate=None)
    pictures = [Picture(width=64, height=48, sar=Fraction(n + 1, 997), pixel_format="yuv420p") for n in range(1000)]
    spans = tuple(PictureSpan(pts=n, seconds=n * 1234.5678, picture=each) for n, each in enumerate(pictures))
    target = fitting(Changes(pictures=spans), video, "h264")
    assert target is not None
    chain = ",".join(fit_chain(target, 0.0))
    assert len(chain) < 100_000
    ffmpeg("-f", "lavfi", "-i", "color=size=64x48:rate=25:duration=0.04", "-vf", chain, tmp_path / "f.png")


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv422p", "yuv444p"])
def test_frames_that_are_as_they_should_be_stay_as_they_are(pixel_format: str) -> None:
    video = Video(width=64, height=48, pixel_format=pixel_format, bit_depth=8, rate=None)
    target = fitting(NO_CHANGES, video, "av1")
    assert target is not None
    source = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.2")
    raw = ffmpeg(*source, "-pix_fmt", pixel_format, "-f", "rawvideo", "pipe:1")
    given = ("-f", "rawvideo", "-video_size", "64x48", "-pixel_format", pixel_format, "-i", "pipe:0")
    fitted = ffmpeg(*given, "-vf", ",".join(fit_chain(target, 0.0)), "-f", "rawvideo", "pipe:1", stdin=raw)
    assert fitted == raw
