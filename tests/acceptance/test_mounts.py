"""Disks that are removed, replaced or full while the daemon works."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness import Harness, framewatch
from mounts import mount, move_mount, tmpfs, unmount
from waiting import eventually

PLAIN = {"preset": "ultrafast", "crf": 30}  # without the network: nothing is waited for but disks


@contextmanager
def share_of(harness: Harness, megabytes: float = 16) -> Iterator[Path]:
    """Add a watched folder `anime` on a disk of its own, with input, output, done and failed."""
    share = harness.root / "anime"
    with tmpfs(share, megabytes):
        harness.folder(preset=PLAIN, watch="poll")
        yield share


def folder_state(harness: Harness) -> dict[str, str]:
    shown = json.loads(framewatch("folders", "--json", "--config", harness.config).stdout)["folders"][0]
    return {"state": shown["state"]} | {role: place["disk"] for role, place in shown["places"].items()}


def wait_events(harness: Harness, name: str, count: int) -> None:
    """Wait for the `count`th event of this name."""
    eventually(lambda: len(harness.events(name)) >= count, what=f"{name}, {count} times", details=harness.log)


def held(harness: Harness, code: str) -> bool:
    return any(event["code"] == code for event in harness.events("job.held"))


def test_a_disk_that_is_removed_and_returned_loses_nothing_and_its_mount_point_stays_empty(
    harness: Harness, clip: Path
) -> None:
    with share_of(harness) as share:
        harness.start()
        wait_events(harness, "folder.watching", 1)
        mark = (share / "in" / ".framewatch").read_bytes()
        assert (share / "out" / ".framewatch").exists()
        move_mount(share, harness.root / "pulled")
        wait_events(harness, "folder.unavailable", 1)
        assert harness.stop() == 0
        harness.start()  # also after a restart, which the missing folders do not prevent
        wait_events(harness, "folder.unavailable", 2)
        assert folder_state(harness)["input"] == "absent"
        assert list(share.iterdir()) == []
        shutil.copy(clip, harness.root / "pulled" / "in" / "a.mp4")
        move_mount(harness.root / "pulled", share)
        harness.wait_for(share / "in" / "done" / "a.mp4")
        assert (share / "in" / ".framewatch").read_bytes() == mark
        assert harness.stop() == 0


def test_a_job_whose_output_disk_is_removed_is_held_and_continues_when_it_is_back(
    harness: Harness, clip: Path
) -> None:
    out = harness.root / "out"
    with tmpfs(out, 16):
        share = harness.folder(preset=PLAIN, output=str(out))
        harness.start()
        harness.wait_for(out / ".framewatch")
        move_mount(out, harness.root / "pulled")
        shutil.copy(clip, share / "a.mp4")
        eventually(lambda: held(harness, "storage.not_mounted"), what="a hold", details=harness.log)
        assert list(out.iterdir()) == []
        move_mount(harness.root / "pulled", out)
        harness.wait_status(out / "a.mp4", "done")
        assert len(harness.events("job.held")) == 1
        assert harness.stop() == 0


def test_a_replaced_disk_is_used_when_the_user_trusts_it(harness: Harness, clip: Path) -> None:
    with share_of(harness) as share:
        harness.start()
        wait_events(harness, "folder.watching", 1)
        replace_disk(share)
        wait_events(harness, "folder.unavailable", 1)
        eventually(
            lambda: "[storage.not_mounted]" in framewatch("status", "--config", harness.config).stdout,
            what="the reason in `status`",
        )
        assert framewatch("folders", "trust", "nobody", "--config", harness.config).returncode == 2
        asked = framewatch("folders", "trust", "anime", "--config", harness.config)
        assert (asked.returncode, "asked the daemon" in asked.stdout) == (0, True)
        wait_events(harness, "folder.watching", 2)
        assert harness.stop() == 0
        replace_disk(share)
        assert harness.once().returncode == 1
        told = framewatch("folders", "trust", "anime", "--config", harness.config)
        assert "accepted as they are now" in told.stdout
        shutil.copy(clip, share / "in" / "a.mp4")
        assert harness.once().returncode == 0
        assert (share / "in" / "done" / "a.mp4").read_bytes() == clip.read_bytes()


def replace_disk(share: Path) -> None:
    unmount(share)
    mount(share, 16)
    for name in ("in", "out"):
        (share / name).mkdir()


def test_a_job_that_does_not_fit_is_held_and_starts_as_soon_as_there_is_space(harness: Harness, clip: Path) -> None:
    work = harness.root / "work"
    with tmpfs(work, 4):
        harness.settings["reserve_gb"] = 0.003
        share = harness.folder(preset=PLAIN)
        filler = work / "filler"
        filler.write_bytes(bytes(3_000_000))
        shutil.copy(clip, share / "a.mp4")
        harness.start()
        eventually(lambda: held(harness, "storage.will_not_fit"), what="a hold", details=harness.log)
        assert "[storage.will_not_fit]" in framewatch("status", "--config", harness.config).stdout
        probes = len(harness.events("job.started"))
        eventually(lambda: len(harness.events("job.held")) == 1, what="one hold")
        filler.unlink()
        harness.wait_status(harness.root / "anime" / "out" / "a.mp4", "done", timeout=30)
        assert (probes, len(harness.events("job.started"))) == (1, 2)
        assert harness.stop() == 0


def test_a_full_store_disk_stops_the_daemon_with_an_error_and_with_space_it_continues(
    harness: Harness, clip: Path
) -> None:
    state = harness.root / "state"
    with tmpfs(state, 16):
        share = harness.folder(preset=PLAIN)
        daemon = harness.start()
        with (state / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(512))
        for number in range(6):
            shutil.copy(clip, share / f"{number}.mp4")
        assert daemon.wait(60) == 1
        assert len(harness.events("daemon.failed")) == 1
        assert "[storage.full]" in harness.log()
        assert harness.events("daemon.stopped")
        (state / "filler").unlink()
        assert harness.once().returncode == 0
        assert len(list((share / "done").glob("*.mp4"))) == 6


def test_a_held_job_continues_in_the_run_that_finds_its_cause_gone(harness: Harness, clip: Path) -> None:
    share = harness.folder()
    harness.settings["reserve_gb"] = 100_000
    harness.write()
    shutil.copy(clip, share / "a.mp4")
    assert harness.once().returncode == 1
    assert harness.events("job.held")[0]["code"] == "storage.will_not_fit"
    unfinished = harness.events("once.unfinished")[0]
    assert (unfinished["failed"], unfinished["held"]) == (0, 1)
    assert unfinished["why_held"] == harness.events("job.held")[0]["message"]
    harness.settings["reserve_gb"] = 0
    harness.write()
    assert harness.once().returncode == 0
    assert (share / "done" / "a.mp4").read_bytes() == clip.read_bytes()
