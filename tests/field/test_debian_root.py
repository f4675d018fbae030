"""The README's steps for a service, word for word, in a Debian with python3, python3-venv and ffmpeg, and no more.

`make debian` runs it. It needs root, mmdebstrap, systemd-analyze and a package index.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from media_factory import make_video

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
RELEASE = os.environ.get("FRAMEWATCH_DEBIAN", "bookworm")
PACKAGES = "python3,python3-venv,ffmpeg"
UNIT = "etc/systemd/system/framewatch.service"
READER = 65534  # nobody
# What a bare Debian lacks and the README's steps call. The manager is not run: systemd-analyze judges the unit.
PROGRAMS = {
    "sudo": """
if [ "$1" = -u ]; then user=$2; shift 2; exec setpriv --reuid "$user" --regid "$user" --init-groups "$@"; fi
exec "$@"
""",
    "systemctl": 'echo "$*" >>/root/systemctl.log',
    "journalctl": "exit 0",
}


class DebianRoot:
    """A Debian in a folder. Commands run in it with the host's network."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def shell(self, script: str, **env: str) -> str:
        """Run a script as root; returns its output, and fails with it unless it ends with 0."""
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", _ENTER, "sh", self.path, script],
            capture_output=True,
            text=True,
            timeout=900,
            env=self._environment() | env,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}"
        return done.stdout + done.stderr

    @staticmethod
    def _environment() -> dict[str, str]:
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_") and "FIND" not in name}
        return pip | {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}


_ENTER = """
mount --make-rprivate /
mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/run"
exec chroot "$1" /bin/sh -euc "cd /root/framewatch && $2"
"""


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianRoot]:
    assert shutil.which("mmdebstrap"), "mmdebstrap is missing. On Debian and Ubuntu: apt install mmdebstrap"
    path = tmp_path_factory.mktemp("debian") / "root"
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", RELEASE, path]
    subprocess.run(command, check=True, timeout=900)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True).stdout
    for name in filter(None, os.fsdecode(files).split("\0")):
        if (PROJECT / name).is_file():
            target = path / "root" / "framewatch" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, target)
    for name, script in PROGRAMS.items():
        program = path / "usr" / "local" / "bin" / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    for host in ("/etc/resolv.conf", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt"):  # the way to the index
        if Path(host).is_file():
            (path / host[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(host, path / host[1:])
    yield DebianRoot(path)
    shutil.rmtree(path)


def steps() -> str:
    """Return the README's commands for systemd."""
    text = (PROJECT / "README.md").read_text("utf-8")
    found = re.search(r"## Run it as a service\n.*?```sh\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def installed(debian: DebianRoot) -> DebianRoot:
    debian.shell(steps())
    return debian


def unit_values(debian: DebianRoot, key: str) -> list[str]:
    lines = (debian.path / UNIT).read_text("utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


def as_service(debian: DebianRoot, argv: Sequence[str]) -> str:
    """Run a command as the unit does: its user and umask, systemd's folders, and no home."""
    (user,), (umask,) = unit_values(debian, "User"), unit_values(debian, "UMask")
    folders = {"STATE_DIRECTORY": "/var/lib/framewatch", "CACHE_DIRECTORY": "/var/cache/framewatch"}
    made = " && ".join(f"install -d -o {user} -g {user} {folder}" for folder in folders.values())
    env = " ".join(f"{name}={folder}" for name, folder in folders.items())
    drop = f"setpriv --reuid {user} --regid {user} --clear-groups env -i PATH=/usr/bin:/bin {env}"
    return debian.shell(f"{made} && umask {umask} && {drop} {shlex.join(argv)}")


def test_the_steps_of_the_readme_install_a_service_that_verifies(installed: DebianRoot) -> None:
    assert "enable --now framewatch" in (installed.path / "root" / "systemctl.log").read_text()
    # It is judged by the host's systemd, which is to find the program.
    script = 'mount --make-rprivate / && mount --rbind "$1/opt" /opt && systemd-analyze verify "$1/$2"'
    command = ["unshare", "--mount", "sh", "-euc", script, "sh", installed.path, UNIT]
    verified = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("program", ["packaged", "system"])
def test_a_film_becomes_an_output_that_another_user_can_read(installed: DebianRoot, program: str) -> None:
    (start,) = unit_values(installed, "ExecStart")
    films = installed.path / "srv" / "films"
    source = make_video(films / "in" / f"{program}.mkv", seconds=1, audio=True)
    os.chown(source, *map(int, installed.shell("id -u framewatch; id -g framewatch").split()))
    choice = {} if program == "packaged" else {"FRAMEWATCH_FFMPEG": program}
    argv = [*(f"{name}={value}" for name, value in choice.items()), *shlex.split(start), "--once"]
    log = as_service(installed, argv)
    (output,) = (path for path in films.joinpath("out").glob(f"{program}.*") if path.suffix != ".json")
    assert (films / "in" / "done" / source.name).is_file(), log
    read = f"setpriv --reuid {READER} --regid {READER} --clear-groups cat /srv/films/out/{output.name} | wc -c"
    assert int(installed.shell(read)) == output.stat().st_size
