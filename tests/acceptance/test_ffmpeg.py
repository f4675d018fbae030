"""Which ffmpeg is used, when one is refused, and what happens when it disappears."""

from __future__ import annotations

import json
import os
from pathlib import Path

from harness import FAST_PRESET, Harness, framewatch
from media_samples import FFMPEG, PACKAGED, program

OLD = "echo \"Unrecognized option 'fps_mode'.\" >&2; exit 1"


def old_ffmpeg(path: Path) -> Path:
    """Make a program that does what ffmpeg 4.2 does with the commands of a job."""
    says = 'case "$*" in *-version*) echo "ffmpeg version 4.2.2"; exit 0;;'
    return program(path, f'{says} *fps_mode*) {OLD};; esac\nexec "{PACKAGED}" "$@"')


def test_an_ffmpeg_that_is_too_old_is_refused_before_any_work(harness: Harness, clip: Path) -> None:
    share = harness.folder()
    old = old_ffmpeg(harness.root / "ffmpeg")
    (share / "a.mp4").write_bytes(clip.read_bytes())
    harness.settings["ffmpeg"] = str(old)
    harness.write()
    for command in ("check", "run"):
        refused = framewatch(command, "--config", harness.config)
        assert refused.returncode == 2
        assert "ffmpeg.too_old" in refused.stderr
        assert "5.1" in refused.stderr
        assert f"framewatch.yaml:2: ffmpeg: {old}: " in refused.stderr  # the setting, then the program
    report = json.loads(framewatch("doctor", "--config", harness.config, "--json").stdout)
    assert [check["ok"] for check in report["checks"] if check["name"] == "ffmpeg"] == [False]
    alone = ("upscale", clip, "--preset", "anime-2x", "-o", harness.root / "o.mp4", "--engine", "identity")
    refused = framewatch(*alone, "--ffmpeg", old)
    assert (refused.returncode, "ffmpeg.too_old" in refused.stderr) == (2, True)
    assert harness.listed(share) == ["a.mp4"]


def test_several_segments_are_joined_in_every_container_by_the_tested_ffmpeg(
    harness: Harness, long_clip: Path
) -> None:
    """`make test-system-ffmpeg` tests that of the distribution."""
    webm = {"video_codec": "vp9", "audio_codec": "libopus", "crf": 40, "preset": "ultrafast"}
    presets = {"mkv": {}, "webm": webm, "m2t": {}, "mp4": {}}
    shares = {
        name: harness.folder(name, FAST_PRESET | {"container": name} | preset) for name, preset in presets.items()
    }
    harness.settings |= {"ffmpeg": str(FFMPEG), "segment_seconds": 1}
    harness.write()
    for share in shares.values():
        (share / "a.mp4").write_bytes(long_clip.read_bytes())
    done = harness.once()
    assert done.returncode == 0, done.stderr
    for name, share in shares.items():
        assert (share.parent / "out" / f"a.{name}").exists()


def test_the_packaged_ffmpeg_stands_in_for_one_that_disappears(harness: Harness, clip: Path) -> None:
    share = harness.folder()
    named = harness.root / "bin" / "ffmpeg"
    named.parent.mkdir()
    program(named, f'exec "{PACKAGED}" "$@"')
    harness.settings["ffmpeg"] = "system"
    harness.write()
    harness.process_options["env"] = os.environ | {"PATH": f"{named.parent}:/usr/bin:/bin"}
    harness.start()
    (share / "a.mp4").write_bytes(clip.read_bytes())
    harness.wait_for(share / "done" / "a.mp4")
    assert harness.events("ffmpeg.changed") == []
    old_ffmpeg(named)  # a downgrade
    (share / "b.mp4").write_bytes(clip.read_bytes())
    harness.wait_for(share / "done" / "b.mp4")
    (changed,) = harness.events("ffmpeg.changed")
    assert (changed["before"], changed["path"]) == (str(named), str(PACKAGED))
    assert "ffmpeg.too_old" in changed["why"]
    named.unlink()
    (share / "c.mp4").write_bytes(clip.read_bytes())
    harness.wait_for(share / "done" / "c.mp4")
    assert harness.stop() == 0
