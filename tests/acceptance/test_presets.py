"""Presets: files that are skipped or use another preset, images, and the commands about presets."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
import yaml

from clips import make_clip
from framewatch.media.ffmpeg.discovery import encoders, find_ffmpeg
from harness import CLIP, Harness, framewatch
from media_factory import ffmpeg

SMALL = {"ml_upscale": "esrgan-2x", "preset": "ultrafast", "only_if": {"max_height": 48}}


def pixels(path: Path, form: str) -> np.ndarray:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format=form)


def make_clear(path: Path, form: str = "rgba") -> Path:
    """Make an image whose left half is transparent."""
    half = "geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(gt(X,31),255,0)'"
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=64x48",
        "-frames:v",
        "1",
        "-vf",
        f"format=rgba,{half}",
        "-pix_fmt",
        form,
        path,
    )
    return path


def test_a_file_that_does_not_match_the_preset_is_skipped_and_moved_to_done_unchanged(
    harness: Harness, clip: Path
) -> None:
    share = harness.folder(preset=SMALL | {"only_if": {"max_height": 47}})
    shutil.copy(clip, share / "a.mp4")
    assert harness.once().returncode == 0
    assert (share / "done" / "a.mp4").read_bytes() == clip.read_bytes()
    sidecar = harness.sidecar(share / "done" / "a.mp4")
    assert (sidecar["status"], sidecar["progress"]) == ("skipped", 0.0)
    assert sidecar["error"]["code"] == "only_if.no_match"
    assert sidecar["error"]["message"] == "it is 48 pixels high, more than max_height 47"
    assert harness.listed(harness.root / "anime" / "out") == []
    said = harness.events("job.skipped")[0]
    assert (said["level"], said["code"]) == ("info", "only_if.no_match")
    state = json.loads(framewatch("status", "--config", harness.config, "--json").stdout)
    assert [job["status"] for job in state["jobs"]] == ["skipped"]
    assert state["counts"]["skipped"] == 1


def test_a_file_that_does_not_match_uses_the_other_preset_whatever_its_container(
    harness: Harness, clip: Path
) -> None:
    (harness.root / "presets").mkdir()
    (harness.root / "presets" / "other.yaml").write_text("container: mkv\nprocessing_mode: copy\n")
    share = harness.folder(preset=SMALL | {"else": "other"})
    shutil.copy(clip, share / "small.mp4")
    make_clip(share / "large.mp4", size="96x64", frames=5)
    assert harness.once().returncode == 0
    out = harness.root / "anime" / "out"
    assert harness.listed(out) == [
        "large.mkv", "large.mkv.progress.json", "small.mp4", "small.mp4.progress.json",
    ]  # fmt: skip
    assert harness.sidecar(out / "large.mkv")["status"] == "done"
    assert pixels(out / "large.mkv", "rgb24").shape == (64, 96, 3)
    assert pixels(out / "small.mp4", "rgb24").shape == (96, 128, 3)


def test_images_are_enlarged_with_their_transparency_and_bit_depth(harness: Harness) -> None:
    harness.settings["engine"] = "openvino"
    share = harness.folder(preset={"container": "png", "ml_upscale": "esrgan-2x"})
    source = make_clear(harness.root / "clear.png")
    deep = make_clear(harness.root / "deep.png", "rgba64be")
    for path in (source, deep):
        shutil.copy(path, share / path.name)
    film = make_clip(share / "film.mp4", frames=3)
    shutil.copy(film, share / "film.png")
    assert harness.once().returncode == 1
    out = harness.root / "anime" / "out"
    made, was = pixels(out / "clear.png", "rgba").astype(int), pixels(source, "rgba").astype(int)
    assert made.shape == (96, 128, 4)
    assert (made[:, :60, 3] == 0).all()
    assert (made[:, 68:, 3] == 255).all()
    shrunk = made.reshape(48, 2, 64, 2, 4).mean(axis=(1, 3))
    assert np.abs(shrunk - was)[:, 34:, :3].mean() < 8  # the same picture: colours and place
    with av.open(str(out / "deep.png")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "rgba64be"
    assert len(np.unique(pixels(out / "deep.png", "rgba64le")[..., 0])) > 256
    sidecar = harness.sidecar(out / "clear.png")
    assert (sidecar["status"], sidecar["frames_done"], sidecar["frames_total"]) == ("done", 1, 1)
    assert sidecar["engine"].startswith("openvino")
    assert harness.sidecar(share / "failed" / "film.png")["error"]["code"] == "media.not_a_picture"
    assert film.exists()  # its name says that it is none, so it is left alone


def test_the_shipped_audio_preset_reaches_its_loudness_on_the_real_clip(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    result = framewatch("upscale", CLIP, "-p", "audio", "-o", output, "--engine", "identity")
    assert result.returncode == 0, result.stderr
    with av.open(str(output)) as made:
        assert [stream.codec_context.name for stream in made.streams] == ["h264", "aac"]
        assert (made.streams.video[0].width, made.streams.video[0].height) == (640, 360)
        assert float(made.duration / av.time_base) == pytest.approx(4, abs=0.1)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-i", output, "-af", "ebur128", "-vn", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, check=True).stderr.decode().rpartition("Summary:")[2]
    found = re.search(r"I:\s+(\S+) LUFS", said)
    assert found
    assert float(found[1]) == pytest.approx(-16 + 20 * math.log10(1.1), abs=1)


def test_the_shipped_preset_that_rotates_and_crops_shows_the_right_part_upright(tmp_path: Path) -> None:
    """On the real clip, enlarged and rotated, as a phone might have filmed it."""
    side, output = tmp_path / "side.mp4", tmp_path / "out.mp4"
    upright = "scale=1600:900,transpose=cclock,hflip"
    ffmpeg("-i", CLIP, "-vf", upright, "-frames:v", "2", "-an", "-c:v", "libx264", "-crf", "5", side)
    result = framewatch("upscale", side, "-p", "rotated-crop", "-o", output, "--engine", "identity")
    assert result.returncode == 0, result.stderr
    wanted = tmp_path / "wanted.png"
    chain = "hflip,transpose=clock,crop=1280:720:0:0,scale=2560:1440:flags=neighbor"
    ffmpeg("-i", side, "-vf", chain, "-frames:v", "1", wanted)
    made, was = pixels(output, "rgb24").astype(int), pixels(wanted, "rgb24").astype(int)
    assert made.shape == (1440, 2560, 3)
    assert np.abs(made - was).mean() < 4
    assert np.abs(made[:, ::-1] - was).mean() > 12  # a picture that would notice
    assert np.abs(made[::-1] - was).mean() > 12


@pytest.mark.parametrize(
    ("name", "container", "codecs", "scale"),
    [
        ("anime-2x", "mkv", ["h264", "aac"], 2),
        ("upscale-4k", "mp4", ["hevc", "aac"], 2),
        ("archive-4x", "mkv", ["hevc", "flac"], 4),
    ],
)
def test_each_shipped_preset_runs_on_the_real_clip(
    tmp_path: Path, name: str, container: str, codecs: list[str], scale: int
) -> None:
    """On its first 0.4 s, because some presets have a slow encoder."""
    (tmp_path / "p.yaml").write_text(f"extends: {name}\nend_time: 0.4\n")
    output = tmp_path / f"out.{container}"
    result = framewatch("upscale", CLIP, "-p", tmp_path / "p.yaml", "-o", output, "--engine", "identity")
    assert result.returncode == 0, result.stderr
    with av.open(str(output)) as made:
        assert [stream.codec_context.name for stream in made.streams] == codecs
        video = made.streams.video[0]
        assert (video.width, video.height, video.average_rate) == (320 * scale, 180 * scale, 25)
        assert sum(1 for _ in made.decode(video)) == 10
    with av.open(str(output)) as made:
        last = max(float(frame.time or 0) + frame.samples / frame.sample_rate for frame in made.decode(audio=0))
        assert last == pytest.approx(0.4, abs=0.04)


def combs(path: Path) -> float:
    """How much more neighbouring lines differ than every second one does, in a picture of 576 lines."""
    with av.open(str(path)) as media:
        frame = list(media.decode(video=0))[4]
    lines = frame.to_ndarray(format="gray").astype(float).reshape(576, -1, frame.width).mean(axis=1)
    return float(np.abs(np.diff(lines, axis=0)).mean() / np.abs(lines[2:] - lines[:-2]).mean())


def make_disc(path: Path) -> None:
    """Make what a PAL DVD has: MPEG-2 in fields, 16:9 in 720x576, and AC-3."""
    moving = "testsrc2=size=720x576:rate=50:duration=0.4,scroll=horizontal=0.02,interlace=lowpass=off,setsar=64/45"
    encoder = ("-c:v", "mpeg2video", "-b:v", "6M", "-flags", "+ilme+ildct", "-c:a", "ac3", "-f", "vob")
    ffmpeg("-f", "lavfi", "-i", moving, "-f", "lavfi", "-i", "sine=duration=0.4", *encoder, path)


def make_phone_video(path: Path) -> None:
    """Make what a phone films: the real clip, turned, each frame at its own time."""
    upright = path.with_suffix(".mp4")
    uneven = "settb=1/12800,setpts='(N+0.4*mod(N,2))/25/TB'"
    times = ("-fps_mode", "vfr", "-enc_time_base", "filter", "-c:v", "libx264", "-c:a", "aac")
    ffmpeg("-i", CLIP, "-t", "0.4", "-vf", uneven, *times, upright)
    ffmpeg("-display_rotation", "90", "-i", upright, "-c", "copy", path)
    upright.unlink()


def test_each_preset_for_a_task_runs_on_media_of_its_kind(harness: Harness, tmp_path: Path) -> None:
    disc, filmed = tmp_path / "disc.vob", tmp_path / "filmed.mov"
    make_disc(disc)
    make_phone_video(filmed)
    sources = {"film": CLIP, "web-video": CLIP, "anime": CLIP, "dvd-pal": disc, "phone": filmed}
    for name, source in sources.items():
        short = {"end_time": 0.2} if source == CLIP else {}
        share = harness.folder(name, preset={"extends": name, "preset": "ultrafast"} | short)
        shutil.copy(source, share / f"a{source.suffix}")
    assert harness.once(timeout=240).returncode == 0, harness.log()
    made = {name: next((harness.root / name / "out").glob("a.m??")) for name in sources}
    found = {name: streams(path) for name, path in made.items()}
    assert found == {
        "film": (".mkv", "hevc", "aac", 640, 360),
        "web-video": (".mp4", "h264", "aac", 640, 360),
        "anime": (".mkv", "hevc", "aac", 1280, 720),
        "dvd-pal": (".mkv", "h264", "ac3", 1440, 1152),
        "phone": (".mp4", "h264", "aac", 360, 640),  # upright
    }
    with av.open(str(made["anime"])) as media:
        assert media.streams.video[0].codec_context.pix_fmt == "yuv420p10le"
    with av.open(str(made["dvd-pal"])) as media:
        assert media.streams.video[0].sample_aspect_ratio == Fraction(64, 45)  # shown as 2048x1152
    assert combs(disc) > 3
    assert combs(made["dvd-pal"]) < 1.5
    with av.open(str(made["phone"])) as media:
        times = sorted(float(frame.time or 0) for frame in media.decode(video=0))
    steps = [1000 * (after - before) for before, after in pairwise(times)]
    assert (min(steps), max(steps)) == (pytest.approx(24, abs=2), pytest.approx(56, abs=2))


def streams(path: Path) -> tuple[str, str, str, int, int]:
    """The container, codecs and size of a video."""
    with av.open(str(path)) as media:
        video, audio = media.streams.video[0], media.streams.audio[0]
        names = (video.codec_context.name, audio.codec_context.name)
        return (path.suffix, *names, video.width, video.height)


def test_the_gpu_preset_runs_on_a_gpu_or_names_an_encoder_that_works_without_one(tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    result = framewatch("upscale", CLIP, "-p", "fast-hardware", "-o", output, "--engine", "identity")
    if "h264_nvenc" in encoders(find_ffmpeg(None)):
        assert result.returncode == 0, result.stderr
    else:
        assert result.returncode == 1
        assert "encoder.no_hardware" in result.stderr
        assert "libx264" in result.stderr
        assert not output.exists()


def test_audio_that_starts_with_silence_is_normalized_too(tmp_path: Path) -> None:
    """The rehearsal takes the first second of audio, which may have nothing to measure."""
    source, output = tmp_path / "a.mkv", tmp_path / "out.mp4"
    silence = "sine=d=3,volume='if(lt(t,2),0,1)':eval=frame"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=3", "-f", "lavfi", "-i", silence, "-c:a", "pcm_s16le", source)
    (tmp_path / "p.yaml").write_text("ml_upscale: esrgan-2x\naudio_normalize: true\npreset: ultrafast\n")
    result = framewatch("upscale", source, "-p", tmp_path / "p.yaml", "-o", output, "--engine", "identity")
    assert result.returncode == 0, result.stderr


def test_presets_saved_by_frame_load_unchanged(tmp_path: Path) -> None:
    """One of Frame's own, with unused rates of 0; a user's, which is wrapped; one with the crop editor's state."""
    audio = {"container": "mp3", "audioCodec": "mp3", "audioBitrate": "192", "videoBitrate": "0"}
    lossless = {"container": "flac", "audioCodec": "flac", "audioBitrate": "0", "videoBitrate": "0"}
    gif = {"container": "gif", "videoCodec": "gif", "audioBitrate": "0", "videoBitrate": "0", "gifColors": 128}
    crop = {"enabled": True, "x": 4, "y": 2, "width": 32, "height": 24, "sourceWidth": 64, "aspectRatio": None}
    stored = {"id": "7", "name": "Mine", "builtIn": False, "config": {"mlUpscale": "esrgan-2x", "crop": crop}}
    for name, preset in {"audio": audio, "lossless": lossless, "gif": gif, "stored": stored}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(preset))
    result = framewatch("presets", "validate", *sorted(tmp_path.glob("*.json")))
    assert result.returncode == 0, result.stderr
    shown = json.loads(framewatch("presets", "show", tmp_path / "stored.json", "--json").stdout)["preset"]
    assert (shown["ml_upscale"], shown["crop"]["width"]) == ("esrgan-2x", 32)
    (tmp_path / "none.json").write_text(
        json.dumps({"audioBitrate": "0", "videoBitrateMode": "bitrate", "videoBitrate": 0})
    )
    refused = framewatch("presets", "validate", tmp_path / "none.json")
    assert refused.returncode == 2
    assert "video.bitrate" in refused.stderr
    assert "audio.bitrate" in refused.stderr


