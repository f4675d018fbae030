"""Chroma stays where it is in the picture, wherever source and output have its samples.

Sources hold a smooth spot of colour at a known place. It is looked for in U and V of the output, where libav says
that they lie.
"""

from __future__ import annotations

import struct
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import av
import pytest

from blobs import SHARES, SIZE, found_spots, rgb_spot, spot_source, stated_siting
from fake_engines import PlanesEngine
from framewatch.domain import Edges, Video
from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.probe import probe
from framewatch.render.task_handlers import RenderHandlers
from framewatch.upscale.identity import IdentityEngine
from full_run import process
from media_factory import ffmpeg
from property_samples import box, with_boxes

X264 = ("-c:v", "libx264", "-qp", "0", "-preset", "ultrafast")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "lossless=1:log-level=none")
PLANES = ("left", "center", "topleft", "top", "bottomleft", "bottom", "hdr", "mpeg1")
VP9 = ("-c:v", "libvpx-vp9", "-lossless", "1")
NETWORK = {"ml_upscale": "esrgan-2x"}
FULL_RANGE = ("-vf", "setparams=range=full")

# By name: pixel format, siting, the file's extension, and how it is encoded.
SOURCES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    **{name: ("yuv420p", name, "mkv", (*X264, "-chroma_sample_location", name)) for name in SHARES},
    "full": ("yuv420p", "center", "mkv", (*FULL_RANGE, *X264, "-chroma_sample_location", "center")),
    "hdr": ("yuv420p10le", "topleft", "mp4", (*X265, "-chroma_sample_location", "topleft")),
    "422": ("yuv422p", "left", "mkv", X264),
    "422 10": ("yuv422p10le", "left", "mkv", X264),
    "444": ("yuv444p", "left", "mkv", X264),
    "mpeg1": ("yuv420p", "center", "mpg", ("-c:v", "mpeg1video", "-q:v", "1")),
    "mjpeg": ("yuvj420p", "center", "avi", ("-c:v", "mjpeg", "-q:v", "1")),
    "mjpeg 422": ("yuvj422p", "center", "avi", ("-c:v", "mjpeg", "-q:v", "1")),
    "411": ("yuv411p", "left", "mkv", ("-c:v", "ffv1")),
    "440": ("yuv440p", "left", "mkv", ("-c:v", "ffv1")),
    "unstated": ("yuv420p", "left", "mkv", ("-c:v", "ffv1")),
    "vp9": ("yuv420p", "topleft", "webm", (*VP9, "-chroma_sample_location", "topleft")),
    "jpg": ("yuvj420p", "center", "jpg", ("-c:v", "mjpeg", "-q:v", "1")),
    "jpg 422": ("yuvj422p", "center", "jpg", ("-c:v", "mjpeg", "-q:v", "1")),
    "jpg 440": ("yuvj440p", "center", "jpg", ("-c:v", "mjpeg", "-q:v", "1")),
    "jpg 444": ("yuvj444p", "left", "jpg", ("-c:v", "mjpeg", "-q:v", "1")),
    "webp": ("yuv420p", "center", "webp", ("-c:v", "libwebp", "-lossless", "0", "-quality", "100")),
    "png": ("yuv444p", "left", "png", ("-c:v", "png")),
}  # fmt: skip
IMAGES = ("jpg", "webp", "png")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("spots")

    @cache
    def made(name: str) -> tuple[Path, tuple[tuple[float, float], ...]]:
        """A source and where its spot is in U and V, which a lossy encoder moves a little."""
        pixel_format, siting, extension, coded = SOURCES[name]
        frames = 1 if extension in IMAGES else 3
        path = spot_source(folder / f"{name}.{extension}", pixel_format, siting, coded, frames=frames)
        return path, (rgb_spot(path),) if extension == "png" else tuple(found_spots(path, siting))

    return made


