"""The rules about video, row by row. The tables are written out here, not read from container_rules.yaml."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from framewatch.documents import Document, validate
from framewatch.errors import ConfigError
from framewatch.media.containers import rules
from framewatch.media.filters.burned_subtitles import escaped, force_style
from framewatch.media.preset.loader import load_file, load_folder_preset
from framewatch.media.preset.preset import Preset
from framewatch.media.preset.subtitle_file import find_subtitle_file
from framewatch.media.rules.preset_rules import check_preset, check_tools
from framewatch.storage.files import identity_of, named_by_user
from framewatch.storage.root import Root


def codes(**preset_keys: Any) -> list[str]:
    return [finding.code for finding in check_preset(Preset(**preset_keys))]


def refused(**preset_keys: Any) -> str:
    """The code of the finding with which the model refuses a document."""
    with pytest.raises(ConfigError) as caught:
        validate(Document(preset_keys), Preset)
    assert caught.value.finding.hint
    return caught.value.finding.code


CROP = {"x": 0, "y": 0, "width": 20, "height": 10}
COPY = {"processing_mode": "copy"}
GIF = {"container": "gif", "video_codec": "gif"}

# Rule, keys, code.
REFUSED = [
    ("2 end", {"start_time": 5, "end_time": 5}, "time.end_before_start"),
    ("2 end", {"end_time": 0}, "time.end_before_start"),
    ("2 size", {"resolution": "custom", "custom_width": 0, "custom_height": 10}, "size.custom"),
    ("2 size", {"resolution": "custom", "custom_width": 10, "custom_height": -2}, "size.custom"),
    ("2 size", {"resolution": "custom", "custom_width": 10, "custom_height": 99999}, "size.custom"),
    ("2 size", {"resolution": "custom"}, "size.custom_missing"),
    ("2 size", {"resolution": "custom", "custom_width": -1, "custom_height": -1}, "size.custom_missing"),
    ("2 size", {"output_height": 0}, "size.output"),
    ("2 size", {"output_width": -1}, "size.output"),
    ("two sizes", {"resolution": "720p", "output_height": 480}, "size.two_targets"),
    ("crop", {"crop": CROP | {"width": 0}}, "crop.invalid"),
    ("crop", {"crop": CROP | {"x": -1}}, "crop.invalid"),
    ("preserve", {"frame_timing": "preserve", "fps": 25}, "timing.preserve_fps"),
    ("6 gif", GIF | {"pixel_format": "yuv420p"}, "container.no_pixel_format"),
    ("6 copy", COPY | {"pixel_format": "yuv420p"}, "mode.copy_pixel_format"),
    ("4 gif", GIF | {"ml_upscale": "esrgan-2x"}, "container.upscale_needs_video"),
    ("7 gif", COPY | GIF, "mode.copy_gif"),
    ("7 burned", COPY | {"subtitle_burn_path": "a.srt"}, "mode.copy_burned_subtitles"),
    ("7 rotate", COPY | {"rotation": 90}, "mode.copy_turn"),
    ("7 flip", COPY | {"flip_horizontal": True}, "mode.copy_turn"),
    ("7 flip", COPY | {"flip_vertical": True}, "mode.copy_turn"),
    ("7 crop", COPY | {"crop": CROP}, "mode.copy_crop"),
    ("7 resolution", COPY | {"resolution": "720p"}, "mode.copy_resolution"),
    ("7 resolution", COPY | {"output_height": 720}, "mode.copy_resolution"),
    ("7 fps", COPY | {"fps": 25}, "mode.copy_fps"),
    ("7 hw", COPY | {"hw_decode": True}, "mode.copy_hw_decode"),
    ("7 filters", COPY | {"grayscale": True}, "mode.copy_filters"),
    ("7 filters", COPY | {"deinterlace": "auto"}, "mode.copy_filters"),
    ("10", GIF | {"gif_colors": 1}, "gif.colors"),
    ("10", GIF | {"gif_colors": 257}, "gif.colors"),
    ("burned", {"subtitle_burn_path": "passwords.txt"}, "subtitle.burn_kind"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "preset_keys", "code"), REFUSED)
def test_each_rule_refuses_a_preset_with_its_own_code(rule: str, preset_keys: Any, code: str) -> None:
    found = check_preset(Preset(**preset_keys))
    assert [finding.code for finding in found] == [code], rule
    assert found[0].hint
    assert found[0].where


@pytest.mark.parametrize(
    "preset_keys",
    [
        {"crop": CROP | {"enabled": False, "width": 0}}, {"resolution": "custom", "custom_height": 100},
        {"custom_width": 0}, {"start_time": 1}, {"end_time": 1}, COPY | {"start_time": 1},
        COPY | {"frame_timing": "preserve"}, GIF | {"gif_colors": 2}, GIF | {"gif_colors": 256}, GIF,
        GIF | {"frame_timing": "preserve"}, {"subtitle_burn_path": "a.ASS"}, {"hw_decode": True},
    ],
)  # fmt: skip
def test_valid_presets_are_accepted(preset_keys: Any) -> None:
    assert codes(**preset_keys) == []


@pytest.mark.parametrize(
    ("preset_keys", "code"),
    [
        ({"start_time": "soon"}, "time.unreadable"), ({"end_time": "1:75"}, "time.unreadable"),
        ({"start_time": -1}, "time.unreadable"), ({"end_time": True}, "time.unreadable"),
        ({"start_time": "1:2:3:4"}, "time.unreadable"), ({"fps": 0}, "timing.fps"), ({"fps": 241}, "timing.fps"),
        ({"fps": "fast"}, "timing.fps"), ({"fps": "25/0"}, "timing.fps"), ({"rotation": 45}, "config.bad_value"),
        ({"scaling_algorithm": "cubic"}, "config.bad_value"), ({"gif_dither": "sierra"}, "config.bad_value"),
        ({"resolution": "4k"}, "config.bad_value"), ({"subtitle_font_color": "red"}, "config.bad_value"),
        ({"subtitle_font_size": 7}, "config.bad_value"), ({"subtitle_font_size": 121}, "config.bad_value"),
        ({"subtitle_font_name": "a,Bold=1"}, "config.bad_value"), ({"brightness": 1.1}, "config.bad_value"),
        ({"crop": {"widht": 1}}, "config.unknown_key"), ({"gif_loop": -1}, "config.bad_value"),
    ],
)  # fmt: skip
def test_the_model_refuses_meaningless_values(preset_keys: Any, code: str) -> None:
    assert refused(**preset_keys) == code


@pytest.mark.parametrize(
    ("key", "written", "meant"),
    [
        ("start_time", 90, 90.0), ("start_time", "1:30", 90.0), ("start_time", "01:02:03.250", 3723.25),
        ("end_time", "0.04", 0.04), ("end_time", "", None), ("fps", "25", Fraction(25)),
        ("fps", 23.976, Fraction(24000, 1001)), ("fps", "23.98", Fraction(24000, 1001)),
        ("fps", 29.97, Fraction(30000, 1001)), ("fps", 24, Fraction(24)), ("fps", 12.5, Fraction(25, 2)),
        ("fps", "", "original"), ("rotation", "90", 90), ("custom_width", "1280", 1280), ("custom_width", "", None),
        ("deinterlace", True, "on"), ("deinterlace", False, "off"), ("subtitle_font_color", "#ff8000", "#FF8000"),
        ("subtitle_burn_path", "", None),
    ],
)  # fmt: skip
def test_values_are_accepted_as_people_and_frame_write_them(key: str, written: Any, meant: Any) -> None:
    preset = validate(Document({key: written}), Preset)
    assert getattr(preset, key) == meant
    assert Preset.model_validate_json(preset.model_dump_json()) == preset


def test_camel_case_keys_of_frame_give_the_same_preset() -> None:
    frame = {
        "customWidth": "640", "customHeight": "-1", "scalingAlgorithm": "lanczos", "startTime": "00:00:10",
        "flipHorizontal": True, "subtitleBurnPath": "a.srt", "subtitleFontColor": "#FFFFFF", "hwDecode": True,
        "gifColors": 128, "gifDither": "bayer", "crop": {"enabled": True, "x": 0, "y": 0, "width": 9, "height": 9},
    }  # fmt: skip
    ours = {
        "custom_width": 640, "custom_height": -1, "scaling_algorithm": "lanczos", "start_time": 10,
        "flip_horizontal": True, "subtitle_burn_path": "a.srt", "subtitle_font_color": "#FFFFFF", "hw_decode": True,
        "gif_colors": 128, "gif_dither": "bayer", "crop": {"x": 0, "y": 0, "width": 9, "height": 9},
    }  # fmt: skip
    assert validate(Document(frame), Preset) == validate(Document(ours), Preset)


def test_hardware_decoding_needs_support_in_ffmpeg() -> None:
    there = frozenset({"h264_nvenc", "hevc_videotoolbox", "aac"})
    preset = Preset(video_codec="h264_nvenc", hw_decode=True)
    (finding,) = check_tools(preset, there, frozenset({"vaapi"}))
    assert (finding.code, finding.where) == ("decode.no_hardware", "hw_decode")
    assert check_tools(preset, there, frozenset({"cuda"})) == []
    software = Preset(
        video_codec="libx264", ml_upscale="esrgan-2x", hw_decode=True
    )  # decodes with this system's usual hardware
    assert check_tools(software, frozenset({"libx264", "aac"}), frozenset()) == []
    apple = Preset(video_codec="hevc_videotoolbox", hw_decode=True)
    assert [each.code for each in check_tools(apple, there, frozenset({"cuda"}))] == ["decode.no_hardware"]


# Transport streams.
TRANSPORT = {
    "libx264": ("yuv420p",), "libx265": ("yuv420p", "yuv420p10le"), "mpeg2video": ("yuv420p", "yuv422p"),
    "h264_nvenc": ("yuv420p",), "hevc_nvenc": ("yuv420p", "yuv420p10le"), "h264_videotoolbox": ("yuv420p",),
    "hevc_videotoolbox": ("yuv420p", "yuv420p10le"),
}  # fmt: skip


@pytest.mark.parametrize("container", ["m2t", "mts", "m2ts"])
@pytest.mark.parametrize("encoder", TRANSPORT)
def test_transport_streams_take_fewer_pixel_formats(container: str, encoder: str) -> None:
    assert rules().pixel_formats(container, encoder) == TRANSPORT[encoder]


# --- the subtitle file ---------------------------------------------------------------------------------------


def test_a_subtitle_file_is_searched_beside_the_preset_and_then_beside_the_video(tmp_path: Path) -> None:
    presets, videos = tmp_path / "presets", tmp_path / "videos"
    for folder in (presets, videos):
        folder.mkdir()
    (presets / "p.yaml").write_text("subtitle_burn_path: a.srt")
    (videos / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHi\n")
    film = named_by_user(videos / "film.mkv")
    found, findings = find_subtitle_file(load_file(presets / "p.yaml").preset, film)
    assert found
    assert (found.path, findings) == (videos / "a.srt", [])
    (presets / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHi\n")
    found, findings = find_subtitle_file(load_file(presets / "p.yaml").preset, film)
    assert found
    assert (found.path, findings) == (presets / "a.srt", [])


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "subtitle.burn_missing"), (b"", "subtitle.burn_kind"), (b"Gr\xfc\xdfe", "subtitle.burn_encoding")],
)
def test_an_unusable_subtitle_file_is_refused(content: bytes | None, code: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "a.srt").write_bytes(content)
    path, (finding,) = find_subtitle_file(Preset(subtitle_burn_path="a.srt"), named_by_user(tmp_path / "film.mkv"))
    assert (path, finding.code) == (None, code)
    assert finding.hint


def test_a_subtitle_file_that_is_a_symlink_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real.srt").write_text("secret")
    (tmp_path / "a.srt").symlink_to(tmp_path / "real.srt")
    (tmp_path / "linked").symlink_to(tmp_path)
    for path in ("a.srt", "linked/real.srt"):
        found, (finding,) = find_subtitle_file(Preset(subtitle_burn_path=path), named_by_user(tmp_path / "film.mkv"))
        assert (found, finding.code) == (None, "subtitle.burn_kind")


def test_a_subtitle_file_that_the_administrator_names_by_an_absolute_path_may_be_a_link(tmp_path: Path) -> None:
    words = tmp_path / "real.srt"
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\nHi\n")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.srt").symlink_to("../real.srt")
    preset = Preset(subtitle_burn_path=str(tmp_path / "links" / "a.srt"))
    found, findings = find_subtitle_file(preset, named_by_user(tmp_path / "film.mkv"))
    assert found
    assert (found.path, found.identity, findings) == (words, identity_of(words.stat()), [])
    (tmp_path / "links").chmod(0o777)  # now anybody may have put it there
    found, (finding,) = find_subtitle_file(preset, named_by_user(tmp_path / "film.mkv"))
    assert (found, finding.code) == (None, "subtitle.burn_missing")


@pytest.mark.parametrize("path", ["/home/someone/a.srt", "../a.srt", "sub/../../a.srt"])
def test_a_preset_in_a_watched_folder_cannot_name_files_outside_it(path: str, tmp_path: Path) -> None:
    preset = tmp_path / "framewatch-preset.yaml"
    preset.write_text(f"subtitle_burn_path: {path}")
    with pytest.raises(ConfigError) as caught:
        load_folder_preset(Root(tmp_path))
    assert caught.value.finding.code == "preset.outside_path"


def test_the_style_of_subtitles_is_passed_as_ass_style() -> None:
    preset = Preset(
        subtitle_font_name="DejaVu Sans", subtitle_font_size=30, subtitle_font_color="#FF8001",
        subtitle_outline_color="#102030", subtitle_position="top",
    )  # fmt: skip
    assert force_style(preset) == (
        "FontName=DejaVu Sans,FontSize=30,PrimaryColour=&H000180FF,OutlineColour=&H00302010,Alignment=6"
    )
    assert force_style(Preset()) == ""


def test_a_value_is_escaped_for_the_filter_and_the_filter_chain() -> None:
    assert escaped("/a b/it's [1], x;y:z\\.srt") == r"/a b/it\\\'s \[1\]\, x\;y\\:z\\\\.srt"
