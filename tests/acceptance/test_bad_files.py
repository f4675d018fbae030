"""Files that are no video: each goes to failed/ with a code of its own, and the daemon continues."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from clips import make_clip, make_picture, make_sound
from harness import Harness, framewatch
from media_factory import ffmpeg


def make_bad_files(folder: Path) -> dict[str, str]:
    """Drop one of each kind, and return the expected code by file name."""
    (folder / "text.mp4").write_text("This is not a video.\n" * 50)
    whole = make_clip(folder.parent / "whole.mp4", frames=50, audio=True)
    data = whole.read_bytes()
    (folder / "no-index.mp4").write_bytes(data[: len(data) // 2])
    front = make_clip(folder.parent / "front.mp4", frames=50, faststart=True)
    data = front.read_bytes()
    (folder / "cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    make_sound(folder / "sound.mp4")
    make_picture(folder / "picture.png").rename(folder / "picture.mp4")
    return {
        "text.mp4": "media.not_media",
        "no-index.mp4": "media.truncated",
        "cut.mp4": "media.truncated",
        "sound.mp4": "media.no_video",
        "picture.mp4": "media.picture",
    }


def test_each_bad_file_fails_with_its_code_and_the_good_one_after_them_is_processed(harness: Harness) -> None:
    share = harness.folder()
    expected = make_bad_files(share)
    harness.start()
    failed = share / "failed"
    found = {name: harness.wait_status(failed / name, "failed")["error"]["code"] for name in expected}
    assert found == expected
    make_clip(harness.root / "good.mp4", frames=5)
    shutil.copy(harness.root / "good.mp4", share / "good.mp4")
    harness.wait_status(harness.root / "anime" / "out" / "good.mp4", "done")
    assert sorted(path.name for path in failed.iterdir() if not path.name.endswith(".json")) == sorted(expected)
    assert not list((harness.root / "anime" / "out").glob("text*"))  # nor a sidecar left behind
    assert harness.stop() == 0


@pytest.mark.parametrize(
    ("preset", "code", "message"),
    [
        (
            {"ml_upscale": "esrgan-2x", "container": "mp3"},
            "container.upscale_needs_video",
            "ML upscaling requires an audio-capable video container",
        ),
        (
            {"ml_upscale": "esrgan-4x", "container": "gif"},
            "container.upscale_needs_video",
            "ML upscaling requires an audio-capable video container",
        ),
        (
            {"ml_upscale": "esrgan-2x", "processing_mode": "copy"},
            "mode.upscale_needs_reencode",
            "ML upscaling requires re-encoding mode",
        ),
    ],
)
def test_frames_two_messages_come_at_check_and_in_the_sidecar(
    harness: Harness, preset: dict[str, Any], code: str, message: str
) -> None:
    """In `check` for presets of the configuration; in the sidecar for one that was put into the folder later."""
    harness.folder("configured", preset=preset)
    checked = framewatch("check", "--config", harness.config)
    assert checked.returncode == 2
    assert message in checked.stderr
    assert code in checked.stderr
    assert "Traceback" not in checked.stderr

    harness.settings["folders"].clear()
    share = harness.folder("lying", preset=False)
    (share / "framewatch-preset.yaml").write_text("ml_upscale: esrgan-2x\npreset: ultrafast\n")
    harness.start()
    (share / "framewatch-preset.yaml").write_text("\n".join(f"{key}: {value}" for key, value in preset.items()))
    make_clip(share / "a.mp4", frames=3)
    error = harness.wait_status(share / "failed" / "a.mp4", "failed")["error"]
    assert (error["code"], error["message"]) == (code, message)
    assert error["hint"]
    assert harness.stop() == 0


def test_all_streams_that_copy_mode_cannot_store_are_listed_at_once(harness: Harness) -> None:
    share = harness.folder(preset={"processing_mode": "copy", "container": "webm"})
    make_clip(share / "a.mp4", frames=3, audio=True)
    assert harness.once().returncode == 1
    error = harness.sidecar(share / "failed" / "a.mp4")["error"]
    codes = [finding["code"] for finding in error["findings"]]
    assert len(codes) == 2  # the H.264 picture and the AAC sound
    assert all(finding["hint"] for finding in error["findings"])


def test_upscale_warns_of_a_small_hole_and_refuses_a_large_one(tmp_path: Path) -> None:
    noise = "testsrc2=s=96x64:r=25:d=8,noise=alls=30:allf=t"
    ffmpeg("-f", "lavfi", "-i", noise, "-c:v", "libx264", "-preset", "ultrafast", tmp_path / "film.mp4")
    (tmp_path / "preset.yaml").write_text("{ml_upscale: none, preset: ultrafast}")
    data = bytearray((tmp_path / "film.mp4").read_bytes())
    told = []
    for share in (0.004, 0.3):
        middle = len(data) // 2
        data[middle : middle + int(share * len(data))] = bytes(int(share * len(data)))
        source = tmp_path / f"{share}.mp4"
        source.write_bytes(data)
        result = framewatch(
            "upscale", source, "--preset", tmp_path / "preset.yaml", "-o", tmp_path / f"made {share}.mp4"
        )
        told.append((result.returncode, result.stderr))
    assert [status for status, _ in told] == [0, 1]
    assert "seconds are missing" in told[0][1]
    assert "media.incomplete" in told[0][1]
    assert "media.corrupt" in told[1][1]
