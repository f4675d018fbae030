"""A share whose server never answers, beside a healthy folder: only its own folder waits."""

from __future__ import annotations

import json
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


def _server(tmp_path: Path, *, healthy: bool = True) -> tuple[Harness, Path]:
    """A server with a real engine; returns it, and the share that will be dead."""
    harness = Harness(tmp_path / "server")
    harness.root.mkdir()
    harness.settings["engine"] = "openvino"
    share = harness.folder("dead").parent
    if healthy:
        harness.folder("healthy")
    return harness, share


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


@pytest.mark.slow
def test_a_job_on_a_share_that_no_longer_answers_stops_no_other_folder(
    tmp_path: Path, survived: Survived, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = injected.delay(tmp_path / "pace", monkeypatch)
    pace.turn(0.1)
    clip = make_clip(tmp_path / "clip.mp4", size="128x96", frames=60)
    harness, share = _server(tmp_path)
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


@pytest.mark.slow
def test_a_share_that_dies_while_its_job_runs_stops_no_other_folder(
    tmp_path: Path, survived: Survived, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = injected.delay(tmp_path / "pace", monkeypatch)
    pace.turn(0.5)
    clip = make_clip(tmp_path / "clip.mp4", size="128x96", frames=100)
    harness, share = _server(tmp_path)
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


@pytest.mark.slow
def test_a_run_with_once_ends_though_a_folder_with_jobs_does_not_answer(
    tmp_path: Path, survived: Survived, monkeypatch: pytest.MonkeyPatch
) -> None:
    pace = injected.delay(tmp_path / "pace", monkeypatch)
    pace.turn(0.5)
    clip = make_clip(tmp_path / "clip.mp4", size="128x96", frames=20)
    harness, share = _server(tmp_path, healthy=False)
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(clip, share / "in" / name)
    harness.start()
    harness.wait_status(share / "out" / "b.mp4", "queued")
    harness.wait_running(share / "out" / "a.mp4")
    harness.stop(signal.SIGKILL)
    pace.turn(0)
    with dead_share(share):
        assert harness.once(timeout=60).returncode == 1
        status = framewatch("status", "--json", "--config", harness.config).stdout
        jobs = json.loads(status)["jobs"]
        assert {(job["status"], job["error"]["code"]) for job in jobs} == {("held", "storage.no_answer")}
    assert harness.once(timeout=150).returncode == 0
    assert {harness.sidecar(share / "out" / name)["status"] for name in ("a.mp4", "b.mp4")} == {"done"}
    survived(
        "a share never answers",
        "FUSE without a server, at a run with `--once` and queued jobs",
        "it ended with status 1, the jobs were held; done when the share was back",
    )
