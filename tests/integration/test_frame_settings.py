"""Frame settings from source to output, without upscaling and with the identity engine, compared pixel by pixel."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from framewatch.errors import RuleError
from full_run import process, rgb_frames
from media_factory import ffmpeg, make_video

Frame = NDArray[np.uint8]

# Lossless and 4:4:4, so that all differences come from filters.
EXACT = {"container": "mkv", "crf": 0, "pixel_format": "yuv444p"}
MODES = pytest.mark.parametrize("mode", ["none", "esrgan-2x"])


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames of 64x48 in which all parts differ."""
    lossless = ("-c:v", "libx264", "-qp", "0", "-pix_fmt", "yuv444p")
    return make_video(tmp_path_factory.mktemp("film") / "film.mkv", seconds=0.2, codec=lossless)


def larger(frame: Frame, scale: int) -> Frame:
    return frame.repeat(scale, axis=0).repeat(scale, axis=1)


def difference(one: Frame, other: Frame) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


SHAPES: list[tuple[dict[str, Any], Callable[[Frame], Frame]]] = [
    ({"flip_horizontal": True}, lambda frame: frame[:, ::-1]),
    ({"flip_vertical": True}, lambda frame: frame[::-1]),
    ({"rotation": 90}, lambda frame: np.rot90(frame, -1)),
    ({"rotation": 180}, lambda frame: np.rot90(frame, 2)),
    ({"rotation": 270}, np.rot90),
    ({"crop": {"x": 7, "y": 5, "width": 31, "height": 21}}, lambda frame: frame[5:26, 7:38]),
    (
        {"flip_horizontal": True, "rotation": 90, "crop": {"x": 3, "y": 8, "width": 40, "height": 50}},
        lambda frame: np.rot90(frame[:, ::-1], -1)[8:58, 3:43],
    ),
]


@MODES
@pytest.mark.parametrize(("preset_keys", "shaped"), SHAPES)
def test_flip_rotation_and_crop_are_applied_in_this_order_before_the_network(
    mode: str, preset_keys: Any, shaped: Callable[[Frame], Frame], film: Path, tmp_path: Path
) -> None:
    made = process(film, tmp_path, ml_upscale=mode, **EXACT, **preset_keys)
    wanted = [larger(shaped(frame), made.plan.scale) for frame in rgb_frames(film)]
    found = rgb_frames(made.result)
    assert len(found) == len(wanted) == 5
    assert max(difference(*pair) for pair in zip(found, wanted, strict=True)) <= 2


@pytest.mark.parametrize(("x", "y"), [(7, 5), (8, 5), (7, 4)])
def test_a_crop_at_odd_coordinates_of_subsampled_video_is_exact(x: int, y: int, tmp_path: Path) -> None:
    source = make_video(tmp_path / "s.mkv", seconds=0.12, codec=("-c:v", "libx264", "-qp", "0"))
    crop = {"x": x, "y": y, "width": 30, "height": 20}
    made = process(source, tmp_path / "w", container="mkv", crf=0, crop=crop)
    before, after = (luma(path) for path in (source, made.result))
    assert np.array_equal(after, before[:, y : y + 20, x : x + 30])


def luma(path: Path) -> Frame:
    """The coded luma of all frames."""
    return planes(path)[0]


