"""`framewatch bench` on a tiny clip, with the real engines, encoders and decoders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness import CLIP, COMMAND, framewatch
from waiting import eventually

TINY = "--size", "48x32", "--seconds", "1.2"


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    # More than the default: with less, a machine that is busy with other tests would leave engines out.
    result = framewatch("bench", *TINY, "--lanes", "1,2", "--budget", "90", "--json", timeout=600)
    assert result.returncode == 0, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_the_report_names_the_machine_and_the_clip(found: dict[str, Any]) -> None:
    assert found["schema"] == "framewatch.bench/2"
    machine, clip = found["machine"], found["clip"]
    assert machine["cores"] >= 1
    assert machine["memory_gb"] > 0
    assert machine["processor"]
    assert machine["ffmpeg"] != "unknown"
    assert {"openvino", "ncnn"} <= machine["runtimes"].keys()
    assert (clip["width"], clip["height"], clip["scale"], clip["frames"]) == (48, 32, 2, 30)


def test_each_engine_is_measured_or_has_a_reason_why_not(found: dict[str, Any]) -> None:
    rows = {row["engine"]: row for row in found["engines"]}
    assert {"cuda", "torch", "ncnn-vulkan", "openvino", "ncnn"} <= rows.keys()
    for row in rows.values():
        assert bool(row["result"]) != bool(row["reason"])
    for engine in ("openvino", "ncnn"):
        alone = rows[engine]["result"]
        operations = 2 * 619_200 * alone["width"] * alone["height"]
        assert alone["tflops"] == pytest.approx(alone["fps"] * operations / 1e12)
        assert alone["milliseconds"] == pytest.approx(1000 / alone["fps"])
        assert alone["psnr_db"] > 40
    assert rows["openvino f32"]["result"]["psnr_db"] > rows["openvino"]["result"]["psnr_db"] - 0.1


def test_a_run_is_compared_with_its_slowest_stage_and_its_phases_add_up(found: dict[str, Any]) -> None:
    stages = found["stages"]
    assert stages["encode_fps"].keys() == {"1", "2"}
    for run in found["end_to_end"]:
        alone = {
            "decode": stages["decode_fps"],
            "upscale": stages["upscale_fps"],
            "encode": stages["encode_fps"][str(run["lanes"])],
        }
        assert run["slowest"] == min(alone, key=lambda stage: alone[stage])
        assert run["share"] == pytest.approx(run["fps"] / run["slowest_fps"])
        assert run["fps"] == pytest.approx(run["frames"] / run["seconds"])
        assert sum(run["phases"].values()) == pytest.approx(run["seconds"])
        assert {"start", "probe", "rehearsal", "open", "render", "join", "verify"} <= run["phases"].keys()
        assert run["busy"].keys() == {"decode", "upscale", "encode"}
        assert run["frames"] == 30


def test_it_ends_with_a_recommendation_and_the_time_of_an_episode(found: dict[str, Any]) -> None:
    recommendation = found["recommendation"]
    assert recommendation["engine"] in ("auto", "openvino", "ncnn", "cuda")
    measured, full = recommendation["episodes"]
    assert (measured["width"], measured["extrapolated"]) == (48, False)
    assert (full["width"], full["extrapolated"]) == (1920, True)
    assert full["seconds"] > measured["seconds"] > 0


@pytest.mark.slow
def test_the_announced_time_is_kept() -> None:
    """Within a wide margin: opening an engine cannot be cut short, and takes long on a machine that is busy."""
    result = framewatch("bench", "--size", "64x48", "--budget", "30", "--json", timeout=600)
    assert result.returncode == 0, result.stderr
    assert "This takes about 30 seconds." in result.stderr
    duration = json.loads(result.stdout)["duration"]
    assert duration["seconds"] < 3 * duration["announced_seconds"]


@pytest.mark.slow
def test_a_clip_and_a_preset_of_your_own() -> None:
    options = "--clip", CLIP, "--size", "48x32", "--seconds", "0.3", "--preset", "anime-2x", "--scale", "4"
    result = framewatch("bench", *options, "--engine", "identity", "--lanes", "1", timeout=600)
    assert result.returncode == 0, result.stderr
    assert f"{CLIP.name}, 48x32 to 4x" in result.stdout
    assert "An episode of 24 minutes at 1920x1080 needs about" in result.stdout


def test_ctrl_c_leaves_neither_files_nor_processes(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [COMMAND, "bench", "--size", "640x360"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )

    def rendering() -> list[psutil.Process]:
        """Return all processes once an encoder is among them; one that ends meanwhile is looked at again."""
        children = psutil.Process(process.pid).children(recursive=True)
        with suppress(psutil.Error):
            return children if any("pipe:0" in child.cmdline() for child in children) else []
        return []

    children = eventually(rendering, what="the encoder", timeout=300)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


def test_a_wrong_option_is_status_2_and_one_sentence() -> None:
    result = framewatch("bench", "--size", "33x32")
    assert result.returncode == 2
    assert result.stderr.startswith("framewatch: error: ")
    assert result.stderr.count("\n") == 1