def test_rules_name_the_file_and_line_of_the_key_also_in_an_extended_preset(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("video_codec: libx264\ncrf: 20\n")
    (tmp_path / "p.yaml").write_text("extends: ./base.yaml\n\ncontainer: webm\naudio_codec: aac\n")
    refused = framewatch("presets", "validate", tmp_path / "p.yaml")
    assert refused.returncode == 2
    assert f"{tmp_path / 'base.yaml'}:1: video_codec: " in refused.stderr
    assert f"{tmp_path / 'p.yaml'}:4: audio_codec: " in refused.stderr


def test_options_that_would_write_files_are_refused_with_their_key(tmp_path: Path) -> None:
    for name, words in {"a": "-flags, +pass1", "b": "-r, '30'", "c": "-map, '0'"}.items():
        (tmp_path / f"{name}.yaml").write_text(f"extra_encoder_args: [{words}]\n")
    refused = framewatch("presets", "validate", *sorted(tmp_path.glob("*.yaml")))
    assert refused.returncode == 2
    assert refused.stderr.count("extra_args.not_allowed") == 3
    assert "use the key fps" in refused.stderr
    assert "use the key selected_audio_tracks" in refused.stderr


def test_an_impossible_trim_is_listed_with_all_other_mistakes(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "p.yaml").write_text("start_time: 5\nend_time: 3\ncontainer: webm\n")
    result = framewatch("upscale", clip, "-p", tmp_path / "p.yaml", "-o", tmp_path / "o.webm", "--engine", "identity")
    assert result.returncode == 1
    assert "time.end_before_start" in result.stderr
    assert "container.video_codec" in result.stderr


# --- commands -----------------------------------------------------------------------------------------------


def test_plan_shows_which_preset_a_file_uses(tmp_path: Path, clip: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("only_if: {max_height: 10}\nelse: {container: mkv, video_codec: libx265, preset: ultrafast}\n")
    shown = framewatch("plan", clip, "-p", path)
    assert shown.returncode == 0, shown.stderr
    assert "it is 48 pixels high, more than max_height 10" in shown.stdout
    assert "libx265" in shown.stdout
    said = json.loads(framewatch("plan", clip, "-p", path, "--json").stdout)
    assert shown.stdout.strip().splitlines()[-1].split() == said["commands"][-1]["argv"]  # word by word
    path.write_text("only_if: {max_height: 10}\n")
    said = json.loads(framewatch("plan", clip, "-p", path, "--json").stdout)
    assert (said["status"], said["plan"], said["commands"]) == ("skipped", None, [])
    made = framewatch("upscale", clip, "-p", path, "-o", tmp_path / "o.mp4", "--json")
    assert (made.returncode, json.loads(made.stdout)["status"]) == (0, "skipped")
    assert not (tmp_path / "o.mp4").exists()
    path.write_text("container: webp\nml_upscale: esrgan-4x\n")
    said = framewatch("plan", make_clear(tmp_path / "a.png"), "-p", path).stdout
    assert "64x48 -> 256x192" in said
    assert "libwebp" in said
    assert list(tmp_path.glob("work*")) == []


def test_presets_are_listed_with_their_source_and_a_summary(harness: Harness) -> None:
    (harness.root / "presets").mkdir()
    (harness.root / "presets" / "mine.yaml").write_text("extends: archive-4x\ncrf: 15\n")
    (harness.root / "presets" / "bad.yaml").write_text("crff: 15\n")
    harness.folder()
    rows = json.loads(framewatch("presets", "list", "-c", harness.config, "--json").stdout)
    known = {row["name"]: row for row in rows}
    assert {"anime-2x", "upscale-4k", "fast-hardware", "archive-4x", "mine", "bad"} <= set(known)
    assert known["upscale-4k"] == {
        "name": "upscale-4k", "source": "shipped", "summary": "mp4, esrgan-2x, libx265, aac",
    }  # fmt: skip
    assert known["mine"]["source"] == str(harness.root / "presets" / "mine.yaml")
    assert known["mine"]["summary"] == "mkv, esrgan-4x, libx265, flac"
    assert "config.unknown_key" in known["bad"]["summary"]
    assert "archive-4x" in framewatch("presets", "list").stdout


def test_a_shown_preset_is_a_valid_preset_with_the_same_meaning(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: archive-4x\nonlyIf: {maxHeight: 540}\nelse: {extends: upscale-4k, crf: 30}\n")
    shown = framewatch("presets", "show", path)
    assert yaml.safe_load(shown.stdout) == {
        "container": "mkv", "ml_upscale": "esrgan-4x", "video_codec": "libx265", "crf": 18, "preset": "slow",
        "audio_codec": "flac", "only_if": {"max_height": 540},
        "else": {"ml_upscale": "esrgan-2x", "video_codec": "libx265", "crf": 30, "audio_bitrate": 192},
    }  # fmt: skip
    again = tmp_path / "again.yaml"
    again.write_text(framewatch("presets", "show", path, "--all").stdout)
    assert "video_bitrate: 5000" in again.read_text()
    assert yaml.safe_load(framewatch("presets", "show", again).stdout) == yaml.safe_load(shown.stdout)


def test_validate_lists_all_mistakes_in_all_files_with_status_2(tmp_path: Path) -> None:
    good, bad, odd = (tmp_path / f"{name}.yaml" for name in ("good", "bad", "odd"))
    good.write_text("extends: upscale-4k\n")
    bad.write_text("crff: 1\nextends: nobody\ncontainer: ogg\n")
    odd.write_text("container: webm\nextra_encoder_args: [-i, /etc/passwd]\n")
    assert framewatch("presets", "validate", good).returncode == 0
    result = framewatch("presets", "validate", good, bad, odd, tmp_path / "gone.yaml")
    assert result.returncode == 2
    assert f"{good}: valid" in result.stdout
    codes = [line.rsplit("[", 1)[1].rstrip("]") for line in result.stderr.strip().splitlines()]
    assert sorted(codes) == [
        "config.bad_value", "config.not_found", "config.unknown_key", "container.audio_codec",
        "container.video_codec", "extra_args.not_allowed", "preset.not_found",
    ]  # fmt: skip
    as_json = framewatch("presets", "validate", good, bad, "--json")
    assert as_json.returncode == 2
    assert [len(each["findings"]) for each in json.loads(as_json.stdout)] == [0, 3]


@pytest.mark.parametrize("name", ["list", "show", "validate"])
def test_each_command_has_help_with_an_example(name: str) -> None:
    assert f"framewatch presets {name}" in framewatch("presets", name, "--help").stdout.split("Examples")[1]


# --- hardware -----------------------------------------------------------------------------------------------


def test_encoders_without_their_hardware_are_refused_by_check_with_a_working_alternative(harness: Harness) -> None:
    """This machine has neither. The encoder check finds that, and the hint names encoders that work."""
    codecs = ("h264_nvenc", "hevc_nvenc", "av1_nvenc", "h264_videotoolbox", "hevc_videotoolbox")
    for codec in codecs:
        harness.folder(codec, preset={"ml_upscale": "esrgan-2x", "video_codec": codec})
    harness.folder("else", preset={"only_if": {"max_height": 1}, "else": {"video_codec": "h264_nvenc"}})
    checked = framewatch("check", "--config", harness.config)
    assert checked.returncode == 2
    lines = checked.stderr.strip().splitlines()
    assert len(lines) == len(codecs) + 1
    assert all("[encoder." in line and "libx264" in line for line in lines), lines


def test_an_encoder_without_its_hardware_fails_the_job_when_it_starts(harness: Harness, clip: Path) -> None:
    share = harness.folder(preset=False)
    lying = share / "framewatch-preset.yaml"
    lying.write_text("preset: ultrafast\n")
    harness.start()
    lying.write_text("extends: fast-hardware\n")
    shutil.copy(clip, share / "a.mp4")
    error = harness.wait_status(share / "failed" / "a.mp4", "failed")["error"]
    assert error["code"] in ("encoder.no_hardware", "encoder.missing")
    assert "libx264" in error["hint"]
    assert harness.stop() == 0
