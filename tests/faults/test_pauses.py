"""What stops work before its time, and takes it up: the battery, heat, the hour, signals, a file that grows."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import threading
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import yaml

from clips import make_clip
from fault_harness import PRESET, FaultHarness
from harness import COMMAND, framewatch
from invariants import require_whole
from queue_control import asked, counts, started, state, upscaled
from sources import MakeSource, make_source
from waiting import eventually

pytestmark = pytest.mark.slow

SECONDS, PER_SEGMENT = 3, 25


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_battery_temperature_and_hours_pause_after_the_segment(harness: FaultHarness) -> None:
    share = harness.folder("anime", preset=PRESET)
    source = make_source(share / "a.mp4", 1, SECONDS)
    harness.settings |= {"pause_on_battery": True, "pause_above_celsius": 85}
    harness.write()
    told = asked(harness, "check", **harness.process_options)
    assert "power.no_battery" in told
    assert "power.no_temperature" in told
    doctor = framewatch("doctor", "--config", harness.config, **harness.process_options)
    assert (doctor.returncode, doctor.stdout.count("[power.no_")) == (1, 2)

    harness.turn("power", {"plugged": False, "celsius": 50})
    assert "power." not in asked(harness, "check", **harness.process_options)
    harness.turn("delay", 0.5)
    harness.start()
    harness.wait_for_event("job.queued")
    assert [pause["by"] for pause in state(harness)["pauses"]] == ["battery"]
    assert started(harness) == []

    # It goes on when the machine is plugged in, and stops after the segment when it is hot.
    harness.turn("power", {"plugged": True, "celsius": 80})
    harness.wait_frames(2)
    harness.turn("power", {"plugged": True, "celsius": 86})
    harness.wait_event("queue.paused", by="temperature")
    harness.turn("delay", 0.01)
    eventually(lambda: counts(harness) == {"queued": 1}, what="the pause", details=harness.log)
    assert sorted(upscaled(harness).items()) == [((1, frame), 1) for frame in range(PER_SEGMENT)]
    assert "hotter than 85 degrees" in asked(harness, "status")

    # Outside of the active hours it waits also when it is cool, until they begin.
    now = datetime.now()  # noqa: DTZ005 - the clock on the wall
    begin, end = (now + timedelta(hours=hours) for hours in (2, 3))
    harness.settings["active_hours"] = f"{begin:%H:%M}-{end:%H:%M}"
    harness.write()
    assert harness.daemon is not None
    harness.daemon.send_signal(signal.SIGHUP)
    harness.wait_event("queue.paused", by="hours")
    harness.turn("power", {"plugged": True, "celsius": 70})
    eventually(lambda: [pause["by"] for pause in state(harness)["pauses"]] == ["hours"], what="the end of the heat")
    assert len(started(harness)) == 1
    harness.turn("clock", 2.5 * 3600)
    harness.wait_status(harness.out / "a.mp4", "done")
    assert harness.stop() == 0
    assert set(upscaled(harness).values()) == {1}
    require_whole(harness.out / "a.mp4", source)


def test_a_run_once_does_not_wait_for_ever_for_a_file_that_grows(harness: FaultHarness, source: MakeSource) -> None:
    share = harness.open()
    shutil.copy(source(1, 1).path, share / "a.mp4")
    grown = threading.Event()

    def grow() -> None:
        with (share / "endless.mp4").open("wb") as file:
            while not grown.wait(0.05):
                file.write(b"x")
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    ended = framewatch("run", "--config", harness.config, "--once", "--growing-limit", "2")
    grown.set()
    writer.join()
    assert ended.returncode == 1
    told = [json.loads(line) for line in ended.stderr.splitlines() if '"once.still_changing"' in line]
    assert [(event["folder"], event["paths"]) for event in told] == [("anime", ["endless.mp4"])]
    assert (share / "endless.mp4").exists()
    assert (share / "done" / "a.mp4").exists()
    assert framewatch("run", "--config", harness.config, "--growing-limit", "2").returncode == 2


def test_finished_segments_are_kept_and_taken_up(harness: FaultHarness, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    preset = tmp_path / "preset.yaml"
    preset.write_text(yaml.safe_dump(PRESET))
    clip = make_clip(tmp_path / "a.mp4", rate="1", frames=50)  # two segments
    command = ("upscale", clip, "-p", preset, "--engine", "identity", "-o", out / "b.mp4")
    run = partial(framewatch, *command, **harness.process_options)

    nothing = run("--resume")
    assert (nothing.returncode, listed(out)) == (2, [])
    assert "upscale.nothing_kept" in nothing.stderr

    for number in (signal.SIGHUP, signal.SIGTERM):  # Ctrl-C is tested with the other commands
        harness.turn("delay", 0.05)
        process = subprocess.Popen(
            [COMMAND, *map(str, command)],
            stderr=subprocess.PIPE,
            text=True,
            # Where a shell runs the tests with "&", or nohup does, they ignore these.
            preexec_fn=partial(signal.signal, number, signal.SIG_DFL),  # noqa: PLW1509 - no other thread is alive
            **harness.process_options,
        )
        eventually(lambda: list(out.glob(".framewatch-*/segment-*")), what="a finished segment")
        harness.turn("delay", 1)
        eventually(lambda: list(out.glob(".framewatch-*/part-*")), what="another segment")
        busy = run()
        assert (busy.returncode, "upscale.already_running" in busy.stderr) == (2, True)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=15)
        assert process.returncode == 130
        last = stderr.strip().splitlines()[-1]
        assert "kept in" in last
        assert "--resume" in last
        kept = sorted(path.name for path in out.glob(".framewatch-*/*"))
        assert kept == ["ledger.jsonl", "segment-00000.mp4"]

    harness.turn("delay", 0)
    resumed = run("--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "going on: 1 of 2 segments" in resumed.stderr
    assert listed(out) == ["b.mp4"]