def off(spots: list[tuple[float, float]], wanted: list[tuple[float, float]]) -> float:
    """How far spots are off at most, in pixels along an axis."""
    wanted = wanted if len(wanted) > 1 else wanted * len(spots)
    return max(
        abs(a - b) for found, right in zip(spots, wanted, strict=True) for a, b in zip(found, right, strict=True)
    )


def video_of(path: Path) -> Video:
    video = require_video(probe(path)).video
    assert video
    return video


@pytest.mark.parametrize("name", [name for name, (_, _, extension, _) in SOURCES.items() if extension not in IMAGES])
def test_the_network_leaves_colours_where_they_are(source: Any, tmp_path: Path, name: str) -> None:
    clip, spots = source(name)
    made = process(clip, tmp_path / "work", container="mkv", **NETWORK).result
    assert off(found_spots(made), [(2 * x, 2 * y) for x, y in spots]) <= 0.1  # 0.05 of a chroma sample
    same = "420" in SOURCES[name][0]
    assert stated_siting(made) == (SOURCES[name][1] if same else "left")


@pytest.mark.parametrize("name", PLANES)
def test_planes_through_the_network_leave_colours_where_they_are(
    source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    engine = PlanesEngine(IdentityEngine())
    monkeypatch.setattr("full_run.RenderHandlers", partial(RenderHandlers, engines={"identity": engine}))
    clip, spots = source(name)
    made = process(clip, tmp_path / "work", container="mkv", **NETWORK).result
    assert [shape.yuv is not None for shape in engine.shapes] == [True]
    assert off(found_spots(made), [(2 * x, 2 * y) for x, y in spots]) <= 0.1
    assert stated_siting(made) == SOURCES[name][1]


def test_planes_for_an_encoder_that_cannot_state_the_siting_come_out_left_sited(
    source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = PlanesEngine(IdentityEngine())
    monkeypatch.setattr("full_run.RenderHandlers", partial(RenderHandlers, engines={"identity": engine}))
    clip, spots = source("topleft")
    made = process(clip, tmp_path / "work", container="mkv", video_codec="vp9", **NETWORK).result
    assert [shape.yuv is not None for shape in engine.shapes] == [True]
    assert off(found_spots(made, "left"), [(2 * x, 2 * y) for x, y in spots]) <= 0.1


@pytest.mark.parametrize(
    ("name", "keys", "stated"),
    [
        ("center", {"video_codec": "libx265"}, "center"),
        ("topleft", {"video_codec": "libx265", "container": "mp4"}, "topleft"),
        ("hdr", {"video_codec": "libsvtav1", "preset": "superfast"}, "topleft"),
        ("center", {"video_codec": "libsvtav1", "preset": "superfast"}, "left"),
        ("topleft", {"video_codec": "vp9", "container": "webm", "audio_codec": "libopus"}, "left"),
        ("center", {"video_codec": "prores", "container": "mov"}, "left"),
        ("mjpeg", {"pixel_format": "yuv444p"}, "left"),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("network", [True, False], ids=["network", "transcode"])
def test_an_encoder_that_cannot_state_the_siting_gets_left_sited_chroma(
    source: Any, tmp_path: Path, name: str, keys: dict[str, Any], stated: str, network: bool
) -> None:
    clip, spots = source(name)
    rate = {} if keys["video_codec" if "video_codec" in keys else "pixel_format"] == "prores" else {"crf": 2}
    fast = {"preset": "ultrafast"} if rate else {"preset": "medium"}
    by_network = NETWORK if network else {}
    made = process(clip, tmp_path / "work", **({"container": "mkv", **fast, **rate} | keys | by_network)).result
    scale = 2 if network else 1
    assert off(found_spots(made), [(scale * x, scale * y) for x, y in spots]) <= 0.1
    assert stated_siting(made) == stated
    assert stated_siting(made) == video_of(made).siting


@pytest.mark.parametrize(
    ("name", "args", "stated"),
    [
        ("left", ("libx265", "-x265-params", "chromaloc=5:chromaloc=2"), "topleft"),
        ("center", ("libx265", "-x265-params", "chromaloc=0"), "left"),
        ("topleft", ("libsvtav1", "-svtav1-params", "chroma-sample-position=left"), "left"),
        ("left", ("libsvtav1", "-svtav1-params", "chroma-sample-position=colocated"), "topleft"),
        ("topleft", ("libsvtav1", "-svtav1-params", "chroma-sample-position=0"), "left"),
    ],
)
@pytest.mark.parametrize("network", [True, False], ids=["network", "transcode"])
def test_a_siting_that_the_preset_states_holds_for_the_pixels(
    source: Any, tmp_path: Path, name: str, args: tuple[str, str, str], stated: str, network: bool
) -> None:
    (clip, spots), (encoder, *extra) = source(name), args
    keys = {"video_codec": encoder, "extra_encoder_args": extra, "preset": "superfast", "crf": 2, "container": "mkv"}
    made = process(clip, tmp_path / "work", **keys, **(NETWORK if network else {})).result
    scale = 2 if network else 1
    assert stated_siting(made) == stated
    assert off(found_spots(made), [(scale * x, scale * y) for x, y in spots]) <= 0.1


CROP = {"enabled": True, "x": 3, "y": 5, "width": 70, "height": 50}
SHAPES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "mirrored": {"flip_horizontal": True},
    "upside down": {"flip_vertical": True},
    "turned": {"rotation": "90"},
    "cropped": {"crop": CROP},
    "scaled": {"output_width": 72},
    "4:4:4": {"pixel_format": "yuv444p"},
    "4:2:2": {"pixel_format": "yuv422p"},
}


def shaped(spot: tuple[float, float], shape: str) -> tuple[float, float]:
    x, y = spot
    if shape == "mirrored":
        return SIZE[0] - x, y
    if shape == "upside down":
        return x, SIZE[1] - y
    if shape == "turned":
        return SIZE[1] - y, x
    if shape == "cropped":
        return x - CROP["x"], y - CROP["y"]
    return (x * 0.75, y * 0.75) if shape == "scaled" else spot


@pytest.mark.parametrize(("shape", "name"), [*product(SHAPES, ["left", "hdr", "422", "444"])])
def test_without_the_network_colours_stay_too(source: Any, tmp_path: Path, shape: str, name: str) -> None:
    clip, spots = source(name)
    made = process(clip, tmp_path / "work", container="mkv", **SHAPES[shape]).result
    assert off(found_spots(made), [shaped(spot, shape) for spot in spots]) <= 0.1


@pytest.mark.parametrize("shape", ["mirrored", "turned", "cropped"])
@pytest.mark.parametrize("name", ["left", "center", "hdr"])
def test_the_network_gets_shaped_frames_with_their_colours_in_place(
    source: Any, tmp_path: Path, shape: str, name: str
) -> None:
    clip, spots = source(name)
    made = process(clip, tmp_path / "work", container="mkv", **NETWORK, **SHAPES[shape]).result
    assert off(found_spots(made), [(2 * x, 2 * y) for x, y in (shaped(spot, shape) for spot in spots)]) <= 0.1


@pytest.mark.parametrize("network", [True, False], ids=["network", "transcode"])
@pytest.mark.parametrize("turn", ["90", "180", "270", "mirrored"])
@pytest.mark.parametrize("name", ["left", "topleft"])
def test_frames_that_players_turn_or_mirror_keep_their_colours(
    source: Any, tmp_path: Path, name: str, turn: str, network: bool
) -> None:
    clip, spots = source(name)
    turned = tmp_path / "turned.mp4"
    how = ("-display_hflip",) if turn == "mirrored" else ("-display_rotation", f"-{turn}")
    ffmpeg(*how, "-i", clip, "-c", "copy", turned)
    assert (video_of(turned).mirrored, video_of(turned).rotation) != (False, 0)
    made = process(turned, tmp_path / "work", container="mkv", **(NETWORK if network else {})).result
    (width, height), scale = SIZE, 2 if network else 1
    places = {
        "90": lambda x, y: (height - y, x),
        "180": lambda x, y: (width - x, height - y),
        "270": lambda x, y: (y, width - x),
        "mirrored": lambda x, y: (width - x, y),
    }
    wanted = [places[turn](x, y) for x, y in spots]
    assert off(found_spots(made), [(scale * x, scale * y) for x, y in wanted]) <= 0.1


@pytest.mark.parametrize("turn", ["", "90", "mirrored"])
@pytest.mark.parametrize("name", ["left", "topleft"])
def test_an_odd_hidden_edge_is_cut_off_to_the_pixel(source: Any, tmp_path: Path, name: str, turn: str) -> None:
    clip, spots = source(name)
    hidden, (width, height) = tmp_path / "hidden.mp4", SIZE
    how = {"": (), "90": ("-display_rotation", "-90"), "mirrored": ("-display_hflip",)}[turn]
    ffmpeg(*how, "-i", clip, "-c", "copy", hidden)
    with_boxes(hidden, box(b"clap", struct.pack(">8i", width - 6, 1, height - 10, 1, 0, 1, 0, 1)))  # 3 and 5 a side
    assert video_of(hidden).hidden == Edges(left=3, right=3, top=5, bottom=5)
    made = process(hidden, tmp_path / "work", container="mkv").result
    places = {
        "": lambda x, y: (x - 3, y - 5),
        "90": lambda x, y: (height - y - 5, x - 3),
        "mirrored": lambda x, y: (width - x - 3, y - 5),
    }
    assert off(found_spots(made), [places[turn](x, y) for x, y in spots]) <= 0.1


@pytest.mark.parametrize(
    ("name", "container", "kept"),
    [
        ("vp9", "mkv", True),
        ("vp9", "mp4", False),
        ("topleft", "mp4", True),
        ("mpeg1", "mkv", True),
        ("411", "mkv", True),
    ],
)
def test_a_copy_keeps_the_siting_or_says_that_it_is_lost(
    source: Any, tmp_path: Path, name: str, container: str, kept: bool
) -> None:
    clip, _ = source(name)
    keys: dict[str, Any] = {"processing_mode": "copy", "container": container}
    made = process(clip, tmp_path / "work", **keys)
    assert (video_of(made.result).siting == video_of(clip).siting) is kept
    assert [each.code for each in made.warnings if "siting" in each.code] == (
        [] if kept else ["video.siting_dropped"]
    )


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        *((name, {"container": "png"}) for name in ("jpg", "jpg 422", "jpg 440", "jpg 444", "webp", "png")),
        *((name, {"container": "jpg", "image_quality": 100}) for name in ("jpg", "png")),
        *((name, {"container": "jpg", "image_quality": 89}) for name in ("jpg", "webp", "png")),
        *((name, {"container": "webp", "image_quality": 100}) for name in ("jpg", "png")),
    ],
    ids=str,
)
@pytest.mark.parametrize("scale", [1, 2])
def test_pictures_keep_their_colours_in_place(
    source: Any, tmp_path: Path, name: str, keys: dict[str, Any], scale: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("full_run.FAST", {})
    picture, spots = source(name)
    made = process(picture, tmp_path / "work", **keys, **(NETWORK if scale == 2 else {})).result
    with av.open(str(made)) as container:
        pixel_format = container.streams.video[0].format.name
    centred = [found_spots(made, "center")] if "420" in pixel_format else []
    found = centred[0] if centred else [rgb_spot(made)]
    coarse = 0.2 if keys["container"] != "png" else 0.1  # blocks of JPEG and WebP move the spot by some of it
    assert off(found, [(scale * x, scale * y) for x, y in middle(spots, found)]) <= coarse * scale


def middle(spots: tuple[tuple[float, float], ...], found: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where blue is seen, which U alone decides, or both planes."""
    return list(spots) if len(spots) == len(found) else [spots[0]]
