"""framewatch starts wherever it is started: by any user, with or without a home, and says which store it uses."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

import injected
from harness import COMMAND, Harness, framewatch
from other_user import AS_STRANGER, as_stranger, environment
from waiting import eventually


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


def test_commands_work_for_a_user_without_passwd_entry_home_and_folder_for_temporary_files(
    harness: Harness, clip: Path
) -> None:
    share = harness.folder()
    unreadable, no_temp = harness.root / "home of somebody", harness.root / "no temporary files"
    unreadable.mkdir(mode=0o000)
    no_temp.mkdir(mode=0o500)
    done = as_stranger("models", "verify", env=environment(None))
    assert done.returncode == 0, done.stderr
    env = environment(unreadable, TMPDIR=str(no_temp))
    nothing = as_stranger("status", env=env, cwd=no_temp)
    assert (nothing.returncode, "[config.not_found]" in nothing.stderr) == (2, True), nothing.stderr
    assert as_stranger("check", "--config", harness.config, env=env).returncode == 0
    shutil.copy(clip, share / "a.mp4")
    harness.prefix, harness.process_options = AS_STRANGER, {"env": env}
    assert harness.start("--once").wait(60) == 0, harness.log()
    assert (harness.root / "anime" / "out" / "a.mp4").exists()
    assert harness.events("worker.stderr") == []

    env = environment(None, FRAMEWATCH_ENGINE="ncnn", TMPDIR=str(no_temp))
    made = harness.root / "made.mp4"
    done = as_stranger("upscale", clip, "--preset", "fast.yaml", "-o", made, env=env, cwd=_with_preset(harness.root))
    assert (done.returncode, made.exists()) == (0, True), done.stderr


def _with_preset(folder: Path) -> Path:
    (folder / "fast.yaml").write_text("{ml_upscale: esrgan-2x, preset: ultrafast}")
    return folder


def test_a_default_state_folder_that_cannot_be_made_is_named_with_what_to_do(harness: Harness) -> None:
    share = harness.folder()
    harness.config.write_text(f"folders: [{{name: a, input: {share}, preset: upscale-4k}}]")
    home = harness.root / "home"
    home.mkdir(mode=0o000)
    refused = as_stranger("run", "--config", harness.config, env=environment(home))
    assert refused.returncode == 2
    assert str(home / ".local/state/framewatch") in refused.stderr
    assert "FRAMEWATCH_STATE_DIR" in refused.stderr
    assert "internal.bug" not in refused.stderr
    state, work, logs = (harness.root / name for name in ("s", "w", "l"))
    for folder in (state, work, logs):
        folder.mkdir(mode=0o700)
    service = environment(
        home, STATE_DIRECTORY=f"{state}:{home}", CACHE_DIRECTORY=str(work), LOGS_DIRECTORY=str(logs)
    )
    assert as_stranger("run", "--once", "--config", harness.config, env=service).returncode == 0
    assert (state / "framewatch.db").exists()
    assert (work / ".framewatch.lock").exists()
    assert "daemon.ready" in (logs / "framewatch.log").read_text()
    variables = service | {"FRAMEWATCH_STATE_DIR": str(logs), "FRAMEWATCH_LOG__LEVEL": "error"}
    quiet = as_stranger("run", "--once", "--config", harness.config, env=variables)
    assert (quiet.returncode, quiet.stderr, (logs / "framewatch.db").exists()) == (0, "", True)


def test_a_bug_that_every_file_meets_holds_the_folder_and_keeps_its_files(
    harness: Harness, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first file goes to failed/. From the second on, all stay in the folder, also after a restart."""
    bug = injected.bug(tmp_path / "bug", monkeypatch)
    bug.turn(1)
    share, out = harness.folder(), harness.root / "anime" / "out"
    for number in range(4):
        shutil.copy(clip, share / f"{number}.mp4")
    assert harness.start("--once").wait(60) == 1
    held = harness.wait_for_event("folder.held")
    assert (held["level"], held["folder"], held["code"]) == ("error", "anime", "folder.held")
    assert len(list((share / "failed").glob("*.mp4"))) == 1

    daemon = harness.start()
    shutil.copy(clip, share / "late.mp4")
    waiting = eventually(lambda: _held(harness, 4), what="all files held", details=harness.log)
    assert len(list((share / "failed").glob("*.mp4"))) == 1
    (folder,) = waiting["folders"]
    assert (folder["state"], folder["code"]) == ("failed", "folder.held")
    assert "KeyError" in folder["problem"]

    held_before = len(harness.events("folder.held"))
    daemon.send_signal(signal.SIGHUP)
    eventually(lambda: len(harness.events("folder.held")) > held_before, what="the same bug", details=harness.log)
    assert len(list((share / "failed").glob("*.mp4"))) == 1
    bug.turn(0)
    retried = framewatch("retry", waiting["jobs"][0]["job_id"], "--config", harness.config)
    assert retried.returncode == 0, retried.stderr
    eventually(lambda: len(list(out.glob("*.mp4"))) == 4, what="all but the first", details=harness.log)
    assert harness.stop() == 0