def planes(path: Path, depth: int = 8) -> list[NDArray[Any]]:
    """Y, Cb and Cr of all frames, at full size."""
    kind, name = (np.dtype("<u2"), "yuv444p10le") if depth > 8 else (np.dtype("u1"), "yuv444p")
    raw = np.frombuffer(ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", name, "-"), kind)
    height, width = rgb_frames(path)[0].shape[:2]
    return [raw.reshape(-1, 3, height, width)[:, number] for number in range(3)]


# --- size ----------------------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("algorithm", ["bicubic", "lanczos", "bilinear", "nearest"])
def test_resolution_scales_up_and_down(mode: str, algorithm: str, film: Path, tmp_path: Path) -> None:
    made = process(film, tmp_path, ml_upscale=mode, resolution="480p", scaling_algorithm=algorithm, **EXACT)
    picture = rgb_frames(made.result)[0]
    assert picture.shape == (480, 640, 3)
    again = picture.reshape(48, 10, 64, 10, 3).mean(axis=(1, 3))
    assert np.abs(again - rgb_frames(film)[0]).mean() < 6


@MODES
def test_a_custom_size_is_filled_up_with_black_bars(mode: str, film: Path, tmp_path: Path) -> None:
    preset_keys = {"resolution": "custom", "custom_width": 96, "custom_height": 48, "scaling_algorithm": "nearest"}
    made = process(film, tmp_path, ml_upscale=mode, **preset_keys, **EXACT)
    picture = rgb_frames(made.result)[0]
    assert picture.shape == (48, 96, 3)
    assert picture[:, :16].max() == picture[:, 80:].max() == 0
    assert difference(picture[:, 16:80], rgb_frames(film)[0]) <= 2


@pytest.mark.parametrize(
    ("mode", "limit", "size"),
    [
        ("esrgan-2x", {"output_height": 72}, (96, 72)), ("esrgan-2x", {"output_width": 64}, (64, 48)),
        ("esrgan-2x", {"output_height": 500}, (128, 96)), ("none", {"output_height": 24}, (32, 24)),
        ("none", {"output_height": 500}, (64, 48)),
        ("esrgan-4x", {"output_width": 200, "output_height": 96}, (128, 96)),
    ],
)  # fmt: skip
def test_a_largest_size_only_scales_down(
    mode: str, limit: Any, size: tuple[int, int], film: Path, tmp_path: Path
) -> None:
    made = process(film, tmp_path, ml_upscale=mode, container="mkv", **limit)
    assert rgb_frames(made.result)[0].shape[1::-1] == size


def test_anamorphic_pixels_are_kept_by_scaling_and_rotated_with_the_frame(film: Path, tmp_path: Path) -> None:
    wide = tmp_path / "wide.mkv"
    ffmpeg("-i", film, "-vf", "setsar=16/11", "-c:v", "libx264", "-qp", "0", wide)
    upright = process(wide, tmp_path / "a", ml_upscale="esrgan-2x", resolution="480p")
    turned = process(wide, tmp_path / "b", rotation=90)  # what is expected was verified
    assert str(upright.plan.expected.sar) == "16/11"
    assert str(turned.plan.expected.sar) == "11/16"


@MODES
@pytest.mark.parametrize(
    ("sar", "size", "kept"), [("1/1", "64x48", "1"), ("16/15", "60x48", "16/15"), ("2/1", "64x48", "1")]
)
def test_pixels_whose_sar_mpeg_2_cannot_store_become_square(
    mode: str, sar: str, size: str, kept: str, tmp_path: Path
) -> None:
    filters = f"setsar={sar}"
    source = make_video(tmp_path / "s.mkv", size=size, seconds=0.2, filters=filters, codec=("-c:v", "libx264"))
    preset_keys = {"container": "m2t", "video_codec": "mpeg2video", "audio_codec": "mp2"}
    made = process(source, tmp_path / "w", ml_upscale=mode, **preset_keys)  # what is expected was verified
    assert str(made.plan.sar) == kept
    width = int(size.split("x", maxsplit=1)[0]) * made.plan.scale
    assert made.plan.width == (2 * width if sar == "2/1" else width)
    assert ("video.squared" in [warning.code for warning in made.warnings]) == (sar == "2/1")


# --- effects ---------------------------------------------------------------------------------------------------


def code(value: NDArray[Any]) -> NDArray[Any]:
    """Luma from 0 to 1 as limited-range code values."""
    return 16 + 219 * np.clip(value, 0, 1)


@MODES
def test_levels_follow_their_formula(mode: str, film: Path, tmp_path: Path) -> None:
    preset_keys = {"brightness": 0.1, "contrast": 0.8, "gamma": 1.5, "saturation": 0.5}
    plain = process(film, tmp_path / "a", ml_upscale=mode, **EXACT)
    made = process(film, tmp_path / "b", ml_upscale=mode, **EXACT, **preset_keys)
    before, after = (planes(each.result) for each in (plain, made))
    grey = (before[0] - 16.0) / 219
    wanted = code(np.clip((grey - 0.5) * 0.8 + 0.6, 0, 1) ** (1 / 1.5))
    assert np.abs(after[0] - wanted).max() <= 1
    assert np.abs(after[1] - ((before[1] - 128.0) / 2 + 128)).max() <= 1


def test_levels_keep_10_bit(tmp_path: Path) -> None:
    ten = ("-pix_fmt", "yuv444p10le", "-c:v", "libx264", "-qp", "0")
    source = make_video(tmp_path / "s.mkv", seconds=0.12, source="gradients=c0=black:c1=white", codec=ten)
    preset_keys = EXACT | {"pixel_format": "yuv444p10le", "brightness": 0.05}
    made = process(source, tmp_path / "w", ml_upscale="esrgan-2x", **preset_keys)
    before, after = (planes(path, 10)[0].astype(int) for path in (source, made.result))
    wanted = np.minimum(larger(before[0], 2) + 0.05 * 876, 940)
    assert np.abs(after[0] - wanted).max() <= 3  # of 1023; in 8 bit it would be 4 at least
    assert len(np.unique(after % 4)) == 4


@MODES
def test_grayscale_removes_only_the_colour(mode: str, film: Path, tmp_path: Path) -> None:
    plain = process(film, tmp_path / "a", ml_upscale=mode, **EXACT)
    made = process(film, tmp_path / "b", ml_upscale=mode, grayscale=True, **EXACT)
    before, after = planes(plain.result), planes(made.result)
    assert np.array_equal(before[0], after[0])
    assert {*np.unique(after[1]), *np.unique(after[2])} == {128}


def test_a_hue_of_180_degrees_inverts_the_colours(film: Path, tmp_path: Path) -> None:
    made = process(film, tmp_path, hue=180, **EXACT)
    before, after = planes(film), planes(made.result)
    assert np.abs(before[1].astype(int) + after[1] - 256).mean() < 1.5


def roughness(path: Path) -> float:
    """How much neighbouring pixels differ; large steps count most."""
    return float((np.diff(luma(path).astype(int), axis=2) ** 2).mean())


@MODES
@pytest.mark.parametrize(
    ("preset_keys", "luminance", "least", "most"),
    [
        ({"blur": 2}, "128+16*(random(1)-0.5)", 0, 0.4), ({"denoise": 12}, "128+16*(random(1)-0.5)", 0, 0.4),
        ({"sharpen": 1}, "128+30*sin(X/2)", 1.2, 9),
    ],
)  # fmt: skip
def test_smoothing_smooths_and_sharpening_sharpens(
    mode: str, preset_keys: Any, luminance: str, least: float, most: float, tmp_path: Path
) -> None:
    noise = f"geq=lum='{luminance}':cb=128:cr=128"
    lossless = ("-c:v", "libx264", "-qp", "0")
    source = make_video(tmp_path / "s.mkv", seconds=0.2, source="color=gray", filters=noise, codec=lossless)
    plain = process(source, tmp_path / "a", ml_upscale=mode, **EXACT)
    made = process(source, tmp_path / "b", ml_upscale=mode, **EXACT, **preset_keys)
    assert least < roughness(made.result) / roughness(plain.result) < most


@MODES
def test_deband_makes_steps_smaller(mode: str, tmp_path: Path) -> None:
    steps = "geq=lum='64+4*floor(X/8)':cb=128:cr=128"
    source = make_video(tmp_path / "s.mkv", seconds=1, source="color=gray", filters=steps)
    made = process(source, tmp_path / "w", ml_upscale=mode, deband=2, **EXACT)
    before, after = (np.abs(np.diff(luma(path).mean(axis=(0, 1)))).max() for path in (source, made.result))
    assert before > 3.5
    assert after < 0.6 * before


def test_a_vignette_darkens_the_corners_but_not_the_middle(film: Path, tmp_path: Path) -> None:
    before, after = luma(film).astype(int), luma(process(film, tmp_path, vignette=0.5, **EXACT).result)
    assert after[:, :4, :4].mean() < 0.7 * before[:, :4, :4].mean()
    assert abs(after[:, 23:25, 31:33].mean() - before[:, 23:25, 31:33].mean()) < 4


@MODES
@pytest.mark.parametrize(("how", "marked"), [("auto", True), ("on", False)])
def test_interlaced_frames_are_deinterlaced(mode: str, how: str, marked: bool, tmp_path: Path) -> None:
    moving = r"geq=lum='if(gt(mod(X+8*N\,64)\,32)\,235\,16)':cb=128:cr=128,tinterlace=mode=interleave_top"
    flags = ("-flags", "+ilme+ildct") if marked else ("-vf", f"{moving},setfield=prog")
    source = tmp_path / "s.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=64x48:r=50:d=0.4", "-vf", moving, "-pix_fmt", "yuv420p",
           "-c:v", "libx264", "-qp", "0", *flags, source)  # fmt: skip

    def combed(path: Path) -> float:
        rows = luma(path)[5].astype(float)[:: 2 if mode != "none" and path != source else 1]
        return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())

    made = process(source, tmp_path / "w", ml_upscale=mode, deinterlace=how, container="mkv")
    assert combed(made.result) < 0.5 * combed(source)


