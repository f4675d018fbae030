"""The commands other than `run`, as people and scripts use them."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import termios
from functools import partial
from pathlib import Path
from typing import Any

import av
import pytest
import yaml

import injected
from harness import CLIP, COMMAND, Harness, framewatch
from waiting import eventually

COMMANDS = (
    "init",
    "run",
    "check",
    "plan",
    "upscale",
    "status",
    "retry",
    "cancel",
    "redo",
    "requeue",
    "pause",
    "resume",
    "next",
    "priority",
    "doctor",
    "models",
    "demo",
    "schema",
    "bench",
)


def preset(folder: Path, **keys: object) -> Path:
    path = folder / "preset.yaml"
    path.write_text(yaml.safe_dump({"ml_upscale": "esrgan-2x", "preset": "ultrafast"} | keys))
    return path


def test_check_passes_a_good_configuration_and_names_its_folders(harness: Harness) -> None:
    harness.folder()
    result = framewatch("check", "--config", harness.config)
    assert result.returncode == 0, result.stderr
    assert "anime" in result.stdout


def test_check_lists_every_error_with_its_place(harness: Harness) -> None:
    harness.folder(preset={"video_codec": "libx265", "container": "webm", "crff": 20})
    harness.settings |= {"retires": 3, "segment_seconds": -1}
    harness.write()
    result = framewatch("check", "--config", harness.config)
    assert result.returncode == 2
    lines = result.stderr.strip().splitlines()
    assert any('"retires"' in line and '"retries"' in line and "framewatch.yaml:" in line for line in lines)
    assert any("segment_seconds" in line for line in lines)
    assert "Traceback" not in result.stderr
    assert all("[" in line and line.endswith("]") for line in lines), lines


def test_a_missing_configuration_file_is_one_line_and_status_2(tmp_path: Path) -> None:
    result = framewatch("run", "--config", tmp_path / "none.yaml")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "none.yaml" in result.stderr


@pytest.mark.parametrize("arguments", [["--frobnicate"], ["runn"], ["run"], ["upscale", "a.mp4"], []])
def test_bad_arguments_are_status_2_and_point_to_the_help(arguments: list[str]) -> None:
    result = framewatch(*arguments)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "--help" in result.stderr + result.stdout


def test_every_preset_key_is_listed_with_its_default() -> None:
    rows = json.loads(framewatch("presets", "keys", "--json").stdout)
    defaults = {row["key"]: row["default"] for row in rows}
    assert (defaults["crf"], defaults["container"], defaults["crop.x"]) == ("23", "mp4", "0")
    assert all(row["description"] for row in rows), [row["key"] for row in rows if not row["description"]]
    assert "audio_normalize" in framewatch("presets", "keys", "loudness").stdout


def test_every_command_has_help_with_an_example() -> None:
    listing = framewatch("--help").stdout
    for name in COMMANDS:
        assert name in listing
        text = framewatch(name, "--help").stdout
        assert f"framewatch {name}" in text.split("Usage", 1)[1].split("\n", 1)[1], f"{name}: no example"


def test_upscale_writes_the_named_file_and_leaves_the_source(tmp_path: Path, clip: Path) -> None:
    output = tmp_path / "big.mp4"
    result = framewatch("upscale", clip, "--preset", preset(tmp_path), "-o", output)
    assert result.returncode == 0, result.stderr
    with av.open(str(output)) as made:
        assert (made.streams.video[0].width, made.streams.video[0].height) == (128, 96)
    assert clip.exists()
    assert [path.name for path in tmp_path.iterdir() if "big" in path.name] == ["big.mp4"]


def test_upscale_never_overwrites_and_refuses_with_a_code(tmp_path: Path, clip: Path) -> None:
    output = tmp_path / "big.mp4"
    output.write_text("mine")
    result = framewatch("upscale", clip, "--preset", preset(tmp_path), "-o", output)
    assert result.returncode == 2
    assert "output.exists" in result.stderr
    assert output.read_text() == "mine"
    (tmp_path / "no.mp4").write_text("text")
    failed = framewatch("upscale", tmp_path / "no.mp4", "--preset", preset(tmp_path), "-o", tmp_path / "x.mp4")
    assert failed.returncode == 1
    assert "media.not_media" in failed.stderr
    assert not (tmp_path / "x.mp4").exists()


def test_upscale_prints_its_result_as_json(tmp_path: Path, clip: Path) -> None:
    output = tmp_path / "big.mp4"
    result = framewatch("upscale", clip, "--preset", preset(tmp_path), "-o", output, "--json")
    said = json.loads(result.stdout)
    assert (said["status"], said["output"], said["frames"]) == ("done", str(output), 6)


def test_ctrl_c_in_an_upscale_leaves_no_mess(tmp_path: Path) -> None:
    import psutil

    output = tmp_path / "out" / "big.mp4"
    output.parent.mkdir()
    process = subprocess.Popen(
        [COMMAND, "upscale", CLIP, "--preset", preset(tmp_path, ml_upscale="esrgan-4x"), "-o", output],
        stderr=subprocess.PIPE,
        text=True,
        # Where a shell runs the tests with "&", they ignore it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no other thread is alive
    )
    children = eventually(
        lambda: [p for p in psutil.Process(process.pid).children(recursive=True) if "ffmpeg" in p.name()],
        what="an ffmpeg",
    )
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=15)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert list(output.parent.iterdir()) == []
    psutil.wait_procs(children, timeout=10)  # killed, but not reaped by init yet
    assert not any(child.is_running() for child in children)


def test_plan_shows_what_would_be_done_and_writes_nothing(tmp_path: Path, clip: Path) -> None:
    before = sorted(tmp_path.iterdir())
    path = preset(tmp_path, video_codec="libx265")
    shown = framewatch("plan", clip, "--preset", path)
    assert shown.returncode == 0, shown.stderr
    assert "128x96" in shown.stdout
    assert "libx265" in shown.stdout
    as_json = json.loads(framewatch("plan", clip, "--preset", path, "--json").stdout)
    assert as_json["plan"]["width"] == 128
    assert any("libx265" in argument for command in as_json["commands"] for argument in command["argv"])
    assert sorted(tmp_path.iterdir()) == sorted([*before, path])


def test_status_shows_jobs_and_folders_with_and_without_a_daemon(harness: Harness, clip: Path) -> None:
    share = harness.folder()
    empty = json.loads(framewatch("status", "--config", harness.config, "--json").stdout)
    assert empty["daemon"] is None
    assert empty["jobs"] == []
    daemon = harness.start()
    shutil.copy(clip, share / "a.mp4")
    (share / "b.mp4").write_text("text")
    harness.wait_status(harness.root / "anime" / "out" / "a.mp4", "done")
    harness.wait_status(share / "failed" / "b.mp4", "failed")
    eventually(lambda: len(harness.events("job.failed")) == 1, what="the end of b")
    state = json.loads(framewatch("status", "--config", harness.config, "--json").stdout)
    assert state["daemon"]["pid"] == daemon.pid
    assert state["folders"][0]["name"] == "anime"
    assert sorted(job["status"] for job in state["jobs"]) == ["done", "failed"]
    text = framewatch("status", "--config", harness.config).stdout
    assert "a.mp4" in text
    assert "media.not_media" in text
    assert harness.stop() == 0


def test_cancel_stops_a_running_job_and_retry_runs_it_again(
    slow_harness: Harness, long_clip: Path, pace: injected.Knob
) -> None:
    harness = slow_harness
    share = harness.folder(preset={"ml_upscale": "esrgan-4x", "preset": "ultrafast"})
    shutil.copy(long_clip, share / "a.mp4")
    output = harness.root / "anime" / "out" / "a.mp4"
    harness.start()
    sidecar = harness.wait_running(output)
    said = framewatch("cancel", sidecar["job_id"], "--config", harness.config)
    assert said.returncode == 0, said.stderr
    harness.wait_status(share / "failed" / "a.mp4", "cancelled")
    assert not output.exists()
    assert (share / "failed" / "a.mp4").exists()

    pace.turn(0)
    said = framewatch("retry", sidecar["job_id"], "--config", harness.config)
    assert said.returncode == 0, said.stderr
    harness.wait_status(output, "done", timeout=120)
    assert (share / "done" / "a.mp4").exists()
    assert not (share / "failed" / "a.mp4").exists()
    assert not (share / "failed" / "a.mp4.progress.json").exists()
    assert harness.stop() == 0


def test_cancel_and_retry_of_an_unknown_job_are_errors(harness: Harness) -> None:
    harness.folder()
    for command in ("cancel", "retry"):
        result = framewatch(command, "nosuchjob", "--config", harness.config)
        assert result.returncode == 2
        assert "job.not_found" in result.stderr


def test_doctor_checks_engine_ffmpeg_and_models(harness: Harness) -> None:
    harness.folder()
    text = framewatch("doctor", "--config", harness.config)
    assert text.returncode == 0, text.stdout + text.stderr
    report = json.loads(framewatch("doctor", "--config", harness.config, "--json").stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert checks["ffmpeg"]["ok"]
    assert checks["models"]["ok"]
    assert checks["engine"]["ok"]
    assert "folder anime" in checks


def test_models_list_verify_and_install(tmp_path: Path) -> None:
    listed = json.loads(framewatch("models", "list", "--json").stdout)
    assert "realesr-animevideov3" in [model["name"] for model in listed]
    assert framewatch("models", "verify").returncode == 0
    installed = framewatch("models", "install", "--into", tmp_path)
    assert installed.returncode == 0, installed.stderr
    weights = next(tmp_path.glob("*.bin"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    broken = framewatch("models", "verify", env={"FRAMEWATCH_MODELS": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert broken.returncode == 1
    assert "models.corrupt" in broken.stderr


def test_schemas_accept_what_the_program_writes(harness: Harness, clip: Path) -> None:
    schemas = {kind: json.loads(framewatch("schema", kind).stdout) for kind in ("config", "preset", "progress")}
    assert "folders" in schemas["config"]["properties"]
    assert "ml_upscale" in schemas["preset"]["properties"]
    share = harness.folder()
    shutil.copy(clip, share / "a.mp4")
    assert harness.once().returncode == 0
    sidecar = harness.sidecar(harness.root / "anime" / "out" / "a.mp4")
    assert set(schemas["progress"]["required"]) <= set(sidecar)
    assert set(sidecar) <= set(schemas["progress"]["properties"])


def test_a_terminal_that_lacks_a_names_characters_gets_escapes(tmp_path: Path) -> None:
    preset = tmp_path / "caf\u00e9.yaml"
    preset.write_text("crf: 20\n")
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    result = framewatch("presets", "show", preset, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert "caf\\xe9" in result.stdout


def test_status_and_plan_expect_what_was_measured_and_nothing_before(
    harness: Harness, clip: Path, pace: injected.Knob
) -> None:
    path = preset(harness.root)
    share = harness.folder(preset=str(path))
    plan = ("plan", clip, "-p", path, "--config", harness.config)
    assert "time unknown" in framewatch(*plan).stdout
    shutil.copy(clip, share / "first.mp4")
    pace.turn(0)
    assert harness.once().returncode == 0
    said = json.loads(framewatch(*plan, "--json").stdout)["expected"]
    assert said["seconds"] > 0
    assert (said["basis"], said["measured_size"]) == ("jobs", True)
    output = harness.root / "anime" / "out" / "first.mp4"
    assert said["output_size"] == pytest.approx(output.stat().st_size, rel=0.1)

    pace.turn(0.5)
    harness.start()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copy(clip, share / name)
    expected = ["running", "queued", "queued", "done"]
    state = eventually(
        lambda: found if _statuses(found := _state(harness)) == expected else {}, what="one running, two queued files"
    )
    running, queued, done = state["jobs"][0], state["jobs"][1], state["jobs"][-1]
    assert running["elapsed_seconds"] is not None
    assert queued["expected"]["seconds"] == pytest.approx(done["elapsed_seconds"], rel=0.9)
    assert (queued["size"], state["queue"]["jobs"]) == (clip.stat().st_size, 2)
    assert state["queue"]["unknown"] == 0
    text = framewatch("status", "--config", harness.config).stdout
    places = [text.index(word) for word in ("RUNNING", running["job_id"], "NEXT", queued["job_id"], "DONE", "first")]
    assert places == sorted(places)
    pace.turn(0)
    assert harness.stop() == 0


def _state(harness: Harness) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(framewatch("status", "--config", harness.config, "--json").stdout)
    return state


def _statuses(state: dict[str, Any]) -> list[str]:
    return [job["status"] for job in state["jobs"]]


def test_the_live_status_fits_the_terminal_and_leaves_it_as_it_was(harness: Harness, tmp_path: Path) -> None:
    harness.folder()
    for end in (b"q", b"\x03"):
        terminal, inside = pty.openpty()
        termios.tcsetwinsize(inside, (24, 80))
        before = termios.tcgetattr(inside)
        environment = os.environ | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
        command = [COMMAND, "status", "--watch", "--config", harness.config]
        with subprocess.Popen(
            command, stdin=inside, stdout=inside, stderr=inside, env=environment, start_new_session=True,
            preexec_fn=partial(_be_controlled, inside),  # noqa: PLW1509 - no other thread is alive
        ) as live:  # fmt: skip
            shown = b""
            while b"q quits" not in shown:
                shown += os.read(terminal, 65536)
            os.write(terminal, end)
            assert live.wait(timeout=10) == (0 if end == b"q" else 130)
        while b"\x1b[?1049l" not in shown:  # the screen from before
            shown += os.read(terminal, 65536)
        assert termios.tcgetattr(inside) == before
        text = re.sub(rb"\x1b\[[?0-9;]*[A-Za-z]", b"", shown).decode()
        assert "daemon: not running" in text
        assert max(len(line) for line in text.splitlines()) <= 80
        os.close(terminal)
        os.close(inside)
    refused = framewatch("status", "--watch", "--config", harness.config)
    assert (refused.returncode, "terminal" in refused.stderr) == (2, True)


def _be_controlled(terminal: int) -> None:
    """Make the terminal the one whose Ctrl-C is a signal for this process."""
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
