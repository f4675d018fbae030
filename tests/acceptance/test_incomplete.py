"""Files that are still being written when they seem to be complete, here and on another machine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from clips import make_clip
from harness import Harness, framewatch
from media_factory import remux
from mounts import tmpfs, viewed
from waiting import eventually

Drop = Callable[[Path, Path], Path]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A second whose index is in front, large enough for a download of several pieces."""
    return make_clip(
        tmp_path_factory.mktemp("films") / "film.mp4", size="320x240", frames=25, faststart=True
    ).read_bytes()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The same as a transport stream, of which the half is a film, too."""
    folder = tmp_path_factory.mktemp("recordings")
    remux(make_clip(folder / "film.mp4", size="320x240", frames=25), folder / "film.ts")
    return (folder / "film.ts").read_bytes()


def folder_state(harness: Harness) -> dict[str, object]:
    result = framewatch("folders", "--json", "--config", harness.config)
    (state,) = json.loads(result.stdout)["folders"]
    return dict(state)


def test_changes_of_waiting_files_and_unfilled_ones_leave_no_failed_job(
    harness: Harness, clip: Path, film: bytes, drop: Drop
) -> None:
    """The files: one that is written anew while it is queued, one whose time moves by an hour, one with zeros."""
    share = harness.folder(incomplete_seconds=20)
    out = harness.root / "anime" / "out"
    harness.start()
    assert framewatch("pause", "--config", harness.config).returncode == 0
    changed, shifted = drop(clip, share / "changed.mp4"), drop(clip, share / "shifted.mp4")
    eventually(lambda: len(harness.events("job.queued")) == 2, what="both are queued", details=harness.log)
    changed.write_bytes(film)
    time = shifted.stat().st_mtime_ns - 3600 * 10**9
    os.utime(shifted, ns=(time, time))
    harness.wait_for_event("job.source_renewed")

    unfilled = share / "unfilled.mp4"
    unfilled.write_bytes(film[: len(film) // 3] + bytes(len(film) - len(film) // 3))
    harness.wait_for_event("folder.incomplete")
    state = eventually(
        lambda: found if "zeros" in str((found := folder_state(harness)).get("problem")) else {}, what="it is told"
    )
    assert state["state"] == "ok"
    assert framewatch("resume", "--config", harness.config).returncode == 0
    for name in ("changed", "shifted"):
        harness.wait_status(out / f"{name}.mp4", "done")
    unfilled.write_bytes(film)
    harness.wait_status(out / "unfilled.mp4", "done")
    assert [event["source"] for event in harness.events("job.source_renewed")] == [str(changed)]
    eventually(lambda: len(harness.events("job.done")) == 3, what="all three are done", details=harness.log)
    assert not harness.events("job.failed")
    assert (share / "done" / "changed.mp4").read_bytes() == film == (share / "done" / "unfilled.mp4").read_bytes()
    assert harness.stop() == 0


def frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(packet.size > 0 for packet in container.demux(video=0))


def test_a_paused_writer_on_another_machine_loses_nothing(harness: Harness, film: bytes, recording: bytes) -> None:
    """The folder is seen through FUSE, and done/ and failed/ are on another disk."""
    share = harness.root / "anime" / "in"
    with tmpfs(harness.root / "disk", 16) as disk:
        places = {"done": str(disk / "done"), "failed": str(disk / "failed"), "output": str(harness.root / "out")}
        harness.folder(incomplete_seconds=7, **places)
        (harness.root / "server").mkdir()
        with viewed(harness.root / "server", share):
            harness.start()
            never = harness.root / "server" / "never.mp4"
            never.write_bytes(film[: len(film) // 2])
            with (
                (harness.root / "server" / "paused.mp4").open("wb", buffering=0) as writer,
                (harness.root / "server" / "valid.ts").open("wb", buffering=0) as recorder,
            ):
                writer.write(film[: len(film) // 2])
                recorder.write(recording[: len(recording) // 2])
                held = eventually(
                    lambda: (
                        found
                        if len(found := {Path(each["source"]).name: each for each in harness.events("job.held")}) == 3
                        else {}
                    ),
                    what="the half files wait",
                    details=harness.log,
                )
                assert held["paused.mp4"]["code"] == "media.truncated"
                assert held["valid.ts"]["code"] in ("source.may_change", "source.in_use")
                recorder.write(recording[len(recording) // 2 :])
                writer.write(film[len(film) // 2 :])
                eventually(lambda: harness.events("job.source_renewed"), what="it is taken anew", details=harness.log)
            harness.wait_for(disk / "done" / "paused.mp4")
            harness.wait_for(disk / "done" / "valid.ts")
            assert (disk / "done" / "valid.ts").read_bytes() == recording
            made = {frames(path) for path in (harness.root / "out").glob("valid*.mp4")}
            assert made == {25}
            harness.wait_status(disk / "failed" / "never.mp4", "failed")
            assert (disk / "done" / "paused.mp4").read_bytes() == film
            failed = {Path(event["source"]).name: event["code"] for event in harness.events("job.failed")}
            assert failed == {"valid.ts": "source.changed", "never.mp4": "media.truncated"}
            assert harness.stop() == 0
        shutil.rmtree(harness.root / "server")


def test_a_file_that_never_settles_is_reported_once(harness: Harness) -> None:
    share = harness.folder(incomplete_seconds=0.5)
    harness.start()
    with (share / "endless.mkv").open("wb") as writer:
        writer.write(b"a recording")
        writer.flush()
        told = harness.wait_for_event("folder.never_settles")
        assert (told["path"], told["seconds"] >= 1) == ("endless.mkv", True)
        eventually(
            lambda: "has not settled" in framewatch("status", "--config", harness.config).stdout, what="the status"
        )
        assert len(harness.events("folder.never_settles")) == 1
    assert harness.stop() == 0
