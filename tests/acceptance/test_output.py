"""The output: colours, frame size, rotation, audio in sync, and all other streams."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import yaml

from clips import make_clip
from harness import framewatch
from media_factory import ffmpeg

FLASH_AT = 12  # the source frame that is white


def upscale(source: Path, folder: Path, **preset: object) -> Path:
    """Run `framewatch upscale` with the real network."""
    wishes = {"ml_upscale": "esrgan-2x", "preset": "ultrafast", "crf": 10} | preset
    (folder / "preset.yaml").write_text(yaml.safe_dump(wishes))
    output = folder / f"output.{wishes.get('container', 'mp4')}"
    result = framewatch("upscale", source, "--preset", folder / "preset.yaml", "-o", output)
    assert result.returncode == 0, result.stderr
    return output


def flash_time(path: Path) -> float:
    """Return the PTS of the first bright frame in seconds."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.to_ndarray(format="gray").mean() > 128:
                assert frame.time is not None
                return float(frame.time)
    raise AssertionError("no flash")


def beep_time(path: Path) -> float:
    """Return the seconds at which the audio rises above a tenth of its peak."""
    times, levels = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(np.float64)).reshape(-1, frame.samples)[0]
            times.append(float(frame.time or 0) + np.arange(frame.samples) / frame.sample_rate)
            levels.append(samples)
    time, level = np.concatenate(times), np.concatenate(levels)
    return float(time[np.argmax(level > level.max() / 10)])


def flash_and_beep(path: Path, rate: str, *extra: str, frames: int = 30) -> Path:
    """A black video that turns white for one frame while a beep sounds, both at FLASH_AT frames."""
    number = float(Fraction(rate))
    moment = FLASH_AT / number
    picture = f"color=black:s=64x48:r={rate},drawbox=color=white:t=fill:enable='eq(n,{FLASH_AT})'"
    duration = str(frames / number)
    ffmpeg("-f", "lavfi", "-i", picture,
            "-f", "lavfi", "-i", f"aevalsrc='if(between(t,{moment},{moment + 0.1}),sin(6283*t),0)':s=48000",
            "-t", duration, "-c:v", "libx264", "-preset", "veryfast", "-crf", "10", "-c:a", "aac",
            *extra, f"file:{path}")  # fmt: skip
    return path


@pytest.mark.parametrize(
    ("name", "rate", "extra"),
    [
        ("film.mp4", "24000/1001", ["-bf", "3"]),
        ("fast.mkv", "50", ["-bf", "2"]),
        ("broadcast.ts", "25", ["-bf", "2", "-muxdelay", "1"]),
        ("vfr.mkv", "25", ["-vf", "select='not(between(mod(n\\,10)\\,4\\,6))'", "-fps_mode", "vfr"]),
    ],
)
def test_a_flash_and_a_beep_stay_in_sync_within_half_a_frame(
    tmp_path: Path, name: str, rate: str, extra: list[str]
) -> None:
    source = flash_and_beep(tmp_path / name, rate, *extra)
    output = upscale(source, tmp_path)
    shift = (flash_time(output) - beep_time(output)) - (flash_time(source) - beep_time(source))
    with av.open(str(output)) as made:
        made_rate = made.streams.video[0].average_rate
    assert made_rate is not None
    assert abs(shift) <= 0.5 / float(made_rate)


@pytest.mark.parametrize(("rate", "frames"), [("24000/1001", 48), ("50", 75)])
def test_frame_count_and_rate_are_those_of_the_source(tmp_path: Path, rate: str, frames: int) -> None:
    source = make_clip(tmp_path / "a.mp4", rate=rate, frames=frames, audio=True)
    output = upscale(source, tmp_path)
    with av.open(str(output)) as made:
        assert made.streams.video[0].average_rate == Fraction(rate)
        assert sum(1 for _ in made.decode(video=0)) == frames


