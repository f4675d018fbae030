"""`python -m benchmarks.png_workflow` on a tiny clip, with the ncnn package and with stand-ins for the program."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness import CLIP

ROOT = Path(__file__).parents[2]
TINY = "--size", "48x32", "--seconds", "0.3"


def png_workflow(*args: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "benchmarks.png_workflow", *map(str, args)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False, cwd=ROOT)


def test_both_ways_are_measured_in_one_run() -> None:
    result = png_workflow("--size", "48x32", "--seconds", "1.2", "--frames", "5", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    base = found["png"]
    assert base["frames"] == 5
    assert "ncnn" in base["engine"]
    parts = (base["extract_fps"], base["upscale_fps"], base["encode_fps"])
    assert base["fps"] == pytest.approx(1 / sum(1 / part for part in parts))
    assert found["times"] == pytest.approx(found["framewatch"]["fps"] / base["fps"])


def test_your_own_clip_and_the_real_program(tmp_path: Path) -> None:
    """A stand-in for the program: it gets the program's arguments, and its images become the video."""
    program = tmp_path / "realesrgan-ncnn-vulkan"
    program.write_text(
        "#!/bin/sh\n"
        "while [ $# -gt 0 ]; do case $1 in -i) in=$2;; -o) out=$2;; -m) models=$2;; -n) name=$2;; esac; shift; done\n"
        '[ -s "$models/$name.bin" ] && [ -s "$models/$name.param" ] || { echo "no model" >&2; exit 3; }\n'
        'cp "$in"/*.png "$out"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    options = "--clip", CLIP, *TINY, "--scale", "4", "--engine", "identity", "--frames", "3", "--program", program
    result = png_workflow(*options)
    assert result.returncode == 0, result.stderr
    assert "realesrgan-ncnn-vulkan" in result.stdout
    assert "times as fast" in result.stdout


def test_a_program_that_fails_is_an_error_with_its_last_line(tmp_path: Path) -> None:
    program = tmp_path / "program.sh"
    program.write_text("#!/bin/sh\necho 'invalid gpu device' >&2\nexit 255\n")
    program.chmod(0o755)
    result = png_workflow(*TINY, "--engine", "identity", "--program", program)
    assert result.returncode == 1
    assert "program.sh ended with status 255: invalid gpu device" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--program", "/nowhere/realesrgan"], "realesrgan"),
        (["--frames", "0"], "--frames"),
    ],
)
def test_an_option_out_of_range_is_refused(arguments: list[str], expected: str) -> None:
    result = png_workflow(*arguments)
    assert result.returncode == 2
    assert expected in result.stderr
