"""The daemon is killed, stopped, reloaded and started twice."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from pathlib import Path

import psutil
import pytest

import injected
from harness import Harness, framewatch
from waiting import eventually


def test_a_kill_at_any_time_loses_nothing_and_repeats_nothing(
    slow_harness: Harness, long_clip: Path, pace: injected.Knob
) -> None:
    share = slow_harness.folder(preset={"ml_upscale": "esrgan-4x", "preset": "ultrafast"})
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(long_clip, share / name)
    out = slow_harness.root / "anime" / "out"
    daemon = slow_harness.start()
    slow_harness.wait_running(out / "a.mp4")
    family = psutil.Process(daemon.pid).children(recursive=True)
    assert family
    slow_harness.stop(signal.SIGKILL)
    eventually(lambda: not any(_alive(child) for child in family), timeout=2, what="the end of every child")
    assert sorted(path.name for path in share.glob("*.mp4")) == ["a.mp4", "b.mp4"]
    assert not list(out.glob("*.mp4"))

    pace.turn(0)
    slow_harness.start()
    for name in ("a.mp4", "b.mp4"):
        slow_harness.wait_status(out / name, "done", timeout=120)
    assert slow_harness.stop() == 0
    assert sorted(path.name for path in out.glob("*.mp4")) == ["a.mp4", "b.mp4"]
    for name in ("a.mp4", "b.mp4"):
        assert (share / "done" / name).read_bytes() == long_clip.read_bytes()
    assert not list(share.glob("*.mp4"))
    assert len(slow_harness.events("job.done")) == 2
    assert not any((slow_harness.root / "work").rglob("*.mp4"))


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_sigterm_stops_within_ten_seconds_and_the_job_continues_at_the_next_start(
    slow_harness: Harness, long_clip: Path, pace: injected.Knob
) -> None:
    share = slow_harness.folder(preset={"ml_upscale": "esrgan-4x", "preset": "ultrafast"})
    shutil.copy(long_clip, share / "a.mp4")
    output = slow_harness.root / "anime" / "out" / "a.mp4"
    daemon = slow_harness.start()
    slow_harness.wait_running(output)
    family = psutil.Process(daemon.pid).children(recursive=True)
    assert slow_harness.stop(timeout=10) == 0
    assert not any(_alive(child) for child in family)
    assert slow_harness.sidecar(output)["status"] == "queued"
    pace.turn(0)
    assert slow_harness.once().returncode == 0
    done = slow_harness.sidecar(output)
    assert (done["status"], done["attempt"]) == ("done", 1)  # a stop is not a failed try


def test_a_second_signal_stops_at_once(slow_harness: Harness, long_clip: Path) -> None:
    share = slow_harness.folder(preset={"ml_upscale": "esrgan-4x", "preset": "ultrafast"})
    shutil.copy(long_clip, share / "a.mp4")
    daemon = slow_harness.start()
    slow_harness.wait_running(slow_harness.root / "anime" / "out" / "a.mp4")
    family = psutil.Process(daemon.pid).children(recursive=True)
    os.kill(family[0].pid, signal.SIGSTOP)  # so that the first signal alone would take its time
    daemon.send_signal(signal.SIGINT)
    eventually(lambda: slow_harness.events("daemon.stopping"), what="the first signal to be heeded")
    daemon.send_signal(signal.SIGINT)
    assert daemon.wait(3) == 128 + signal.SIGINT
    eventually(lambda: not any(_alive(child) for child in family), timeout=2, what="the end of every child")
    assert (share / "a.mp4").exists()


def test_sighup_adds_a_new_folder_and_keeps_the_old_settings_when_the_new_are_wrong(
    harness: Harness, long_clip: Path
) -> None:
    harness.folder("first")
    daemon = harness.start()
    second = harness.folder("second")
    daemon.send_signal(signal.SIGHUP)
    eventually(lambda: harness.events("config.reloaded"), what="the reload", details=harness.log)
    shutil.copy(long_clip, second / "a.mp4")
    harness.wait_status(harness.root / "second" / "out" / "a.mp4", "done")

    good = harness.config.read_text()
    harness.config.write_text(good.replace("settle_seconds", "settle_second"))
    daemon.send_signal(signal.SIGHUP)
    refused = eventually(lambda: harness.events("config.refused"), what="the refusal", details=harness.log)
    assert "settle_second" in refused[0]["message"]
    assert "settle_seconds" in refused[0]["hint"]
    shutil.copy(long_clip, second / "b.mp4")
    harness.wait_status(harness.root / "second" / "out" / "b.mp4", "done")
    assert harness.stop() == 0


def test_a_second_daemon_on_the_same_state_or_folder_names_the_first(harness: Harness) -> None:
    share = harness.folder()
    daemon = harness.start()
    same_state = framewatch("run", "--config", harness.config)
    assert same_state.returncode == 2
    assert str(daemon.pid) in same_state.stderr
    assert "daemon.already_running" in same_state.stderr

    other = Harness(harness.root / "other")
    other.root.mkdir()
    other.settings["folders"] = harness.settings["folders"]
    other.settings["folders"][0] |= {"output": str(other.root / "out")}
    other.write()
    same_folder = framewatch("run", "--config", other.config)
    assert same_folder.returncode == 2
    assert str(daemon.pid) in same_folder.stderr
    assert str(share) in same_folder.stderr
    assert harness.stop() == 0


def test_systemd_is_told_when_the_daemon_is_ready_that_it_is_alive_what_it_does_and_when_it_stops(
    harness: Harness,
) -> None:
    harness.folder()
    path = harness.root / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(20)
        expected = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "2000000"}
        harness.process_options["env"] = os.environ | expected
        harness.start()
        assert b"READY=1" in listener.recv(4096)
        said = [listener.recv(4096) for _ in range(3)]
        assert said.count(b"WATCHDOG=1") == 2, said  # again and again, in less than 2 s
        assert b"STATUS=watching 1 folder: nothing to do" in said
        assert harness.stop() == 0
        listener.settimeout(1)
        while b"STOPPING=1" not in said:
            said.append(listener.recv(4096))


def test_once_exits_with_1_when_a_file_failed_and_0_when_all_are_done(harness: Harness, long_clip: Path) -> None:
    share = harness.folder()
    assert harness.once().returncode == 0  # nothing there is nothing failed
    (share / "a.mp4").write_text("no video")
    shutil.copy(long_clip, share / "b.mp4")
    assert harness.once().returncode == 1
    assert (harness.root / "anime" / "out" / "b.mp4").exists()
    assert harness.once().returncode == 0


def test_log_lines_have_the_job_id_and_are_text_on_a_terminal(harness: Harness, long_clip: Path) -> None:
    harness.settings["log"] = {"level": "debug", "file": str(harness.root / "fw.log")}
    share = harness.folder()
    shutil.copy(long_clip, share / "a.mp4")
    assert harness.once().returncode == 0
    events = harness.events()
    of_job = [event for event in events if event["event"].startswith(("job.", "stage.", "ffmpeg."))]
    assert {"job.queued", "job.started", "job.done"} <= {event["event"] for event in of_job}
    assert all(event["job_id"] for event in of_job)
    assert any("[ENCODE]" in event.get("line", "") for event in of_job)
    assert any(event["event"] == "ffmpeg.command" for event in of_job)
    in_file = (harness.root / "fw.log").read_text()
    assert "job.done" in in_file


@pytest.mark.slow
def test_jobs_of_a_removed_folder_are_held_and_continue_when_it_is_back(
    slow_harness: Harness, long_clip: Path, pace: injected.Knob
) -> None:
    share = slow_harness.folder("old", preset={"ml_upscale": "esrgan-4x", "preset": "ultrafast"})
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(long_clip, share / name)
    slow_harness.start()
    slow_harness.wait_running(slow_harness.root / "old" / "out" / "a.mp4")
    slow_harness.stop(signal.SIGKILL)
    pace.turn(0)
    entry = slow_harness.settings["folders"].pop()
    slow_harness.folder("new")
    assert slow_harness.once().returncode == 1  # it ends, and says that not all is done
    held = [event for event in slow_harness.events("job.held") if event["code"] == "folders.removed"]
    assert len(held) == 2
    slow_harness.settings["folders"].append(entry | {"preset": {"ml_upscale": "esrgan-2x", "preset": "ultrafast"}})
    slow_harness.write()
    assert slow_harness.once().returncode == 0
    assert len(list((slow_harness.root / "old" / "out").glob("*.mp4"))) == 2


def test_a_second_attempt_starts_its_progress_at_zero(slow_harness: Harness, long_clip: Path) -> None:
    share = slow_harness.folder(preset={"ml_upscale": "esrgan-4x", "preset": "ultrafast"})
    shutil.copy(long_clip, share / "a.mp4")
    output = slow_harness.root / "anime" / "out" / "a.mp4"
    slow_harness.start()
    eventually(lambda: slow_harness.sidecar(output).get("progress", 0) > 30, what="a third of the job")
    slow_harness.stop(signal.SIGKILL)
    before = slow_harness.sidecar(output)["started_at"]
    slow_harness.start()
    fresh = eventually(
        lambda: found if (found := slow_harness.sidecar(output))["started_at"] > before else None,
        what="the second try",
        details=slow_harness.log,
    )
    assert fresh["progress"] < 10
    assert slow_harness.stop() == 0


def test_a_wrong_preset_in_one_share_does_not_stop_the_daemon_from_starting(
    harness: Harness, long_clip: Path
) -> None:
    bad = harness.folder("bad", preset=False)
    (bad / "framewatch-preset.yaml").write_text("container: [")
    good = harness.folder("good")
    shutil.copy(long_clip, good / "a.mp4")
    shutil.copy(long_clip, bad / "b.mp4")
    assert framewatch("check", "--config", harness.config).returncode == 2
    assert harness.once().returncode == 1
    assert (harness.root / "good" / "out" / "a.mp4").exists()
    assert harness.sidecar(bad / "failed" / "b.mp4")["error"]["code"] == "config.not_yaml"