def test_subtitles_fonts_chapters_languages_and_titles_are_kept(tmp_path: Path) -> None:
    source = _everything(tmp_path)
    output = upscale(source, tmp_path, container="mkv", audio_codec="copy")
    with av.open(str(output)) as made:
        kinds = [stream.type for stream in made.streams]
        assert kinds == ["video", "audio", "audio", "subtitle", "attachment"]
        assert [stream.metadata.get("language") for stream in made.streams.audio] == ["jpn", "eng"]
        assert made.streams[3].metadata.get("title") == "Signs"
        assert made.metadata.get("title") == "The Film"
        assert [chapter["metadata"]["title"] for chapter in made.chapters()] == ["Opening", "End"]


def _everything(folder: Path) -> Path:
    (folder / "s.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    (folder / "font.ttf").write_bytes(b"\0\1\0\0" + bytes(100))
    (folder / "meta.txt").write_text(
        ";FFMETADATA1\ntitle=The Film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=Opening\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=1000\ntitle=End\n"
    )
    path = folder / "all.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1",
            "-f", "lavfi", "-i", "sine=d=1", "-f", "lavfi", "-i", "sine=f=880:d=1",
            "-i", f"file:{folder / 's.srt'}", "-i", f"file:{folder / 'meta.txt'}",
            "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_metadata", "4", "-map_chapters", "4",
            "-attach", f"{folder / 'font.ttf'}", "-metadata:s:t", "mimetype=font/ttf",
            "-metadata:s:a:0", "language=jpn", "-metadata:s:a:1", "language=eng", "-metadata:s:s:0", "title=Signs",
            "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", f"file:{path}")  # fmt: skip
    return path


def test_a_rotated_phone_video_becomes_upright_and_anamorphic_video_keeps_its_sar(tmp_path: Path) -> None:
    flat = make_clip(tmp_path / "flat.mp4", frames=5)
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", "-90", "-i", flat, "-c", "copy", turned)
    output = upscale(turned, tmp_path)
    with av.open(str(output)) as made:
        stream = made.streams.video[0]
        assert (stream.width, stream.height) == (96, 128)
        assert next(made.decode(video=0)).rotation == 0
    output.unlink()
    wide = tmp_path / "wide.mp4"
    ffmpeg("-i", flat, "-vf", "setsar=16/11", "-c:v", "libx264", wide)
    with av.open(str(upscale(wide, tmp_path))) as made:
        assert made.streams.video[0].sample_aspect_ratio == Fraction(16, 11)


def test_a_fragmented_mp4_with_a_gap_in_its_audio_stays_in_sync(tmp_path: Path) -> None:
    whole = flash_and_beep(tmp_path / "whole.mp4", "25", "-bf", "2")
    source = tmp_path / "fragments.mp4"
    ffmpeg("-i", whole, "-c", "copy", "-movflags", "frag_keyframe+empty_moov+default_base_moof", source)
    output = upscale(source, tmp_path)
    shift = (flash_time(output) - beep_time(output)) - (flash_time(source) - beep_time(source))
    assert abs(shift) < 0.02


def test_a_still_image_before_the_video_is_not_taken_for_the_video(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "film.mp4", frames=10)
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=32x32", "-frames:v", "1", tmp_path / "still.png")
    source = tmp_path / "both.mkv"
    ffmpeg("-i", tmp_path / "still.png", "-i", film, "-map", "0:v", "-map", "1:v", "-c", "copy", source)
    with av.open(str(upscale(source, tmp_path))) as made:
        assert sum(1 for _ in made.decode(video=0)) == 10


def test_audio_whose_decoder_drops_some_samples_is_accepted(tmp_path: Path) -> None:
    source = tmp_path / "film.wmv"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2:r=44100",
        "-c:v", "wmv2", "-c:a", "wmav2", source,
    )  # fmt: skip
    assert upscale(source, tmp_path, container="mkv", audio_codec="copy").exists()
