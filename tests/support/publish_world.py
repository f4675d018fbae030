"""A watch folder with one job in PUBLISHING, and a program that kills its publisher at every step.

As a program (`publish_world.py FOLDER OTHER_DISK SCENARIO`) it publishes in child processes that die, without any
clean-up, after the first change to the disk, after the second, and so on, and checks what is left each time. It is a
program because only a process with a single thread can fork safely.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from faulty_os import KILLED, FaultyOs, killing
from framewatch.domain import FileIdentity, Job, JobState, Journal
from framewatch.errors import Finding
from framewatch.jobs.lifecycle import events, transitions
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.publishing import publish
from framewatch.jobs.store.store import Store
from framewatch.storage import copy as copying
from framewatch.storage import files
from framewatch.storage import move as moving
from framewatch.storage import rename as renaming
from framewatch.storage import root as rooting
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.swap import take_place as swapping

SOURCE = b"source" * 1000
RESULT = b"result" * 2000
NAME = "a \udcff😀.mkv"
RELATIVE = Path("s1") / NAME
STEM = Path(NAME).stem
COMPANIONS = {f"{STEM}.en.srt": b"text", f"{STEM}-thumb.jpg": b"picture", f"{STEM}.trickplay/320/0.jpg": b"tiles"}


class World:
    """The folders, the store and the job."""

    def __init__(
        self,
        home: Path,
        other: Path | None = None,
        overwrite: bool = False,
        companions: dict[str, bytes] | None = None,
        mode: str = "",
        ending: str = ".mp4",
        apart: bool = False,
    ) -> None:
        """Make them.

        Args:
            home: where they are.
            other: the parent of output, done and failed, if not `home`.
            overwrite: the setting.
            companions: files that lie beside the source.
            mode: "keep" or "replace", if one of them is set.
            ending: of the output's name.
            apart: the work folder, not the others, is below `other`.
        """
        self.home = home
        self.targets = other if other and not apart else home
        self.work = (other if other and apart else home) / "work"
        self.places = FolderPlaces(
            input=home / "in",
            output=home / "in" if mode == "replace" else self.targets / "out",
            done=None if mode == "keep" else self.targets / "done",
            failed=self.targets / "failed",
            replace=mode == "replace",
            work=self.work,
            overwrite=overwrite,
        )
        for folder in (self.places.input / "s1", *self.places.roots.values()):
            folder.mkdir(parents=True, exist_ok=True)
        self.source = self.places.input / RELATIVE
        self.source.write_bytes(SOURCE)
        self.companions = companions or {}
        for name, content in self.companions.items():
            path = self.source.parent / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.mode = mode
        self.result = self.work / f"0a/result{ending}"
        self.result.parent.mkdir(parents=True)
        self.result.write_bytes(RESULT)

    def job(self, outcome: JobState = JobState.DONE, **changes: Any) -> Job:
        """A stored job that will have this outcome."""
        found = self.source.lstat()
        failure = Finding(code="media.unreadable", message="not a video")
        values: dict[str, Any] = {
            "id": "0a",
            "folder": "anime",
            "relative": RELATIVE,
            "source": self.source,
            "identity": FileIdentity(
                device=found.st_dev, inode=found.st_ino, size=found.st_size, mtime_ns=found.st_mtime_ns
            ),
            "preset_name": "4k",
            "preset": "{}",
            "output": (self.places.output / RELATIVE).with_suffix(self.result.suffix),
            "state": JobState.PUBLISHING,
            "attempt": 1,
            "outcome": outcome,
            "journal": Journal(result=self.result) if outcome == JobState.DONE else Journal(),
            "findings": () if outcome == JobState.DONE else (failure,),
        }
        job = Job(**(values | changes))
        with self.store() as store:
            store.add(job)
        return job

    def store(self) -> Store:
        return Store.open(self.home / "jobs.db")

    def publish(self, watched: FaultyOs | None = None, **options: Any) -> Job:
        """Publish the stored job as the daemon does after its start."""
        watched = watched or FaultyOs()
        with self.store() as store:

            def record(event: events.Event) -> Job:
                current = store.get("0a")
                assert current is not None
                job = transitions.transition(current, event, 100.0, RetryPolicy())
                watched.watch("record", lambda: store.save(job, event.name))
                return job

            job = store.get("0a")
            assert job is not None
            return publish.publish(job, self.places, record, self.conclude, **options)

    def conclude(self, job: Job) -> None:
        path, root = publish.final_sidecar(job, self.places)
        root.write(path, json.dumps(job.state).encode())

    def files(self) -> dict[str, bytes]:
        """Everything in the roots, by path: "in/s1/a.mkv"."""
        return {
            f"{root.name}/{path.relative_to(root)}": path.read_bytes()
            for root in self.places.roots.values()
            for path in root.rglob("*")
            if path.is_file()
        }

    def expected(self, outcome: JobState) -> dict[str, bytes]:
        """What the roots hold at the end."""
        if self.mode:
            return self._expected_in_place(outcome)
        if outcome == JobState.DONE:
            output = f"out/s1/{Path(NAME).stem}.mp4"
            moved = {f"done/s1/{name}": content for name, content in self.companions.items()}
            copied = {f"out/s1/{name}": content for name, content in self.companions.items()}
            done = {output: RESULT, f"{output}.progress.json": b'"done"', f"done/s1/{NAME}": SOURCE}
            return done | moved | copied
        if outcome == JobState.SKIPPED:
            return {f"done/s1/{NAME}": SOURCE, f"done/s1/{NAME}.progress.json": b'"skipped"'}
        moved = {f"failed/s1/{name}": content for name, content in self.companions.items()}
        return {f"failed/s1/{NAME}": SOURCE, f"failed/s1/{NAME}.progress.json": b'"failed"'} | moved

    def _expected_in_place(self, outcome: JobState) -> dict[str, bytes]:
        name, planned = f"s1/{NAME}", f"s1/{Path(NAME).stem}{self.result.suffix}"
        sidecar = f'"{outcome}"'.encode()
        if self.mode == "keep":
            output = {f"out/{planned}": RESULT} if outcome == JobState.DONE else {}
            reason = f"failed/{name}" if outcome == JobState.FAILED else f"out/{planned}"
            return output | {f"in/{name}": SOURCE, f"{reason}.progress.json": sidecar}
        if outcome == JobState.DONE:
            return {f"in/{planned}": RESULT, f"in/{planned}.progress.json": sidecar, f"done/{name}": SOURCE}
        if outcome == JobState.SKIPPED:
            return {f"in/{name}": SOURCE, f"in/{planned}.progress.json": sidecar}
        return {f"failed/{name}": SOURCE, f"failed/{name}.progress.json": sidecar}

    def clear(self) -> None:
        """Remove everything."""
        for folder in {self.home, self.targets, self.work.parent}:
            shutil.rmtree(folder)


def watch(watched: FaultyOs, scenario: str) -> None:
    """Replace `os` by the watched one, in this process."""
    for module in (files, moving, copying, renaming, rooting, swapping):
        module.os = watched  # type: ignore[attr-defined]
    if "link" in scenario.split("-"):
        renaming._exclusive_rename = lambda: None  # type: ignore[assignment]
        return
    real = renaming._exclusive_rename()
    assert real is not None
    function = real
    if "exdev" in scenario.split("-") and not watched_across():
        function = refusing(real)
    renaming._exclusive_rename = lambda: lambda *args: watched.watch("renameat2", lambda: function(*args))  # type: ignore[assignment]


def watched_across() -> bool:
    """Whether the two folders of the command line are on different file systems."""
    home, other = Path(sys.argv[1]), Path(sys.argv[2])
    return home.stat().st_dev != other.stat().st_dev


def refusing(real: Any) -> Any:
    """An exclusive rename that works only within a folder, as if each folder were a disk."""
    import ctypes

    def function(old_folder: int, old: bytes, new_folder: int, new: bytes, flag: int) -> int:
        if os.path.sameopenfile(old_folder, new_folder):
            return int(real(old_folder, old, new_folder, new, flag))
        ctypes.set_errno(errno.EXDEV)
        return -1

    return function


def in_child(world: World, at: int, scenario: str) -> bool:
    """Publish in a process that dies after its `at`th change; False if it ended before that."""
    child = os.fork()
    if child == 0:
        watched = killing(at)
        watch(watched, scenario)
        world.publish(watched)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, KILLED), f"the publisher ended with {code}"
    return code == KILLED


def check_between(world: World, outcome: JobState) -> None:
    """Check that nothing is lost, and that nothing half-written is visible."""
    found = world.files()
    visible = {name: content for name, content in found.items() if "/.framewatch-" not in name}
    source, wanted = f"in/s1/{NAME}", world.expected(outcome)
    if source in wanted:
        assert visible.get(source) in (SOURCE, wanted[source]), "neither the source nor the output has the name"
        wanted |= {source: visible[source], f"done/s1/{NAME}": SOURCE}
    wanted.setdefault(source, SOURCE)
    lying = {f"in/s1/{name}": content for name, content in world.companions.items()}
    assert visible.items() <= (wanted | lying).items(), f"half-written: {set(visible)}"
    for name, content in world.companions.items():
        assert any(visible.get(f"{place}/s1/{name}") == content for place in ("in", "done", "failed")), (
            f"{name} is gone"
        )
    assert SOURCE in visible.values(), "the source is gone"
    if outcome == JobState.DONE:
        assert RESULT in found.values() or world.result.read_bytes() == RESULT, "the result is gone"


def survive_all_kills(home: Path, other: Path, scenario: str) -> int:
    """Kill at every change, continue, kill again, continue to the end. Returns the number of kills."""
    words = scenario.split("-")
    companions = COMPANIONS if "companions" in words else {}
    mode = next((each for each in ("keep", "replace") if each in words), "")
    ending = ".mkv" if "same" in words else ".mp4"  # the source's own, or another one
    outcome = next((JobState(each) for each in ("failed", "skipped") if each in words), JobState.DONE)
    kills, killed = 0, True
    while killed:
        at = kills // 2 + 1
        targets = other / f"{at}" if {"exdev", "apart"} & set(words) else None
        apart = "apart" in words
        world = World(home / f"{at}", targets, companions=companions, mode=mode, ending=ending, apart=apart)
        world.job(outcome)
        killed = in_child(world, at, scenario)
        if killed:
            check_between(world, outcome)
            in_child(world, at * 7 % 5 + 1, scenario)
            check_between(world, outcome)
            kills += 2
        job = world.publish()
        assert job.state == outcome, job
        assert world.files() == world.expected(outcome), sorted(world.files())
        assert not world.result.exists() or outcome != JobState.DONE
        world.clear()
    return kills


if __name__ == "__main__":
    print(survive_all_kills(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))  # noqa: T201