# --- burned subtitles ----------------------------------------------------------------------------------------


@pytest.fixture
def subtitled(tmp_path: Path) -> Path:
    """A grey video of two seconds, and a subtitle on its right from 0.8 to 1.2 s; special characters in names."""
    source = make_video(tmp_path / "s.mkv", size="160x90", seconds=2, source="color=gray", audio=True)
    (tmp_path / "it's; [1],x:y %d\\n.srt").write_text("1\n00:00:00,800 --> 00:00:01,200\n{\\an6}I\n")
    return source


@MODES
@pytest.mark.parametrize("preset_keys", [{}, {"frame_timing": "preserve"}, {"start_time": 0.5}])
def test_a_burned_subtitle_is_drawn_at_the_right_place_and_time(
    mode: str, preset_keys: dict[str, Any], subtitled: Path, tmp_path: Path
) -> None:
    burned = {"subtitle_burn_path": "it's; [1],x:y %d\\n.srt", "subtitle_font_size": 60,
              "subtitle_font_color": "#FF0000", "subtitle_outline_color": "#0000FF"}  # fmt: skip
    made = process(subtitled, tmp_path / "w", ml_upscale=mode, container="mkv", **burned, **preset_keys)
    frames = [frame.astype(int) for frame in rgb_frames(made.result)]
    still = frames[0]
    changed = [np.abs(frame - still).max(axis=2) > 60 for frame in frames]
    first = 20 - math.ceil(preset_keys.get("start_time", 0) * 25)
    assert [number for number, where in enumerate(changed) if where.any()] == list(range(first, first + 10))
    columns = np.flatnonzero(changed[first + 2].any(axis=0))
    assert columns.min() > frames[0].shape[1] * 2 / 3
    drawn = frames[first + 2][changed[first + 2]]
    assert (drawn[:, 0] > drawn[:, 2] + 60).any()
    assert (drawn[:, 2] > drawn[:, 0] + 30).any()


