"""A share whose server never answers, beside a healthy folder: only its own folder waits."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import pytest

import injected
from clips import make_clip
from harness import Harness, framewatch
from mounts import dead_share
from report import Survived


def _process(harness: Harness, clip: Path, name: str) -> None:
    shutil.copy(clip, harness.root / "healthy" / "in" / name)
    harness.wait_status(harness.root / "healthy" / "out" / name, "done", timeout=30)


def test_a_share_that_does_not_answer_stops_neither_start_nor_reload_nor_end(
    tmp_path: Path, survived: Survived
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=6)
    harness = Harness(tmp_path / "server")
    harness.root.mkdir()
    harness.folder("healthy")
    share = harness.folder("dead").parent
    with dead_share(share):
        daemon = harness.start()
        try:
            _process(harness, clip, "start.mp4")
            silent = harness.wait_for_event("folder.unavailable")
            assert (silent["folder"], silent["code"]) == ("dead", "storage.no_answer")
            assert "storage.no_answer" in framewatch("status", "--config", harness.config).stdout
            daemon.send_signal(signal.SIGHUP)
            harness.wait_for_event("config.reloaded")
            _process(harness, clip, "reload.mp4")
            began = time.monotonic()
            assert harness.stop() == 0
            assert time.monotonic() - began < 10
        finally:
            daemon.kill()
    survived(
        "a share never answers",
        "FUSE without a server, at start and at SIGHUP",
        "`storage.no_answer` for its folder; the other works on",
    )


def test_a_job_on_a_share_that_no_longer_answers_stops_no_other_folder(
    tmp_path: Path, survived: Survived, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = injected.delay(tmp_path / "pace", monkeypatch)
    pace.turn(0.1)
    clip = make_clip(tmp_path / "clip.mp4", size="128x96", frames=60)
    harness = Harness(tmp_path / "server")
    harness.root.mkdir()
    harness.settings["engine"] = "openvino"
    share = harness.folder("dead").parent
    harness.folder("healthy")
    shutil.copy(clip, share / "in" / "a.mp4")
    harness.start()
    harness.wait_running(share / "out" / "a.mp4")
    harness.stop(signal.SIGKILL)
    pace.turn(0)
    with dead_share(share):
        daemon = harness.start()
        try:
            shutil.copy(clip, harness.root / "healthy" / "in" / "b.mp4")
            harness.wait_for(harness.root / "healthy" / "out" / "b.mp4")
            assert harness.stop() == 0
        finally:
            daemon.kill()
    assert harness.once(timeout=60).returncode == 0
    assert harness.sidecar(share / "out" / "a.mp4")["status"] == "done"
    survived(
        "a share never answers",
        "FUSE without a server, at a restart in the middle of a job",
        "the other folder works on; the job went on when the share was back",
    )


def test_a_share_that_dies_while_its_job_runs_stops_no_other_folder(
    tmp_path: Path, survived: Survived, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = injected.delay(tmp_path / "pace", monkeypatch)
    pace.turn(0.5)
    clip = make_clip(tmp_path / "clip.mp4", size="128x96", frames=100)
    harness = Harness(tmp_path / "server")
    harness.root.mkdir()
    harness.settings["engine"] = "openvino"
    share = harness.folder("dead").parent
    harness.folder("healthy")
    shutil.copy(clip, share / "in" / "a.mp4")
    daemon = harness.start()
    try:
        harness.wait_running(share / "out" / "a.mp4")
        short = make_clip(tmp_path / "short.mp4", size="128x96", frames=6)
        with dead_share(share):
            shutil.copy(short, harness.root / "healthy" / "in" / "b.mp4")
            harness.wait_for(harness.root / "healthy" / "out" / "b.mp4")
            held = harness.wait_for_event("job.held")
            assert (held["folder"], held["code"]) == ("dead", "storage.no_answer")
        pace.turn(0)
        harness.wait_status(share / "out" / "a.mp4", "done", timeout=120)
        assert harness.stop() == 0
    finally:
        daemon.kill()
    survived(
        "a share never answers",
        "FUSE without a server, mounted in the middle of a job",
        "the job was held and its slot free for the other folder; it went on when the share was back",
    )