def _held(harness: Harness, count: int) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(framewatch("status", "--config", harness.config, "--json").stdout)
    return state if state["counts"]["held"] == count and state["folders"][0]["code"] else {}


NO_INOTIFY = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"'


def test_a_daemon_whose_log_nobody_reads_and_that_gets_no_events_works_and_stops(
    harness: Harness, clip: Path
) -> None:
    harness.settings["log"] = {"level": "debug", "file": str(harness.root / "fw.log")}
    share = harness.folder()
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    command = ("unshare", "--user", "--map-root-user", "sh", "-c", NO_INOTIFY, "sh")
    harness.daemon = subprocess.Popen(
        [*command, COMMAND, "run", "--config", harness.config], stderr=writing, stdout=writing
    )
    os.close(writing)
    for number in range(2):
        shutil.copy(clip, share / f"{number}.mp4")
    for number in range(2):
        harness.wait_for(share / "done" / f"{number}.mp4")
    assert harness.stop(timeout=8) == 0
    with os.fdopen(reading, "rb") as unread:
        assert b"daemon.stopped" not in unread.read()
    harness.log_file = harness.root / "fw.log"
    assert harness.events("daemon.stopped")
    watching = harness.wait_for_event("folder.watching")
    assert watching["mode"] == "poll"
    assert "fs.inotify.max_user_instances" in watching["reason"]


def test_a_closed_terminal_ends_upscale_like_ctrl_c_but_not_under_nohup(
    harness: Harness, long_clip: Path, pace: injected.Knob
) -> None:
    """The terminal is closed as a window is: nothing more can be written to it, and SIGHUP comes."""
    pace.turn(0.2)
    preset = harness.root / "fast.yaml"
    preset.write_text("{ml_upscale: esrgan-2x, preset: ultrafast}")
    terminal, end = pty.openpty()
    command = [COMMAND, "upscale", long_clip, "--preset", preset, "--engine", "identity", "-o"]
    closed = subprocess.Popen([*command, harness.root / "a.mp4"], stdout=end, stderr=end, process_group=0)
    kept = subprocess.Popen(
        ["nohup", *command, harness.root / "b.mp4"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    os.close(end)
    families = [
        eventually(lambda each=each: psutil.Process(each.pid).children(recursive=True), what="the workers")  # type: ignore[misc]
        for each in (closed, kept)
    ]
    os.close(terminal)
    for each in (closed, kept):
        os.killpg(each.pid, signal.SIGHUP)
    assert closed.wait(20) == 130
    assert not any(child.is_running() for child in families[0])
    assert not (harness.root / "a.mp4").exists()
    pace.turn(0)
    assert kept.wait(60) == 0
    assert (harness.root / "b.mp4").exists()