@pytest.mark.parametrize(("position", "third"), [("top", 0), ("middle", 1), ("bottom", 2)])
def test_burned_subtitles_can_be_at_the_top_the_middle_or_the_bottom(
    position: str, third: int, tmp_path: Path
) -> None:
    source = make_video(tmp_path / "s.mkv", size="160x90", seconds=0.2, source="color=gray")
    (tmp_path / "s.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n")
    made = process(source, tmp_path / "w", subtitle_burn_path="s.vtt", subtitle_position=position)
    picture = rgb_frames(made.result)[1].astype(int)
    rows = np.flatnonzero((np.abs(picture - picture[45, 1]) > 60).any(axis=(1, 2)))
    assert 30 * third <= rows.min() <= rows.max() < 30 * third + 30


def test_a_playlist_named_like_a_subtitle_file_is_not_followed(subtitled: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.srt"
    secret.write_text("1\n00:00:00,000 --> 00:00:02,000\nsecret\n")
    (tmp_path / "p.srt").write_text(f"#EXTM3U\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n")
    made = process(subtitled, tmp_path / "w", subtitle_burn_path="p.srt", container="mkv")
    assert (
        len({frame.tobytes() for frame in rgb_frames(made.result)}) <= 2
    )  # grey, apart from the noise of the encoder


def test_a_missing_subtitle_file_is_refused_before_the_job_starts(film: Path, tmp_path: Path) -> None:
    with pytest.raises(RuleError) as caught:
        process(film, tmp_path, subtitle_burn_path="missing.srt")
    assert caught.value.finding.code == "subtitle.burn_missing"


# --- gif -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("colours", "dither", "loop"), [(4, "none", 0), (16, "bayer", 3), (256, "sierra2_4a", 1)])
def test_a_gif_has_the_requested_colours_loops_and_length(
    colours: int, dither: str, loop: int, tmp_path: Path
) -> None:
    source = make_video(tmp_path / "s.mkv", seconds=1, audio=True)
    preset_keys = {"gif_colors": colours, "gif_dither": dither, "gif_loop": loop, "rotation": 90, "fps": 10}
    made = process(source, tmp_path / "w", container="gif", video_codec="gif", **preset_keys)
    frames = rgb_frames(made.result)
    seen = {tuple(pixel) for frame in frames for pixel in frame.reshape(-1, 3)}
    assert colours / 2 < len(seen) <= colours
    assert (len(frames), frames[0].shape) == (10, (64, 48, 3))
    data = made.result.read_bytes()
    at = data.index(b"NETSCAPE2.0") + 13
    assert int.from_bytes(data[at : at + 2], "little") == loop
    if colours == 256:
        wanted = np.rot90(rgb_frames(source)[0], -1).astype(int)
        assert np.abs(frames[0] - wanted).mean() < 12
