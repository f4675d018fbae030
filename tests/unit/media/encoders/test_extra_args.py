"""The options that a preset adds for the encoder: which are allowed, and which never are."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framewatch.media.commands import ffmpeg_commands
from framewatch.media.encoders.extra_args import check_extra_args, for_first_video
from framewatch.media.preset.preset import Preset
from framewatch.media.rules.preset_rules import check_preset
from media_samples import FFMPEG, frames_of, plan_of, render


@pytest.mark.parametrize(
    ("codec", "args"),
    [
        ("libx264", ["-tune", "animation"]),
        ("libx264", ["-tune:v", "film", "-g:v:0", 240, "-bf", 3]),
        ("libx264", ["-maxrate", "20M", "-bufsize", "40M", "-profile", "high"]),
        ("libx264", ["-deblock", "-1:-1", "-psy-rd", "1.0:0.15"]),
        ("libx264", ["-x264-params", "rc-lookahead=60:ref=6:no-fast-pskip=1:deblock=-1,-1"]),
        ("libx265", ["-x265-params", "aq-mode=3:sao=0:master-display=G(13250,34500)B(7500,3000)L(10000,1)"]),
        ("libsvtav1", ["-svtav1-params", "tune=0:film-grain=8"]),
        ("vp9", ["-tile-columns", 2, "-auto-alt-ref", 1, "-lag-in-frames", 25]),
        ("hevc_nvenc", ["-multipass", "fullres", "-rc-lookahead", 32, "-b_ref_mode", "middle"]),
        ("hevc_videotoolbox", ["-realtime", "false"]),
        ("prores", ["-bits_per_mb", 8000]),
    ],
)
def test_options_of_encoders_are_allowed(codec: str, args: list[object]) -> None:
    preset = Preset.model_validate({"video_codec": codec, "container": "mkv", "extra_encoder_args": args})
    assert check_preset(preset) == []


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["-i", "/etc/passwd"], "extra_args.not_allowed"),
        (["-map", "0"], "extra_args.not_allowed"),
        (["-f", "mpegts"], "extra_args.not_allowed"),
        (["-y", "x"], "extra_args.not_allowed"),
        (["-vf", "movie=x"], "extra_args.not_allowed"),
        (["-filter:v:0", "scale=1:1"], "extra_args.not_allowed"),
        (["-filter_complex", "x"], "extra_args.not_allowed"),
        (["-attach", "x"], "extra_args.not_allowed"),
        (["-passlogfile", "x"], "extra_args.not_allowed"),
        (["-pass", "2"], "extra_args.not_allowed"),
        (["-stats", "x"], "extra_args.not_allowed"),
        (["-vstats_file", "x"], "extra_args.not_allowed"),
        (["-progress", "x"], "extra_args.not_allowed"),
        (["-protocol_whitelist", "file,http"], "extra_args.not_allowed"),
        (["-metadata", "title=x"], "extra_args.not_allowed"),
        (["-init_hw_device", "x"], "extra_args.not_allowed"),
        (["-bsf:v", "x"], "extra_args.not_allowed"),
        (["-preset", "slow"], "extra_args.not_allowed"),
        (["-crf", "5"], "extra_args.not_allowed"),
        (["-g:a", "5"], "extra_args.not_an_option"),
        (["-g:v:1", "5"], "extra_args.not_an_option"),
        (["output.mp4"], "extra_args.not_an_option"),
        (["tcp://host:1"], "extra_args.not_an_option"),
        (["-", "x"], "extra_args.not_an_option"),
        (["--g", "x"], "extra_args.not_an_option"),
        (["-/g", "x"], "extra_args.not_an_option"),
        (["-g", "5", "/tmp/x"], "extra_args.not_an_option"),
        (["-g"], "extra_args.no_value"),
        (["-tune", "/etc/passwd"], "extra_args.bad_value"),
        (["-tune", "file:x"], "extra_args.bad_value"),
        (["-tune", "http://x"], "extra_args.bad_value"),
        (["-tune", ".."], "extra_args.bad_value"),
        (["-tune", "a\\b"], "extra_args.bad_value"),
        (["-tune", "a b"], "extra_args.bad_value"),
        (["-tune", "a\nb"], "extra_args.bad_value"),
        (["-tune", ""], "extra_args.bad_value"),
        (["-g", "while(1,1)"], "extra_args.bad_value"),  # ffmpeg computes it, for ever
        (["-qcomp", "2*(1)"], "extra_args.bad_value"),
        (["-g", "5\n"], "extra_args.bad_value"),
        (["-x264-params", "stats=x"], "extra_args.not_allowed"),
        (["-x264-params", "ref=4:qpfile=x"], "extra_args.not_allowed"),
        (["-x264-params", "cqmfile=x"], "extra_args.not_allowed"),
        (["-x264-params", "ref=/x"], "extra_args.bad_value"),
        (["-x264opts", "log-file=x"], "extra_args.not_allowed"),
        (["-x265-params", "csv=x"], "extra_args.other_encoder"),
        (["-g", "1"] * 40, "extra_args.too_many"),
    ],
)
def test_options_that_name_files_streams_filters_or_protocols_are_refused(args: list[str], code: str) -> None:
    findings = check_extra_args(args, "libx264")
    assert [finding.code for finding in findings] == [code]
    assert findings[0].hint
    assert findings[0].where.startswith("extra_encoder_args[")


@pytest.mark.parametrize(
    ("codec", "args"),
    [
        ("libx264", ["-threads", "1000000"]),
        ("libx264", ["-threads", "1M"]),
        ("libx264", ["-threads", "1e6"]),  # ffmpeg computes expressions
        ("libx264", ["-threads", "0x7fffffff"]),
        ("libx264", ["-threads", "max"]),
        ("libx264", ["-threads:v:0", "+200"]),
        ("libx264", ["-bufsize", "9" * 200]),
        ("libx264", ["-x264-params", "ref=4:threads=99999"]),
        ("libx265", ["-x265-params", "pools=4,4000"]),
        ("libx265", ["-x265-params", "rc-lookahead=100000"]),
        ("libsvtav1", ["-svtav1-params", "lp=1000"]),
        ("vp9", ["-lag-in-frames", "1000"]),
        ("libx265", ["-x265-params", "chromaloc=6"]),
    ],
)
def test_numbers_that_could_cost_any_memory_are_refused(codec: str, args: list[str]) -> None:
    assert [finding.code for finding in check_extra_args(args, codec)] == ["extra_args.out_of_range"]


@pytest.mark.parametrize(
    ("codec", "args"),
    [
        ("libx264", ["-threads", "auto", "-refs", "16", "-bufsize", "50000k", "-maxrate", "25M"]),
        ("libx264", ["-x264-params", "keyint=infinite:rc-lookahead=250:deblock=-1,-1"]),
        ("libx265", ["-x265-params", "pools=none:frame-threads=0:hme-range=16,32,48"]),
        ("libx265", ["-x265-params", "pools=+,-:bframes=16"]),
    ],
)
def test_numbers_that_encoders_take_are_allowed(codec: str, args: list[str]) -> None:
    assert check_extra_args(args, codec) == []


@pytest.mark.parametrize("name", ["csv", "recon", "analysis-save", "lambda-file", "qpfile", "dhdr10-info"])
def test_parameters_of_x265_that_name_files_are_refused(name: str) -> None:
    assert check_extra_args(["-x265-params", f"{name}=x"], "libx265")[0].code == "extra_args.not_allowed"


@given(st.lists(st.text("-:/.=ab0,vgtune \\%~'\"", max_size=12), max_size=6))
def test_allowed_options_contain_no_path_and_stay_in_pairs(args: list[str]) -> None:
    if not check_extra_args(args, "libx264"):
        made = for_first_video(args)
        assert len(made) == len(args)
        assert all(option.startswith("-") and option.endswith(":v:0") for option in made[::2])
        assert not any(mark in value for value in made[1::2] for mark in "/\\ ~'\"")


def test_extra_options_come_last_in_every_command_that_encodes(clip: Path, tmp_path: Path) -> None:
    preset_keys = {"extra_encoder_args": ["-g", "5", "-bf", "0"], "preset": "ultrafast"}
    for scale in ("none", "esrgan-2x"):
        plan = plan_of(clip, ml_upscale=scale, **preset_keys)
        out = tmp_path / "x.mp4"
        if scale == "none":
            made = [ffmpeg_commands.transcode_command(plan, FFMPEG, clip, out)]
        else:
            made = [
                ffmpeg_commands.segment_command(plan, FFMPEG, out),
                ffmpeg_commands.rehearsal_command(plan, FFMPEG, clip, out),
            ]
        for argv in made:
            at = argv.index("-g:v:0")
            assert argv[at : at + 4] == ["-g:v:0", "5", "-bf:v:0", "0"]
            assert at > argv.index("-crf")
        (tmp_path / scale).mkdir()
        frames = frames_of(render(plan, clip, tmp_path / scale))
        assert [number for number, frame in enumerate(frames) if frame.key_frame] == [0, 5, 10, 15, 20]


def test_x265_stays_quiet_when_parameters_are_added() -> None:
    assert for_first_video(["-x265-params", "sao=0"]) == ["-x265-params:v:0", "log-level=error:sao=0"]
