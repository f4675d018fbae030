"""A film with streams that the output cannot hold: it is made, and the log names each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import FAST_PRESET, Harness, framewatch
from media_factory import ffmpeg
from media_samples import look
from pgs import write_sup

_SOURCE = (
    "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=0.4",
    "-f", "lavfi", "-i", "sine=duration=0.4:sample_rate=48000",
)  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Streams 1 to 6: AAC, TrueHD, AC-3 that is noise, a Blu-ray's pictures, text, and a smaller moving video."""
    folder = tmp_path_factory.mktemp("film")
    text, path = folder / "a.srt", folder / "film.mkv"
    text.write_text("1\n00:00:00,100 --> 00:00:00,300\nword\n")
    pictures = write_sup(folder / "a.sup", 0.1, 0.3)
    small = ["-f", "lavfi", "-i", "testsrc2=size=32x32:rate=25:duration=0.4"]
    maps = [part for each in ("0", "1", "1", "1", "2", "3", "4") for part in ("-map", each)]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-c:v:1", "mjpeg", "-c:a:0", "aac", "-ac", "2"]
    codecs += ["-c:a:1", "truehd", "-strict", "-2", "-c:a:2", "ac3", "-bsf:a:2", "noise=amount=1"]
    codecs += ["-c:s:0", "copy", "-c:s:1", "srt"]
    ffmpeg(*_SOURCE, "-i", pictures, "-i", text, *small, *maps, *codecs, path)
    return path


EXPECTED = {
    ("copy.audio_codec", "stream 2"),  # converted
    ("streams.refused", "stream 3"),
    ("subtitle.bitmap", "stream 4"),
    ("streams.second_video", "stream 6"),
}


def test_a_job_keeps_what_can_be_kept_and_names_the_rest_and_a_strict_one_refuses_the_file(
    harness: Harness, film: Path
) -> None:
    keys = {**FAST_PRESET, "container": "mp4", "audio_codec": "copy"}
    share, strict = harness.folder(preset=keys), harness.folder("strict", preset=keys | {"strict_streams": True})
    for each in (share, strict):
        (each / "film.mkv").write_bytes(film.read_bytes())
    assert harness.once().returncode == 1
    seen = look(share.parent / "out" / "film.mp4")
    assert [each.codec for each in seen.of("video")] == ["h264"]
    assert [each.codec for each in seen.of("audio")] == ["aac", "aac"]
    assert [each.codec for each in seen.of("subtitle")] == ["mov_text"]
    warnings = harness.events("job.warning")
    assert sorted((each["code"], each["where"]) for each in warnings) == sorted(EXPECTED)
    assert all(each["hint"] for each in warnings)
    told = harness.sidecar(strict / "failed" / "film.mkv")
    assert (told["status"], told["error"]["code"]) == ("failed", "streams.second_video")


def test_the_command_chooses_the_video_that_the_preset_names(film: Path, tmp_path: Path) -> None:
    preset, output = tmp_path / "p.yaml", tmp_path / "out.mkv"
    preset.write_text("{ml_upscale: esrgan-2x, preset: ultrafast, container: mkv, video_track: 6, audio_codec: copy}")
    made = framewatch("upscale", film, "--preset", preset, "-o", output, "--engine", "identity")
    assert made.returncode == 0, made.stderr
    assert "streams.second_video" in made.stderr + made.stdout
    assert [(each.codec, each.frames) for each in look(output).of("video")] == [("h264", 10)]
