"""`framewatch bench` on a tiny clip, with the real engines, encoders and decoders."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness import CLIP, COMMAND, framewatch
from waiting import eventually

TINY = "--size", "48x32", "--seconds", "1.2", "--baseline-frames", "5"


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    result = framewatch("bench", *TINY, "--lanes", "1,2", "--json", timeout=600)
    assert result.returncode == 0, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_it_says_what_machine_and_what_clip_the_figures_are_of(found: dict[str, Any]) -> None:
    assert found["schema"] == "framewatch.bench/1"
    machine, clip = found["machine"], found["clip"]
    assert machine["cores"] >= 1
    assert machine["memory_gb"] > 0
    assert machine["processor"]
    assert machine["ffmpeg"] != "unknown"
    assert {"openvino", "ncnn"} <= machine["runtimes"].keys()
    assert (clip["width"], clip["height"], clip["scale"], clip["frames"]) == (48, 32, 2, 30)


def test_each_engine_that_works_here_is_measured_and_each_other_says_why_not(found: dict[str, Any]) -> None:
    rows = {row["engine"]: row for row in found["engines"]}
    assert {"cuda", "torch", "ncnn-vulkan", "openvino", "ncnn"} <= rows.keys()
    for row in rows.values():
        assert bool(row["found"]) != bool(row["why"])
    for engine in ("openvino", "ncnn"):
        alone = rows[engine]["found"]
        operations = 2 * 619_200 * alone["width"] * alone["height"]
        assert alone["tflops"] == pytest.approx(alone["fps"] * operations / 1e12)
        assert alone["milliseconds"] == pytest.approx(1000 / alone["fps"])
        assert alone["psnr_db"] > 40
    assert rows["openvino f32"]["found"]["psnr_db"] > rows["openvino"]["found"]["psnr_db"] - 0.1
    peak = rows["openvino"]["found"]
    assert peak["share"] == pytest.approx(peak["tflops"] / peak["peak_tflops"])
    assert rows["ncnn"]["found"]["peak_tflops"] is None


def test_the_whole_way_is_held_against_its_slowest_stage_and_its_parts_add_up(found: dict[str, Any]) -> None:
    stages = found["stages"]
    assert stages["encode_fps"].keys() == {"1", "2"}
    for way in found["whole"]:
        alone = {
            "decode": stages["decode_fps"],
            "upscale": stages["upscale_fps"],
            "encode": stages["encode_fps"][str(way["lanes"])],
        }
        assert way["slowest"] == min(alone, key=lambda stage: alone[stage])
        assert way["share"] == pytest.approx(way["fps"] / way["slowest_fps"])
        assert way["fps"] == pytest.approx(way["frames"] / way["seconds"])
        assert sum(way["phases"].values()) == pytest.approx(way["seconds"])
        assert {"start", "probe", "rehearsal", "open", "render", "join", "verify"} <= way["phases"].keys()
        assert way["busy"].keys() == {"decode", "upscale", "encode"}
        assert way["frames"] == 30


def test_the_seeds_way_is_gone_in_the_same_run(found: dict[str, Any]) -> None:
    base = found["baseline"]
    assert base["frames"] == 5
    assert "ncnn" in base["engine"]
    parts = (base["extract_fps"], base["upscale_fps"], base["encode_fps"])
    assert base["fps"] == pytest.approx(1 / sum(1 / part for part in parts))
    assert base["times"] == pytest.approx(max(way["fps"] for way in found["whole"]) / base["fps"])


def test_it_ends_with_advice_and_the_time_an_episode_needs(found: dict[str, Any]) -> None:
    advice = found["advice"]
    assert advice["engine"] in ("auto", "openvino", "ncnn", "cuda")
    measured, full = advice["episodes"]
    assert (measured["width"], measured["extrapolated"]) == (48, False)
    assert (full["width"], full["extrapolated"]) == (1920, True)
    assert full["seconds"] > measured["seconds"] > 0


def test_a_file_and_a_preset_of_ones_own_and_the_seeds_program(tmp_path: Path) -> None:
    """A stand-in for the program: it is asked as the seed asks, and its pictures become the baseline's video."""
    program = tmp_path / "realesrgan-ncnn-vulkan"
    program.write_text(
        "#!/bin/sh\n"
        "while [ $# -gt 0 ]; do case $1 in -i) in=$2;; -o) out=$2;; -m) models=$2;; -n) name=$2;; esac; shift; done\n"
        '[ -s "$models/$name.bin" ] && [ -s "$models/$name.param" ] || { echo "no model" >&2; exit 3; }\n'
        'cp "$in"/*.png "$out"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    result = framewatch(
        "bench", "--clip", CLIP, "--size", "48x32", "--seconds", "0.3", "--preset", "anime-2x", "--scale", "4",
        "--engine", "identity", "--lanes", "1", "--baseline-frames", "3", "--baseline-program", program, timeout=600,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "realesrgan-ncnn-vulkan" in result.stdout
    assert f"{CLIP.name}, 48x32 to 4x" in result.stdout
    assert "times the seed's way" in result.stdout
    assert "An episode of 24 minutes at 1920x1080 needs about" in result.stdout


def test_a_program_of_the_seeds_that_fails_does_not_throw_the_rest_away(tmp_path: Path) -> None:
    """It is found in the current folder, as it is typed after it was unpacked."""
    program = tmp_path / "seed.sh"
    program.write_text("#!/bin/sh\necho 'invalid gpu device' >&2\nexit 255\n")
    program.chmod(0o755)
    result = framewatch(
        "bench", "--clip", CLIP, "--size", "48x32", "--seconds", "0.3", "--engine", "identity", "--lanes", "1",
        "--baseline-program", "./seed.sh", cwd=tmp_path, timeout=600,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "The seed's way failed: seed.sh ended with status 255: invalid gpu device" in result.stdout
    assert "An episode of 24 minutes" in result.stdout


def test_ctrl_c_leaves_neither_files_nor_processes(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [COMMAND, "bench", "--size", "640x360", "--no-baseline"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )

    def rendering() -> list[psutil.Process]:
        """All that runs, once an encoder does; one that ends while it is looked at is looked at again."""
        children = psutil.Process(process.pid).children(recursive=True)
        with suppress(psutil.Error):
            return children if any("pipe:0" in child.cmdline() for child in children) else []
        return []

    children = eventually(rendering, what="the encoder")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


def test_a_wrong_wish_is_2_and_a_sentence() -> None:
    result = framewatch("bench", "--size", "33x32")
    assert result.returncode == 2
    assert result.stderr.startswith("framewatch: error: ")
    assert result.stderr.count("\n") == 1
