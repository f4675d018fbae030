"""Who may read the outputs, and what happens to names that their file system does not take."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from harness import Harness
from injected import INJECTED
from other_user import as_stranger, environment

GROUP = 4242 if os.geteuid() == 0 else os.getegid()


def facts(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_gid, stat.S_IMODE(found.st_mode)


def test_outputs_are_for_the_group_of_their_folder_and_names_are_checked(harness: Harness, clip: Path) -> None:
    """With a service's old umask, which let nobody read, and an output folder on a file system like FAT."""
    out = harness.root / "out"
    out.mkdir()
    os.chown(out, -1, GROUP)
    out.chmod(0o2775)
    plain = harness.folder("plain", output=str(out), output_mode="0664")
    replaced = harness.folder("replaced", output=str(out / "replaced"), replace_characters="_")
    for name in ("season/One.mp4", "What? Now: 2.mp4"):
        (plain / name).parent.mkdir(exist_ok=True)
        (plain / name).write_bytes(clip.read_bytes())
    (plain / "season" / "One.en.srt").write_text("subtitles that only their owner may read")
    (plain / "season" / "One.en.srt").chmod(0o600)
    (plain / "season" / "poster.jpg").write_bytes(b"picture")
    (replaced / "Season: 1").mkdir()
    (replaced / "Season: 1" / "What? Now: 2.mp4").write_bytes(clip.read_bytes())
    inherited = os.environ.get("PYTHONPATH")
    paths = os.pathsep.join(filter(None, (str(INJECTED), inherited)))
    env = os.environ | {"FRAMEWATCH_TEST_FAT": os.path.realpath(out), "PYTHONPATH": paths}
    harness.process_options |= {"env": env, "umask": 0o027}
    assert harness.once().returncode == 1, harness.log()

    assert facts(out / "season") == (GROUP, 0o2775)
    assert facts(out / "season" / "One.mp4") == (GROUP, 0o664)
    assert facts(out / "season" / "One.mp4.progress.json") == (GROUP, 0o664)
    for name in ("One.en.srt", "poster.jpg"):  # with the output, as it is
        assert facts(out / "season" / name) == (GROUP, 0o664)
    assert facts(plain / "done" / "season" / "One.en.srt") == (os.getegid(), 0o600)
    assert facts(plain / "done" / "season" / "One.mp4") == (os.getegid(), 0o644)

    failed = plain / "failed" / "What? Now: 2.mp4"
    assert failed.exists()
    error = json.loads(failed.with_name(f"{failed.name}.progress.json").read_text())["error"]
    assert error["code"] == "output.bad_name"
    assert "replace_characters" in error["hint"]
    assert harness.listed(out) == ["replaced", "season"]

    assert (replaced / "done" / "Season: 1" / "What? Now: 2.mp4").exists()
    made = out / "replaced" / "Season_ 1" / "What_ Now_ 2.mp4"
    assert facts(made) == (GROUP, 0o640)
    assert facts(made.parent) == (GROUP, 0o2750)


def test_a_source_that_cannot_be_moved_away_waits_before_the_work(harness: Harness, clip: Path) -> None:
    share = harness.folder()
    season = share / "season"
    season.mkdir()
    (season / "a.mp4").write_bytes(clip.read_bytes())
    season.chmod(0o555)
    held = as_stranger("run", "--config", harness.config, "--once", env=environment(harness.root))
    assert held.returncode == 1, held.stderr
    (found,) = [event for event in map(json.loads, held.stderr.splitlines()) if event["event"] == "job.held"]
    assert found["code"] == "storage.cannot_move"
    progress = harness.sidecar(share.parent / "out" / "season" / "a.mp4")
    assert (progress["status"], progress["frames_done"]) == ("held", 0)
    assert progress["error"]["findings"][0]["where"] == str(season)
    season.chmod(0o755)  # so that pytest can remove it
    assert (season / "a.mp4").exists()
