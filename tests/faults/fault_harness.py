"""A harness whose daemon faults can be injected into, and which remembers what was dropped."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import psutil

from framewatch.jobs.attempt.segment_inspector import NICENESS
from harness import Harness
from sources import Source
from waiting import eventually
from watcher import Watcher

TESTS = Path(__file__).parents[1]
PRESET = {"ml_upscale": "esrgan-2x", "preset": "ultrafast", "crf": 24}
OURS = {".framewatch", ".framewatch.lock"}  # the daemon's own files in the folders
MARK = "FRAMEWATCH_FAULTS"  # in the environment of every process of a harness, with its path


class FaultHarness(Harness):
    """One watch folder, segments of one second, the identity engine, and knobs for faults."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.knobs = root / "knobs"
        self.knobs.mkdir(parents=True)
        self.settings |= {"segment_seconds": 1, "retries": 20, "reserve_gb": 0, "log": {"format": "json"}}
        path = [str(TESTS / "faults_inject"), str(TESTS / "support"), *filter(None, [os.environ.get("PYTHONPATH")])]
        knobs = {f"FRAMEWATCH_TEST_{name.upper()}": str(self.knobs / name) for name in ("clock", "delay")}
        environment = os.environ | knobs | {MARK: str(self.knobs)} | {"PYTHONPATH": os.pathsep.join(path)}
        self.process_options = {"env": environment}
        self.dropped: dict[str, Source] = {}
        self.watcher = Watcher(root / "anime" / "out")

    def open(self, **options: Any) -> Path:
        """Create the watch folder; `options` are its keys in the configuration."""
        share = self.folder(preset=PRESET, **options)
        self.watcher = Watcher(self.out)
        return share

    @property
    def share(self) -> Path:
        return self._place("input")

    @property
    def out(self) -> Path:
        return self._place("output", self.root / "anime" / "out")

    @property
    def done(self) -> Path:
        return self._place("done", self.share / "done")

    @property
    def failed(self) -> Path:
        return self._place("failed", self.share / "failed")

    @property
    def work(self) -> Path:
        return Path(self.settings["work_dir"])

    def _place(self, key: str, default: Path = Path()) -> Path:
        return Path(self.settings["folders"][0].get(key, default))

    def drop(self, source: Source, name: str = "") -> str:
        """Put a source into the folder by a rename, so that it appears at once; returns its name there."""
        name = name or source.path.name
        hidden = self.share / f".{name}"
        shutil.copy(source.path, hidden)
        hidden.rename(self.share / name)
        self.dropped[name] = source
        return name

    def turn(self, knob: str, value: object) -> None:
        """Set a knob of `tests/faults_inject` atomically."""
        hidden = self.knobs / f".{knob}"
        hidden.write_text(value if isinstance(value, str) else json.dumps(value))
        hidden.replace(self.knobs / knob)

    def processes(self, what: str = "") -> list[psutil.Process]:
        """Return all processes of this harness, or only "daemon", "worker", "inspector" or "ffmpeg"."""
        return [process for process in psutil.process_iter() if self._is(process, what)]

    def _is(self, process: psutil.Process, what: str) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.environ().get(MARK) != str(self.knobs):
                return False
            line = process.cmdline()
        except psutil.Error:
            return False
        worker, inspects = "framewatch.render.worker" in line, line[-1:] == [str(NICENESS)]
        kinds = {"daemon": "--config" in line, "worker": worker and not inspects, "inspector": worker and inspects}
        return {"": True, "ffmpeg": "-progress" in line, **kinds}[what]

    def victim(self, what: str, timeout: float = 30) -> psutil.Process:
        """Wait for a process of that kind; of ffmpeg, one that is encoding frames."""

        def found() -> psutil.Process | None:
            return next((each for each in self.processes(what) if what != "ffmpeg" or _encodes(each)), None)

        return eventually(found, timeout=timeout, what=f"a {what} at work", details=self.log)

    def kill_daemon(self) -> None:
        """Kill the daemon with SIGKILL and wait until it is reaped."""
        self.stop(signal.SIGKILL)

    def upscaled(self) -> list[tuple[int, int]]:
        """Return clip and number of each frame that was passed to an engine, in order."""
        record = self.knobs / "upscaled"
        lines = record.read_text().splitlines() if record.exists() else []
        return [(int(clip), int(frame)) for clip, frame in map(str.split, lines)]

    def wait_frames(self, count: int, timeout: float = 30) -> None:
        """Wait until `count` frames were passed to an engine."""
        eventually(lambda: len(self.upscaled()) >= count, timeout=timeout, what="frames", details=self.log)

    def wait_event(self, name: str, count: int = 1, timeout: float = 30, **values: Any) -> dict[str, Any]:
        """Wait for the `count`th event of this name and these values in the log."""

        def found() -> list[dict[str, Any]]:
            events = [each for each in self.events(name) if values.items() <= each.items()]
            return events[count - 1 :]

        return eventually(found, timeout=timeout, what=f"{name} {values}", details=self.log)[0]

    def settled(self, name: str) -> bool:
        """Return whether the job of a dropped file is done: its sidecar says so, and the source was moved."""
        output = self.output(name)
        return self.sidecar(output).get("status") == "done" and (self.done / name).exists()

    def output(self, name: str) -> Path:
        return self.out / f"{Path(name).stem}.mp4"

    def wait_done(self, timeout: float = 30) -> None:
        """Wait until every dropped file is done and the work folder is empty."""
        eventually(
            lambda: all(map(self.settled, self.dropped)) and not self.leftovers(),
            timeout=timeout,
            what="every job's end",
            details=self.log,
        )

    def leftovers(self) -> list[Path]:
        """Return everything in the work folder except the daemon's own files."""
        return [path for path in self.work.iterdir() if path.name not in OURS]

    def end(self) -> None:
        """Kill everything that is still running."""
        for process in self.processes():
            process.kill()
        if self.daemon is not None:
            self.daemon.wait()


def _encodes(process: psutil.Process) -> bool:
    try:
        return "pipe:0" in process.cmdline()
    except psutil.Error:
        return False
