"""A share whose server never answers, beside a healthy folder: only its own folder waits."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

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
