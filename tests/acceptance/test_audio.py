"""Audio files, loudness and transport streams, through the daemon and the commands."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import imageio_ffmpeg
import pytest
import yaml

from clips import make_clip
from harness import Harness, framewatch
from media_factory import ffmpeg

SWELLING = "anoisesrc=c=pink:d=4:r=44100:seed=1,volume='0.06+0.05*sin(3*t)':eval=frame"


def film(path: Path) -> Path:
    """Make four seconds of black video with quiet noise."""
    ffmpeg("-f", "lavfi", "-i", "color=black:s=32x32:r=5:d=4", "-f", "lavfi", "-i", SWELLING, "-pix_fmt", "yuv420p",
           "-c:v", "libx264", "-c:a", "aac", "-b:a", "192k", f"file:{path}")  # fmt: skip
    return path


def loudness(path: Path) -> float:
    """Return the integrated loudness in LUFS, measured by ffmpeg."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-i", path, "-af", "ebur128", "-vn", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, check=True).stderr.decode().rpartition("Summary:")[2]
    found = re.search(r"I:\s+(\S+) LUFS", said)
    assert found
    return float(found[1])


def test_a_folder_makes_mp3_files_of_videos_and_of_music(
    harness: Harness, drop: Callable[[Path, Path], Path]
) -> None:
    preset = {"container": "mp3", "audio_codec": "mp3", "audio_normalize": True, "metadata": {"title": "Mine"}}
    share = harness.folder("music", preset=preset)
    drop(film(harness.root / "film.mp4"), share / "film.mp4")
    ffmpeg("-i", harness.root / "film.mp4", "-vn", share / "song.flac")
    ffmpeg("-f", "lavfi", "-i", "anullsrc=d=1", "-c:a", "aac", share / "still.m4a")
    drop(make_clip(harness.root / "mute.mp4"), share / "mute.mp4")
    harness.once()
    outputs = share.parent / "out"
    for name in ("film.mp3", "song.mp3"):
        assert loudness(outputs / name) == pytest.approx(-16, abs=1)
        with av.open(str(outputs / name)) as made:
            assert ([stream.type for stream in made.streams], made.metadata["title"]) == (["audio"], "Mine")
        sidecar = harness.sidecar(outputs / name)
        assert (sidecar["status"], sidecar["progress"], sidecar["frames_total"]) == ("done", 100, 0)
    assert (outputs / "still.mp3").exists()
    assert "audio.silent" in harness.log()
    failed = harness.sidecar(share / "failed" / "mute.mp4")
    assert failed["error"]["code"] == "media.no_audio"


def test_an_upscaled_transport_stream_is_normalized_and_then_quieter(tmp_path: Path) -> None:
    wishes = {
        "container": "m2ts", "audio_codec": "ac3", "audio_bitrate": 192, "audio_normalize": True,
        "audio_volume": 50, "ml_upscale": "esrgan-2x", "preset": "ultrafast",
    }  # fmt: skip
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(wishes))
    source, output = film(tmp_path / "film.mp4"), tmp_path / "out.m2ts"
    result = framewatch("upscale", source, "--preset", tmp_path / "p.yaml", "-o", output, "--engine", "identity")
    assert result.returncode == 0, result.stderr
    assert loudness(output) == pytest.approx(-22, abs=1)
    data = output.read_bytes()
    assert len(data) % 192 == 0
    assert set(data[4::192]) == {0x47}
    with av.open(str(output)) as made:
        assert (made.streams.video[0].width, made.streams.audio[0].codec_context.sample_rate) == (64, 44100)


def test_a_plan_for_audio_only_lists_the_loudness_measurement(tmp_path: Path) -> None:
    wishes = {"container": "flac", "audio_codec": "flac", "audio_normalize": True}
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(wishes))
    source = film(tmp_path / "film.mp4")
    text = framewatch("plan", source, "--preset", tmp_path / "p.yaml").stdout
    assert "transcode: audio only, flac" in text
    shown = json.loads(framewatch("plan", source, "--preset", tmp_path / "p.yaml", "--json").stdout)
    assert [command["step"] for command in shown["commands"]] == ["measure", "transcode"]
    assert [(row["kind"], row["action"]) for row in shown["plan"]["streams"]] == [
        ("audio", "encode"), ("video", "drop"),
    ]  # fmt: skip


def test_a_plan_for_an_upscale_lists_its_commands_in_the_order_of_the_job(tmp_path: Path) -> None:
    (tmp_path / "s.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nWords\n")
    preset = {
        "container": "mp4", "ml_upscale": "esrgan-2x", "audio_normalize": True,
        "subtitle_burn_path": str(tmp_path / "s.srt"),
    }  # fmt: skip
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(preset))
    source = film(tmp_path / "film.mp4")
    shown = framewatch("plan", source, "--preset", tmp_path / "p.yaml", "--json")
    assert shown.returncode == 0, shown.stderr
    steps = [command["step"].partition(" ")[0] for command in json.loads(shown.stdout)["commands"]]
    assert steps == ["subtitles", "rehearse", "measure", "encode", "mux"]
