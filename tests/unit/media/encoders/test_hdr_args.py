"""HDR10 static metadata: which values are accepted, and how encoders get them."""

from __future__ import annotations

import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framewatch.domain import Hdr, MasteringDisplay
from framewatch.media.encoders.hdr_args import hdr_warnings, left_to_container, with_hdr
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.hdr_metadata import light_level, mastering_display

# Red, green, blue and white, then luminance, as numerators and denominators; then which parts are present.
COLOURS = [
    34000,
    50000,
    16000,
    50000,
    13250,
    50000,
    34500,
    50000,
    7500,
    50000,
    3000,
    50000,
    15635,
    50000,
    16450,
    50000,
]
WHOLE = [*COLOURS, 1, 10000, 10000000, 10000, 1, 1]
INTS = st.integers(-(2**31), 2**31 - 1) | st.integers(0, 50_000)


def display(values: list[int]) -> MasteringDisplay | None:
    return mastering_display(struct.pack("22i", *values))


def changed(place: int, value: int) -> list[int]:
    return [*WHOLE[:place], value, *WHOLE[place + 1 :]]


def hdr(light: tuple[int, int] | None = (1000, 400)) -> Hdr:
    return Hdr(mastering=display(WHOLE), light=light)


@pytest.mark.parametrize(
    "values",
    [
        changed(1, 0), changed(1, -50000), changed(0, -1), changed(0, 0), changed(0, 37001), changed(2, 42001),
        changed(0, 2**31 - 1), changed(12, 0), changed(20, 0),
    ],
)  # fmt: skip
def test_impossible_display_colours_are_ignored(values: list[int]) -> None:
    assert display(WHOLE) is not None
    assert display(values) == MasteringDisplay(luminance=(Fraction(1, 10000), Fraction(1000)))


@pytest.mark.parametrize(
    "values",
    [
        changed(17, 0), changed(19, 0), changed(16, -1), changed(18, 0), changed(18, 1), changed(18, 100_000_001),
        changed(18, 2**31 - 1), changed(21, 0),
    ],
)  # fmt: skip
def test_impossible_luminance_is_ignored(values: list[int]) -> None:
    believed = display(WHOLE)
    assert believed is not None
    assert display(values) == believed.evolve(luminance=None)


def test_empty_metadata_is_none() -> None:
    assert display([0] * 22) is None


@pytest.mark.parametrize("data", [b"", b"\0" * 87, struct.pack("22i", *WHOLE)[:-1]])
def test_a_truncated_record_is_ignored(data: bytes) -> None:
    assert mastering_display(data) is None


@pytest.mark.parametrize(
    ("values", "light"),
    [
        ((1000, 400), (1000, 400)), ((0, 0), None), ((0, 400), (0, 400)), ((65535, 1), (65535, 1)),
        ((65536, 1), None), ((1, 2**32 - 1), None),
    ],
)  # fmt: skip
def test_a_light_level_must_fit_16_bits(values: tuple[int, int], light: tuple[int, int] | None) -> None:
    assert light_level(struct.pack("2I", *values)) == light
    assert light_level(struct.pack("2I", *values)[:7]) is None


@given(st.lists(INTS, min_size=22, max_size=22))
def test_every_accepted_display_can_be_written(values: list[int]) -> None:
    found = display(values)
    if found is not None:
        assert found.colours or found.luminance
        for codec in ("libx264", "libx265", "libsvtav1"):
            assert with_hdr([], codec, Hdr(mastering=found)) or codec == "libsvtav1"


STEPS = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
DECIMAL = (
    "G(0.265000000,0.690000000)B(0.150000000,0.060000000)R(0.680000000,0.320000000)"
    "WP(0.312700000,0.329000000)L(1000.000000000,0.000100000)"
)


@pytest.mark.parametrize(
    ("codec", "args", "made"),
    [
        ("libx265", ["-x265-params", "log-level=error"],
         ["-x265-params", f"log-level=error:master-display={STEPS}:max-cll=1000,400"]),
        ("libx265", ["-x265-params", "log-level=error", "-crf", "20", "-x265-params:v:0", "sao=0:max-cll=1,1"],
         ["-x265-params", "log-level=error", "-crf", "20",
          "-x265-params:v:0", f"sao=0:max-cll=1,1:master-display={STEPS}"]),
        ("libx264", ["-crf", "1"],
         ["-crf", "1", "-x264-params:v:0", f"mastering-display={STEPS}:cll=1000,400"]),
        ("libx264", ["-x264opts:v:0", "cll=5,4"],
         ["-x264opts:v:0", "cll=5,4", "-x264-params:v:0", f"mastering-display={STEPS}"]),
        ("libx264", ["-x264-params:v:0", "ref=2", "-x264opts:v:0", "mastering-display=x"],
         ["-x264-params:v:0", "ref=2:cll=1000,400", "-x264opts:v:0", "mastering-display=x"]),
        ("libsvtav1", ["-svtav1-params:v:0", "tune=0"],
         ["-svtav1-params:v:0", f"tune=0:mastering-display={DECIMAL}:content-light=1000,400"]),
        ("libx265", ["-x265-params", "max-cll=1:master-display=x"], ["-x265-params", "max-cll=1:master-display=x"]),
        ("vp9", ["-crf", "20"], ["-crf", "20"]),
    ],
)  # fmt: skip
def test_an_encoder_gets_the_metadata_as_parameters_unless_the_preset_sets_them(
    codec: str, args: list[str], made: list[str]
) -> None:
    assert with_hdr(args, codec, hdr()) == made
    assert with_hdr(args, codec, None) == args


@pytest.mark.parametrize("codec", ["h264_nvenc", "hevc_nvenc", "hevc_videotoolbox"])
def test_the_warning_names_an_encoder_that_cannot_signal_hdr(codec: str) -> None:
    preset = Preset.model_validate({"video_codec": codec, "container": "m2t", "ml_upscale": "esrgan-2x"})
    (finding,) = hdr_warnings(preset, hdr(), "video track 1")
    assert (finding.code, finding.where) == ("video.hdr_metadata_dropped", "video track 1")
    assert codec in finding.message
    assert hdr_warnings(preset, None, "") == []


@pytest.mark.parametrize("codec", ["h264_nvenc", "hevc_nvenc", "av1_nvenc", "hevc_videotoolbox", "vp9", "prores"])
def test_what_an_encoder_cannot_signal_is_left_to_a_container_that_can(codec: str) -> None:
    preset = Preset.model_validate({"video_codec": codec, "container": "mkv", "ml_upscale": "esrgan-2x"})
    assert left_to_container(codec, hdr()) == hdr()
    assert hdr_warnings(preset, hdr(), "") == []


def test_svt_av1_leaves_an_average_without_a_maximum_to_the_container() -> None:
    assert left_to_container("libsvtav1", hdr((0, 400))) == Hdr(light=(0, 400))
    assert left_to_container("libsvtav1", hdr((400, 0))) is None
    assert left_to_container("libsvtav1", None) is None


def test_metadata_goes_through_json_unchanged() -> None:
    assert Hdr.model_validate_json(hdr().model_dump_json()) == hdr()
