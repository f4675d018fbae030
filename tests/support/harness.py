"""Drive the installed `framewatch` command as a user would: a configuration, folders, and files dropped into them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from waiting import eventually

COMMAND = Path(sys.executable).with_name("framewatch")
CLIP = Path(__file__).parents[1] / "data" / "bbb-320x180.mp4"

# A fast encoder; tests that are not about pixels use the identity engine.
FAST_PRESET = {"ml_upscale": "esrgan-2x", "preset": "ultrafast", "crf": 30}


def framewatch(*args: str | Path, timeout: float = 120, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command and wait for it."""
    return subprocess.run(
        [COMMAND, *map(str, args)], capture_output=True, text=True, timeout=timeout, check=False, **options
    )


class Harness:
    """A server in a temporary folder: shares, a configuration, and a daemon that can be started and killed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "framewatch.yaml"
        self.settings: dict[str, Any] = {
            "state_dir": str(root / "state"),
            "work_dir": str(root / "work"),
            "engine": "identity",
            "reserve_gb": 0,  # the disks of tests are small
            "folders": [],
        }
        self.daemon: subprocess.Popen[bytes] | None = None
        self.log_file = root / "log.jsonl"
        self.process_options: dict[str, Any] = {}  # for subprocess: an environment, a limit
        self.prefix: tuple[str, ...] = ()  # of the daemon's command: a program that starts it, as another user

    def folder(self, name: str = "anime", preset: Any = None, **options: Any) -> Path:
        """Add a watch folder; returns its input."""
        share = self.root / name / "in"
        share.mkdir(parents=True)
        entry: dict[str, Any] = {
            "name": name,
            "input": str(share),
            "settle_seconds": 0.3,
            "poll_seconds": 0.5,
        }
        if preset is not False:
            entry["preset"] = FAST_PRESET if preset is None else preset
        self.settings["folders"].append(entry | options)
        self.write()
        return share

    def write(self) -> None:
        """Write the configuration."""
        self.config.write_text(yaml.safe_dump(self.settings))

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        """Start the daemon and wait until it is ready."""
        before = len(self.events("daemon.ready"))
        daemon = self.launch(*args)
        eventually(
            lambda: len(self.events("daemon.ready")) > before or daemon.poll() is not None,
            what="the daemon's start",
            details=self.log,
        )
        return daemon

    def launch(self, *args: str) -> subprocess.Popen[bytes]:
        """Start the daemon without waiting."""
        with self.log_file.open("ab") as log:
            command = [*self.prefix, COMMAND, "run", "--config", self.config, *args]
            self.daemon = subprocess.Popen(command, stderr=log, stdout=log, **self.process_options)
        return self.daemon

    def once(self, *, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run `framewatch run --once`; its log is kept."""
        result = framewatch("run", "--config", self.config, "--once", timeout=timeout, **self.process_options)
        with self.log_file.open("a") as log:
            log.write(result.stderr)
        return result

    def wait_running(self, output: Path) -> dict[str, Any]:
        """Wait until some frames of a job are done; returns its sidecar."""
        return eventually(
            lambda: found if (found := self.sidecar(output)).get("frames_done") else {},
            what="a running job",
            details=self.log,
        )

    def stop(self, with_signal: int = signal.SIGTERM, timeout: float = 15) -> int:
        """Send the daemon a signal and wait until it has ended."""
        assert self.daemon is not None
        self.daemon.send_signal(with_signal)
        return self.daemon.wait(timeout)

    def log(self) -> str:
        """Return everything that the daemon has logged."""
        return self.log_file.read_text() if self.log_file.exists() else ""

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """Return the events in the log, all or those of one name; every line must be JSON."""
        lines = [json.loads(line) for line in self.log().splitlines() if line.endswith("}")]
        return [line for line in lines if not name or line["event"] == name]

    def listed(self, folder: Path) -> list[str]:
        """Return the names in a folder, except the mount marker."""
        return sorted(path.name for path in folder.iterdir() if path.name != ".framewatch")

    def sidecar(self, path: Path) -> dict[str, Any]:
        """Return the sidecar of an output, or of a source in failed/; {} while there is none."""
        beside = path.with_name(f"{path.name}.progress.json")
        return json.loads(beside.read_text()) if beside.exists() else {}

    def wait_for(self, path: Path, timeout: float = 60) -> Path:
        """Wait until a file exists."""
        return eventually(lambda: path if path.exists() else None, timeout=timeout, what=str(path), details=self.log)

    def wait_for_event(self, name: str, timeout: float = 60) -> dict[str, Any]:
        """Wait until the log has an event of this name; returns the first."""
        return eventually(lambda: self.events(name), timeout=timeout, what=name, details=self.log)[0]

    def wait_status(self, path: Path, status: str, timeout: float = 60) -> dict[str, Any]:
        """Wait until the sidecar beside `path` says `status`."""
        return eventually(
            lambda: found if (found := self.sidecar(path)).get("status") == status else {},
            timeout=timeout,
            what=f"{path.name}: {status}",
            details=self.log,
        )
