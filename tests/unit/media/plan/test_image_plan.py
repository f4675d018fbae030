"""Images: how they are decoded, what is planned for them, and the rules for their presets."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framewatch.domain import MediaInfo, Stream
from framewatch.errors import MediaError, RuleError
from framewatch.media.commands.image_command import image_command, jpeg_scale
from framewatch.media.decode.image_file import bound_alpha, flatten_on_white, read_image, with_image_details
from framewatch.media.plan.image_plan import ImagePlan, make_image_plan
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.probe import probe
from framewatch.media.rules.preset_rules import check_preset, check_tools
from media_samples import FFMPEG, audio, cover, ffmpeg, media, video

# Each of EXIF's eight orientations, and what makes the stored image upright.
UPRIGHT: dict[int, Any] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).transpose(1, 0, 2),
    8: np.rot90,
}


def exif(orientation: int, order: str = ">") -> bytes:
    mark = b"MM\0*" if order == ">" else b"II*\0"
    return mark + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def in_jpeg(data: bytes, block: bytes) -> bytes:
    body = b"Exif\0\0" + block
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def in_png(data: bytes, block: bytes) -> bytes:
    chunk = b"eXIf" + block
    return data[:33] + struct.pack(">I", len(block)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


def in_webp(data: bytes, block: bytes) -> bytes:
    size = b"".join(struct.pack("<I", side - 1)[:3] for side in (40, 24))
    whole = b"WEBPVP8X" + struct.pack("<II", 10, 0x08) + size  # flag 0x08: there is EXIF
    whole += data[12:] + b"EXIF" + struct.pack("<I", len(block)) + block
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    # Flat fields, which chroma subsampling does not change.
    bars = "smptebars=size=40x24"
    ffmpeg("-f", "lavfi", "-i", bars, "-frames:v", "1", "-pix_fmt", "rgb24", folder / "a.png")
    for name in ("a.jpg", "a.webp", "a.tiff", "a.bmp"):
        ffmpeg("-i", folder / "a.png", folder / name)
    half = "geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(gt(X,20),255,0)'"
    ffmpeg("-i", folder / "a.png", "-vf", f"format=rgba,{half}", folder / "clear.png")
    ffmpeg("-i", folder / "clear.png", "-pix_fmt", "yuva420p", folder / "clear.webp")
    ffmpeg("-i", folder / "clear.png", "-pix_fmt", "rgba64be", folder / "deep.png")
    ffmpeg("-i", folder / "a.png", "-pix_fmt", "pal8", folder / "palette.png")
    ffmpeg("-i", folder / "a.png", "-pix_fmt", "gray16be", folder / "grey.png")
    return folder


def seen(path: Path) -> tuple[MediaInfo, Stream]:
    info = with_image_details(path, probe(path))
    return info, info.streams[0]


def as_ffmpeg_shows(path: Path) -> Any:
    raw = path.with_suffix(f"{path.suffix}.raw")
    ffmpeg("-i", path, "-pix_fmt", "rgb24", "-f", "rawvideo", raw)
    return np.fromfile(raw, np.uint8).reshape(24, 40, 3).astype(float)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("name", "put"), [("a.jpg", in_jpeg), ("a.png", in_png)])
def test_an_image_is_rotated_as_its_exif_says(
    orientation: int, name: str, put: Any, pictures: Path, tmp_path: Path
) -> None:
    plain = read_image(pictures / name, seen(pictures / name)[1]).rgb
    path = tmp_path / name
    path.write_bytes(put((pictures / name).read_bytes(), exif(orientation)))
    assert np.array_equal(read_image(path, seen(path)[1]).rgb, UPRIGHT[orientation](plain))


@pytest.mark.parametrize("order", "<>")
def test_exif_is_read_from_every_format_and_in_both_byte_orders(order: str, pictures: Path, tmp_path: Path) -> None:
    kinds = {"a.jpg": in_jpeg, "a.png": in_png, "a.webp": in_webp}
    for name, put in kinds.items():
        path = tmp_path / name
        path.write_bytes(put((pictures / name).read_bytes(), exif(6, order)))
        video = seen(path)[1].video
        assert video is not None
        assert (video.rotation, video.mirrored) == (90, False), name


def test_exif_that_cannot_be_parsed_turns_nothing(pictures: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    for block in (b"MM\0*\xff\xff\xff\xff", b"II*\0", b""):
        path.write_bytes(in_jpeg((pictures / "a.jpg").read_bytes(), block))
        video = seen(path)[1].video
        assert video is not None
        assert (video.rotation, video.mirrored) == (0, False)


@pytest.mark.parametrize(
    ("name", "depth", "alpha"),
    [
        ("a.png", 8, False), ("a.jpg", 8, False), ("a.webp", 8, False), ("a.tiff", 8, False), ("a.bmp", 8, False),
        ("clear.png", 8, True), ("clear.webp", 8, True), ("deep.png", 16, True), ("palette.png", 8, False),
        ("grey.png", 16, False),
    ],
)  # fmt: skip
def test_pixels_are_decoded_with_the_depth_and_alpha_of_the_file(
    name: str, depth: int, alpha: bool, pictures: Path
) -> None:
    still = seen(pictures / name)[1]
    assert still.video is not None
    assert (still.video.bit_depth, still.video.alpha) == (depth, alpha)
    opened = read_image(pictures / name, still)
    assert opened.rgb.shape == (24, 40, 3)
    assert opened.rgb.dtype == (np.uint8 if depth == 8 else np.uint16)
    shown = opened.rgb / float(np.iinfo(opened.rgb.dtype).max) * 255
    # WebP's subsampled chroma is interpolated differently at the edges of the fields, which are six pixels wide.
    assert np.median(np.abs(shown - as_ffmpeg_shows(pictures / name))) < (6 if name.endswith("webp") else 0.6)
    if alpha:
        assert opened.alpha is not None
        assert (opened.alpha[:, :20] == 0).all()
        assert (opened.alpha[:, 22:] >= np.iinfo(opened.rgb.dtype).max * 0.999).all()


def test_sixteen_bit_codes_are_exact(tmp_path: Path) -> None:
    codes = np.random.default_rng(1).integers(0, 65536, (6, 8, 4), dtype=np.uint16)
    (tmp_path / "raw").write_bytes(codes.tobytes())
    shape = ("-f", "rawvideo", "-pixel_format", "rgba64le", "-video_size", "8x6")
    ffmpeg(*shape, "-i", tmp_path / "raw", tmp_path / "a.png")
    opened = read_image(tmp_path / "a.png", seen(tmp_path / "a.png")[1])
    assert opened.alpha is not None
    assert np.array_equal(np.dstack([opened.rgb, opened.alpha]), codes)


def test_a_damaged_image_is_refused(pictures: Path, tmp_path: Path) -> None:
    data = (pictures / "a.png").read_bytes()
    path = tmp_path / "a.png"
    path.write_bytes(data[:60] + bytes(40) + data[100:])
    with pytest.raises(MediaError) as caught:
        seen(path)
    assert caught.value.finding.code == "media.corrupt"


def test_a_small_file_that_claims_a_huge_size_is_refused(pictures: Path) -> None:
    info = probe(pictures / "a.png")
    vast = info.streams[0].evolve(video=info.streams[0].video.evolve(width=60_000, height=60_000))
    with pytest.raises(MediaError) as caught:
        with_image_details(pictures / "a.png", info.evolve(streams=(vast,)))
    assert caught.value.finding.code == "media.too_large"


def test_an_upscaled_alpha_plane_stays_opaque_where_it_was_and_within_its_neighbours() -> None:
    small = np.zeros((4, 6), np.uint8)
    small[:, 3:] = 255
    wild = np.random.default_rng(2).integers(0, 256, (8, 12)).astype(np.uint8)
    made = bound_alpha(wild, small, 2)
    assert (made[:, :4] == 0).all()
    assert (made[:, 8:] == 255).all()
    assert np.array_equal(made[:, 4:8], wild[:, 4:8])


def test_without_an_alpha_channel_the_image_is_composed_on_white() -> None:
    rgb = np.full((1, 3, 3), 100, np.uint8)
    assert flatten_on_white(rgb, np.array([[0, 255, 128]], np.uint8))[0, :, 0].tolist() == [255, 100, 177]


# --- the plan ----------------------------------------------------------------------------------------------


def picture(**facts: Any) -> MediaInfo:
    known = {"pixel_format": "rgba64be", "bit_depth": 16, "alpha": True, "width": 64, "height": 48} | facts
    return media(cover(0).evolve(video=video(**known).video), container="png_pipe", duration=0.0)


def plan(info: MediaInfo | None = None, **preset_keys: Any) -> ImagePlan:
    preset = Preset(**({"container": "png", "ml_upscale": "esrgan-2x"} | preset_keys))
    return make_image_plan(preset, "test", info or picture())


@pytest.mark.parametrize(
    ("container", "alpha", "depth", "fed", "warnings"),
    [
        ("png", "kept", 16, "rgba64le", []),
        ("tiff", "kept", 16, "rgba64le", []),
        ("webp", "kept", 8, "rgba64le", ["image.depth_lowered"]),
        ("jpg", "on white", 8, "rgb48le", ["image.alpha_dropped", "image.depth_lowered"]),
        ("bmp", "on white", 8, "rgb48le", ["image.alpha_dropped", "image.depth_lowered"]),
    ],
)
def test_depth_and_transparency_are_kept_where_the_format_can_hold_them(
    container: str, alpha: str, depth: int, fed: str, warnings: list[str]
) -> None:
    made = plan(container=container)
    assert (made.alpha, made.bit_depth, made.pixel_format) == (alpha, depth, fed)
    assert [warning.code for warning in made.warnings] == warnings
    assert (made.width, made.height, made.frames, made.extension) == (128, 96, 1, container)


def test_a_rotated_image_is_planned_upright() -> None:
    made = plan(picture(rotation=90))
    assert (made.decoded_width, made.decoded_height, made.width, made.height) == (48, 64, 96, 128)


@pytest.mark.parametrize(
    "info", [media(), media(audio(0), container="mp3"), media(audio(0), cover(1), container="mp3")]
)
def test_a_file_that_is_not_an_image_is_refused_with_its_own_code(info: MediaInfo) -> None:
    with pytest.raises(MediaError) as caught:
        plan(info)
    assert caught.value.finding.code == "media.not_a_picture"
    assert "video" in caught.value.finding.hint


@pytest.mark.parametrize(
    ("container", "width", "height", "bit_depth"),
    [("webp", 8200, 8200, 8), ("jpg", 33_000, 9, 8), ("png", 20_000, 20_000, 8), ("png", 64, 1_048_624, 8),
     ("png", 1, 1_000_000, 8), ("png", 9000, 9000, 8),
     ("tiff", 10_000, 9_500, 16)],
)  # fmt: skip
def test_a_size_that_the_format_or_ffmpeg_cannot_hold_is_refused(
    container: str, width: int, height: int, bit_depth: int
) -> None:
    with pytest.raises(RuleError) as caught:
        plan(picture(width=width, height=height, bit_depth=bit_depth), container=container)
    assert caught.value.finding.code == "image.too_large"


@pytest.mark.parametrize(
    ("preset_keys", "code"),
    [
        ({"processing_mode": "copy"}, "image.copy_mode"),
        ({"pixel_format": "yuv444p"}, "image.key_without_effect"),
        ({"extra_encoder_args": ("-g", "5")}, "image.key_without_effect"),
        ({"container": "jpg", "image_lossless": True}, "image.lossless"),
        ({"rotation": 90}, "image.key_without_effect"),
        ({"crop": {"width": 8, "height": 8}}, "image.key_without_effect"),
        ({"start_time": 1}, "image.key_without_effect"),
        ({"metadata": {"title": "x"}}, "image.key_without_effect"),
    ],
)
def test_keys_without_effect_on_images_are_refused(preset_keys: dict[str, Any], code: str) -> None:
    findings = check_preset(Preset(**({"container": "png"} | preset_keys)))
    assert [finding.code for finding in findings] == [code]
    assert findings[0].hint


@pytest.mark.parametrize("container", ["png", "jpg", "webp", "bmp", "tiff"])
@pytest.mark.parametrize("scale", ["none", "esrgan-2x", "esrgan-3x", "esrgan-4x"])
def test_every_image_container_works_with_every_scale(container: str, scale: str) -> None:
    preset = Preset(container=container, ml_upscale=scale, crf=18, audio_codec="flac")
    assert check_preset(preset) == []
    assert check_tools(preset, frozenset({"png", "mjpeg", "libwebp", "bmp", "tiff"})) == []
    missing = check_tools(preset, frozenset())
    assert [finding.code for finding in missing] == ["encoder.missing"]


@pytest.mark.parametrize(
    ("preset_keys", "words"),
    [
        ({"container": "jpg", "image_quality": 90}, ["mjpeg", "-qmin", "1", "-q:v", "2"]),
        ({"container": "webp", "image_quality": 70}, ["libwebp", "-lossless", "0", "-quality", "70"]),
        ({"container": "webp", "image_lossless": True}, ["libwebp", "-lossless", "1", "-quality", "90"]),
        ({"container": "tiff"}, ["tiff", "-compression_algo", "lzw"]),
    ],
)
def test_quality_is_passed_to_the_encoder(preset_keys: dict[str, Any], words: list[str]) -> None:
    argv = image_command(plan(**preset_keys), FFMPEG, Path("/out/a"))
    at = argv.index("-c:v") + 1
    assert argv[at : at + len(words)] == words


@pytest.mark.parametrize(("quality", "scale"), [(100, 1), (95, 1), (90, 2), (75, 4), (50, 8), (25, 16), (1, 31)])
def test_jpeg_quality_selects_the_usual_quantiser_tables(quality: int, scale: int) -> None:
    assert jpeg_scale(quality) == scale
