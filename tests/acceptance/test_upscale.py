"""`framewatch upscale` keeps what it has finished, and writes where the user says."""

from __future__ import annotations

import signal
import subprocess
from functools import partial
from pathlib import Path

import yaml

from clips import make_clip
from fault_harness import FaultHarness
from harness import COMMAND, framewatch
from waiting import eventually

ENGINE = ("--engine", "identity")


def preset(folder: Path) -> Path:
    path = folder / "preset.yaml"
    path.write_text(yaml.safe_dump({"ml_upscale": "esrgan-2x", "preset": "ultrafast"}))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_finished_segments_are_kept_and_taken_up(tmp_path: Path) -> None:
    harness = FaultHarness(tmp_path / "server")
    out = tmp_path / "out"
    out.mkdir()
    clip = make_clip(tmp_path / "a.mp4", rate="1", frames=50)  # two segments
    command = ("upscale", clip, "-p", preset(tmp_path), *ENGINE, "-o", out / "b.mp4")
    run = partial(framewatch, *command, **harness.process_options)

    nothing = run("--resume")
    assert (nothing.returncode, names(out)) == (2, [])
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
    assert names(out) == ["b.mp4"]


def test_a_restart_begins_anew_and_leaves_nothing(tmp_path: Path, clip: Path) -> None:
    command = ("upscale", clip, "-p", preset(tmp_path), *ENGINE, "-o", tmp_path / "b.mp4")
    assert framewatch(*command, "--restart", "--resume").returncode == 2
    assert framewatch(*command, "--restart").returncode == 0
    assert sorted(path for path in names(tmp_path) if path.startswith((".", "b"))) == ["b.mp4"]


def test_a_relative_output_is_written_where_the_user_says(tmp_path: Path, clip: Path) -> None:
    here, out = tmp_path / "here", tmp_path / "out"
    here.mkdir()
    out.mkdir()
    (tmp_path / "link").symlink_to(out)
    arguments = ("upscale", clip, "-p", preset(tmp_path), *ENGINE, "-o", "../link/-x.mp4")
    result = framewatch(*arguments, cwd=here)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(out / "-x.mp4"))
    assert names(out) == ["-x.mp4"]
