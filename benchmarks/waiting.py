"""What do 20,000 waiting files cost?

    python -m benchmarks.waiting            # exit 1 where a limit is passed
    python -m benchmarks.waiting --files 2000 --idle 10

The real daemon, with the identity engine, on a folder with that many small clips in 300 subfolders: how long until
the first job runs and until all are taken in, what a new file among them waits beyond its settling, how long
`framewatch status` takes, and what the daemon's process (not its worker's) uses of memory, and of one core while the
worker is stopped: by events, by polling, and with as many ignored files besides.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import psutil
import yaml

SUBFOLDERS = 300
SETTLE_SECONDS = 5.0  # the default
LIMITS = {"first job, s": 10.0, "jobs begun meanwhile": 0.0, "daemon, MiB": 200.0, "idle, % of a core": 1.0}
COMMAND = [sys.executable, "-m", "framewatch"]


class Site:
    """A folder with files, a configuration, and one daemon at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.input = root / "in"
        self.log = root / "log.jsonl"
        self.began = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def fill(self, files: int) -> None:
        clip = self.root / "clip.mp4"
        picture = "testsrc2=size=64x48:rate=25:duration=0.2"
        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
        subprocess.run([ffmpeg, "-v", "error", "-f", "lavfi", "-i", picture, "-y", f"file:{clip}"], check=True)
        for number in range(files):
            folder = self.input / f"series {number % SUBFOLDERS:03}"
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(clip, folder / f"an episode with a usual name {number:05}.mp4")

    def ignored(self, files: int) -> None:
        for number in range(files):
            folder = self.input / f"series {number % SUBFOLDERS:03}"
            folder.mkdir(exist_ok=True)  # its last video may have been processed
            (folder / f"an episode {number:05}.nfo").touch()

    def start(self, watch: str) -> None:
        folder = {"name": "bench", "input": str(self.input), "watch": watch, "settle_seconds": SETTLE_SECONDS}
        preset = {"ml_upscale": "esrgan-2x", "preset": "ultrafast"}
        settings = {"state_dir": "state", "work_dir": "work", "engine": "identity"}
        config = self.root / "framewatch.yaml"
        config.write_text(yaml.safe_dump(settings | {"folders": [folder | {"preset": preset}]}))
        self.log.unlink(missing_ok=True)
        self.began = time.time()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*COMMAND, "run", "--config", str(config)], stderr=log)

    def stop(self) -> None:
        if self.process is not None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def daemon(self) -> psutil.Process:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        return psutil.Process(self.process.pid)

    def lines(self, event: str) -> list[dict[str, Any]]:
        mark = f'"event": "{event}"'
        return [json.loads(line) for line in self.log.read_text().splitlines() if mark in line]

    def since_start(self, line: dict[str, Any]) -> float:
        return datetime.fromisoformat(line["timestamp"]).timestamp() - self.began

    def stop_worker(self) -> None:
        for child in self.daemon().children(recursive=True):
            child.send_signal(signal.SIGSTOP)

    def settled(self) -> bool:
        """Whether the daemon has looked at all files and has nothing left to take in."""
        command = [*COMMAND, "status", "--json", "--config", str(self.root / "framewatch.yaml")]
        folder = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["folders"][0]
        return (folder["last_scan"] or 0) > self.began and folder["waiting"] == 0

    def status_seconds(self) -> float:
        began = time.monotonic()
        command = [*COMMAND, "status", "--config", str(self.root / "framewatch.yaml")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began

    def new_file_seconds(self, name: str) -> float:
        """From the end of its writing until it is queued, less the time that it has to settle."""
        temporary = self.root / name
        shutil.copyfile(self.root / "clip.mp4", temporary)
        began = time.time()
        temporary.rename(self.input / name)
        found = until(lambda: [line for line in self.lines("job.queued") if name in line["source"]], 600)
        return datetime.fromisoformat(found[0]["timestamp"]).timestamp() - began - SETTLE_SECONDS


def until(probe: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.2)
    return found


def idle_share(site: Site, seconds: float) -> float:
    """Per cent of one core that the daemon's own process uses."""
    before = site.daemon().cpu_times()
    time.sleep(seconds)
    after = site.daemon().cpu_times()
    return 100 * (after.user + after.system - before.user - before.system) / seconds


def memory(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 2**20


def intake(site: Site, files: int) -> dict[str, float]:
    """From the start until all are taken in."""
    site.start("events")
    first = until(lambda: site.lines("job.started"), 300)[0]
    early = site.new_file_seconds("early.mp4")
    peak = 0.0

    def admitted() -> bool:
        nonlocal peak
        peak = max(peak, memory(site.daemon()))
        return queued(site) > files

    until(admitted, 3600)
    last = site.lines("job.queued")[files]
    workers = [memory(child) for child in site.daemon().children()]
    return {
        "first job, s": site.since_start(first),
        "all taken in, s": site.since_start(last),
        "new file meanwhile, s": early,
        "daemon, MiB": max(peak, memory(site.daemon())),
        "worker, MiB": max(workers, default=0.0),
    }


def queued(site: Site) -> int:
    return len({line["job_id"] for line in site.lines("job.queued")})


def idle(site: Site, seconds: float, name: str) -> dict[str, float]:
    """What the daemon costs while nothing happens; it has been started, and its worker is to be stopped."""
    until(lambda: site.lines("stage.progress"), 300)  # now there is a worker
    site.stop_worker()
    until(site.settled, 600)
    site.stop_worker()  # and what it had begun to start
    before = len(site.lines("job.started"))
    found = {
        "idle, % of a core": idle_share(site, seconds),
        "jobs begun meanwhile": float(len(site.lines("job.started")) - before),
        "daemon, MiB": memory(site.daemon()),
        "status, s": site.status_seconds(),
        "new file, s": site.new_file_seconds(name),
    }
    site.stop()
    return found


def measure(root: Path, files: int, seconds: float) -> dict[str, dict[str, float]]:
    site = Site(root)
    site.fill(files)
    try:
        facts = {"start": intake(site, files)}
        print(facts, file=sys.stderr)
        facts["waiting, events"] = idle(site, seconds, "late.mp4")
        site.start("poll")
        facts["waiting, poll"] = idle(site, seconds, "later.mp4")
        site.ignored(files)
        site.start("poll")
        facts["waiting and ignored, poll"] = idle(site, seconds, "latest.mp4")
    finally:
        site.stop()
    return facts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--idle", type=float, default=60.0, help="seconds for which each idle share is measured")
    parser.add_argument("--folder", default=None, help="where to make the files; a disk like that of your NAS")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        facts = measure(Path(os.path.realpath(folder)), options.files, options.idle)
    over = [(case, what) for case, found in facts.items() for what in found if found[what] > LIMITS.get(what, 1e9)]
    if options.json:
        print(json.dumps(facts))
    else:
        for case, found in facts.items():
            for what, value in found.items():
                mark = f"  OVER the limit of {LIMITS[what]}" if (case, what) in over else ""
                print(f"{case:<28}{what:<24}{value:10.2f}{mark}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
