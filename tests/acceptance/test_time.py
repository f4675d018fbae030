"""Times of recordings and animations, as a user sees them: by the installed command."""

from __future__ import annotations

from pathlib import Path

from harness import Harness, framewatch
from media_factory import ffmpeg
from recordings import recording, require_joined


def test_a_joined_recording_is_done_without_a_gap_and_a_warning_says_where(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    share = harness.folder(preset={"ml_upscale": "esrgan-2x", "preset": "ultrafast", "crf": 10, "container": "mkv"})
    first, second = recording(tmp_path / "1.ts", 1), recording(tmp_path / "2.ts", 2, start=1000)
    (share / "film.ts").write_bytes(first + second)
    done = harness.once()
    output = share.parent / "out" / "film.mkv"
    assert done.returncode == 0, done.stderr
    require_joined(output, (1, 2))
    (warning,) = [each for each in harness.events("job.warning") if each["code"] == "media.clock_jumps"]
    assert "at 0:00:01.600 by +998" in warning["message"]


def test_a_plan_counts_the_frames_of_an_animation_that_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    times = "eq(N,1)*3+eq(N,2)*6+eq(N,3)*36+eq(N,4)*40+eq(N,5)*100"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=64x48:r=6:d=1,settb=1/100,setpts='{times}'", "-fps_mode", "passthrough",
           "-enc_time_base", "1/100", "-final_delay", "200", path)  # fmt: skip
    planned = framewatch("plan", path, "--preset", "anime-2x")
    assert planned.returncode == 0, planned.stderr
    told = " ".join((planned.stdout + planned.stderr).split())
    assert "3 frames are dropped of 6" in told
    assert "frame_timing: preserve" in told
