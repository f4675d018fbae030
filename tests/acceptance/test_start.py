"""framewatch starts wherever it is started: by any user, with or without a home, and says which store it uses."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

from harness import Harness, framewatch
from other_user import AS_STRANGER


def test_commands_name_their_store_and_fail_without_a_daemon_or_tell_whose_it_is(
    harness: Harness, clip: Path
) -> None:
    share = harness.folder()
    store = harness.root / "state" / "framewatch.db"
    none = framewatch("status", "--config", harness.config)
    assert none.returncode == 1
    assert f"store: {store}" in none.stdout
    assert "not running" in none.stdout

    (share / "b.mp4").write_text("text")
    harness.prefix = AS_STRANGER
    daemon = harness.start()
    failed = harness.wait_status(share / "failed" / "b.mp4", "failed")
    told = framewatch("status", "--config", harness.config, "--json")
    state = json.loads(told.stdout)
    assert (told.returncode, state["store"]) == (0, str(store))
    assert state["daemon"]["pid"] == daemon.pid

    shutil.copy(clip, share / "b.mp4")
    asked = framewatch("retry", failed["job_id"], "--config", harness.config)
    assert asked.returncode == 0, asked.stderr
    assert str(store) in asked.stderr
    elsewhere = Harness(harness.root / "elsewhere")
    elsewhere.folder()
    other = framewatch("status", "--config", elsewhere.config)
    assert other.returncode == 1
    assert f"process {daemon.pid}" in other.stdout
    assert f"FRAMEWATCH_STATE_DIR={store.parent}" in other.stdout
    assert f"process {daemon.pid}" in framewatch("cancel", "x", "--config", elsewhere.config).stderr

    assert harness.stop(signal.SIGKILL) == -signal.SIGKILL
    asked = framewatch("retry", failed["job_id"], "--config", harness.config)
    assert asked.returncode != 0
    assert json.loads(framewatch("status", "--config", harness.config, "--json").stdout)["daemon"] is None
