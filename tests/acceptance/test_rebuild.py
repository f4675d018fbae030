"""A damaged job database: before the daemon starts, while it runs, and as commands see it."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
from pathlib import Path

import injected
from harness import Harness, framewatch


def database(harness: Harness) -> Path:
    return harness.root / "state" / "framewatch.db"


def names(harness: Harness) -> list[str]:
    return sorted(path.name for path in database(harness).parent.iterdir() if "corrupt" in path.name)


def test_a_killed_daemon_whose_database_is_damaged_continues_its_job_and_reports_it(
    slow_harness: Harness, clip: Path, long_clip: Path, pace: injected.Knob
) -> None:
    harness = slow_harness
    share = harness.folder(preset={"ml_upscale": "esrgan-4x", "preset": "ultrafast"})
    shutil.copy(long_clip, share / "a.mp4")
    out = harness.root / "anime" / "out"
    harness.start()
    harness.wait_running(out / "a.mp4")
    shutil.copy(clip, share / "b.mp4")
    harness.wait_status(out / "b.mp4", "queued")
    job_id = harness.sidecar(out / "a.mp4")["job_id"]
    harness.stop(signal.SIGKILL)
    for path in database(harness).parent.glob("framewatch.db*"):
        path.write_bytes(b"damage" * 10_000)

    damaged = framewatch("status", "--config", harness.config)
    assert damaged.returncode == 1
    assert "[store.corrupt]" in damaged.stderr
    assert "restart the daemon" in damaged.stderr
    asked = framewatch("cancel", job_id, "--config", harness.config)
    assert asked.returncode == 1
    assert "[store.corrupt]" in asked.stderr
    assert names(harness) == []

    pace.turn(0)
    harness.start()
    for name in ("a.mp4", "b.mp4"):
        harness.wait_status(out / name, "done", timeout=120)
    said = harness.events("store.rebuilt")
    assert [(line["level"], line["jobs"], line["job_ids"]) for line in said] == [("error", 1, [job_id])]
    assert harness.sidecar(out / "a.mp4")["job_id"] == job_id
    assert sorted(path.name for path in out.glob("*.mp4")) == ["a.mp4", "b.mp4"]
    assert sorted(path.name for path in (share / "done").glob("*.mp4")) == ["a.mp4", "b.mp4"]
    assert not list(share.glob("*.mp4"))

    told = json.loads(framewatch("status", "--json", "--config", harness.config).stdout)["rebuilt"]
    assert told["kept_aside"] == said[0]["kept_aside"]
    assert Path(told["kept_aside"]).read_bytes() == b"damage" * 10_000
    assert told["kept_aside"] in framewatch("status", "--config", harness.config).stdout
    checks = json.loads(framewatch("doctor", "--json", "--config", harness.config).stdout)["checks"]
    assert [told["kept_aside"] in check["said"] for check in checks if check["name"] == "store"] == [True]
    assert harness.stop() == 0


def test_a_database_damaged_while_the_daemon_runs_stops_it_and_the_next_start_rebuilds_it(
    harness: Harness, clip: Path
) -> None:
    share = harness.folder()
    daemon = harness.start()
    shutil.copy(clip, share / "a.mp4")
    harness.wait_status(harness.root / "anime" / "out" / "a.mp4", "done")
    with sqlite3.connect(database(harness)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages = [row[0] for row in other.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'jobs'")]
        size = other.execute("PRAGMA page_size").fetchone()[0]
    with database(harness).open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * size)
            file.write(b"\xa5" * size)
    shutil.copy(clip, share / "b.mp4")
    other.execute("INSERT INTO requests (kind, job_id, asked_at) VALUES ('cancel', 'x', 0)")
    other.commit()  # so that the daemon drops the pages that it has in memory
    other.close()
    assert daemon.wait(20) == 1
    assert [line["level"] for line in harness.events("store.damaged")] == ["error"]

    harness.start()
    harness.wait_status(harness.root / "anime" / "out" / "b.mp4", "done")
    assert len(harness.events("store.rebuilt")) == 1
    assert len(names(harness)) >= 1
    assert harness.stop() == 0
    assert sorted(path.name for path in (harness.root / "anime" / "out").glob("*.mp4")) == ["a.mp4", "b.mp4"]
