"""tools/venv.sh: which Python `make` uses, what it says where there is none, and when .venv is created again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "venv.sh"
THIS = f'exec "{sys.executable}" "$@"'
OLD = 'case "$2" in *print*) echo 3.9 ;; *) exit 1 ;; esac'
WITHOUT_ENSUREPIP = f'case "$2" in *ensurepip*) exit 1 ;; *) {THIS} ;; esac'
INACTIVE = "exit 127"  # as pyenv's stand-in for a version that is installed and not active
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
# Installing pip into an environment takes seconds; an empty package in its place is enough here.
QUICK = f"""case "$2" in
    venv) "{sys.executable}" -m venv --without-pip "$3" "$4" &&
        /bin/mkdir "$4/lib/python{VERSION}/site-packages/pip" ;;
    *) {THIS} ;;
esac"""


def put(folder: Path, **bodies: str) -> Path:
    """Programs in `folder`, by their name with _ for the point."""
    for name, body in bodies.items():
        program = folder / name.replace("_", ".")
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    return folder


def run(path: Path, *args: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(SCRIPT), *map(str, args)]
    return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("programs", "chosen"),
    [
        ({"python3": THIS}, "python3"),
        ({"python": THIS}, "python"),
        ({"python3_12": THIS, "python3": THIS}, "python3.12"),
        ({"python3_11": INACTIVE, "python3": OLD, "python": THIS}, "python"),
        ({"python3_11": WITHOUT_ENSUREPIP, "python3_13": THIS}, "python3.13"),
    ],
)
def test_the_first_python_that_can_create_an_environment_is_used(
    tmp_path: Path, programs: dict[str, str], chosen: str
) -> None:
    found = run(put(tmp_path, **programs), "find")
    assert (found.stdout, found.stderr) == (f"{chosen}\n", "")


def test_a_python_that_is_named_is_the_only_one_considered(tmp_path: Path) -> None:
    path = put(tmp_path, python3=THIS, mine=THIS, python3_9=OLD)
    assert run(path, "find", "mine").stdout == "mine\n"
    old = run(path, "find", "python3.9")
    assert (old.returncode, old.stderr) == (1, "framewatch needs Python 3.11 or newer. python3.9 is Python 3.9.\n")
    missing = run(path, "find", "python4")
    assert (missing.returncode, missing.stderr) == (
        1,
        "framewatch needs Python 3.11 or newer. python4 cannot be started.\n",
    )


def test_without_a_python_the_error_says_how_to_get_or_name_one(tmp_path: Path) -> None:
    found = run(put(tmp_path, python3=OLD), "find")
    assert (found.returncode, found.stdout) == (1, "")
    assert "No Python 3.11 or newer was found. python3 is Python 3.9." in found.stderr
    assert "make test PYTHON=/path/to/python" in found.stderr


def test_a_python_without_ensurepip_is_told_which_package_to_install(tmp_path: Path) -> None:
    found = run(put(tmp_path, python3=WITHOUT_ENSUREPIP), "find")
    assert (found.returncode, found.stdout) == (1, "")
    assert f"apt install python3-venv (or python{VERSION}-venv)" in found.stderr


def test_an_environment_whose_python_is_gone_is_created_again(tmp_path: Path) -> None:
    path = put(tmp_path, python3=QUICK, other=OLD)
    folder = tmp_path / ".venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(tmp_path / "gone")
    assert run(path, "usable", folder).returncode == 1
    assert run(path, "create", folder).stdout == f"Creating {folder} with python3 ({VERSION})\n"
    assert run(path, "usable", folder).returncode == 0
    assert run(path, "create", folder).stdout == ""
    assert run(path, "usable", folder, "other").returncode == 1
