"""Folders that strangers have made unusable, beside a healthy one: those wait and say why, and it works on."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from exchanger import exchange
from framewatch.jobs.store.store import Store
from harness import Harness, framewatch
from waiting import eventually

LOCK = ".framewatch.lock"
PRESET = "framewatch-preset.yaml"
HOSTILE_PRESETS = sorted((Path(__file__).parents[1] / "data" / "hostile_presets").glob("*.yaml"))
COPY = {"processing_mode": "copy", "container": "mp4"}  # the least work: what counts is that it is done
GOOD_PRESET = json.dumps(COPY)
BUSY_SECONDS = 10  # allowed for other tests on the same cores
END_SECONDS = 10  # within which SIGTERM ends the daemon


class Hostile:
    """Watch folders in trouble, by name, and how each trouble is removed."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.repairs: dict[str, Callable[[], Any]] = {}
        self.codes: dict[str, str] = {}  # what `framewatch status` has to say
        self.files: list[str] = []  # folders that get a file afterwards: one for each kind of trouble
        self._locked: list[IO[str]] = []

    def add(
        self, name: str, code: str, spoil: Callable[[Path], Any], repair: Callable[[Path], Any], **options: Any
    ) -> None:
        """Add a folder; `spoil` and `repair` get its input."""
        share = self.harness.folder(name, **({"preset": COPY} | options))
        spoil(share)
        if code not in self.codes.values():
            self.files.append(name)
        self.codes[name] = code
        self.repairs[name] = lambda: repair(share)

    def lock(self, share: Path) -> None:
        """Lock a folder as a stranger would: with senseless data in the file."""
        file = (share / LOCK).open("w")
        file.write("[" * 4000)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        self._locked.append(file)

    def unlock(self, _: Path) -> None:
        for file in self._locked:
            file.close()

    def add_all(self) -> None:
        """Add a folder for each kind of trouble that a lock file, a preset or a place can make."""
        outside = self.harness.root / "private"
        outside.mkdir()
        (outside / "file").write_text("private")
        for name, spoil, repair in (
            ("lock-folder", Path.mkdir, Path.rmdir),
            ("lock-fifo", os.mkfifo, Path.unlink),
            ("lock-link", lambda lock: lock.symlink_to(outside / "file"), Path.unlink),
            ("lock-hard-link", lambda lock: lock.hardlink_to(outside / "file"), Path.unlink),
        ):
            self.add(
                name,
                "storage.lock",
                lambda share, spoil=spoil: spoil(share / LOCK),
                lambda share, repair=repair: repair(share / LOCK),
            )
        self.add("lock-held", "daemon.already_running", self.lock, self.unlock)
        for name, spoil in (
            ("preset-link", lambda path: path.symlink_to(outside / "file")),
            ("preset-fifo", os.mkfifo),
            ("preset-folder", Path.mkdir),
        ):
            self.add(
                name,
                "preset.unreadable",
                lambda share, spoil=spoil: spoil(share / PRESET),
                lambda share: _replace(share / PRESET),
                preset=False,
            )
        self.add("input-missing", "folders.no_input", Path.rmdir, Path.mkdir)
        self.add("input-file", "folders.not_a_folder", _into_file, _into_folder)
        self.add(
            "output-file",
            "folders.not_a_folder",
            lambda share: (share.parent / "out").touch(),
            lambda share: (share.parent / "out").unlink(),
        )
        self.add(
            "output-link",
            "folders.overlap",
            lambda share: (share.parent / "out").symlink_to(self.harness.root / "healthy" / "in"),
            lambda share: (share.parent / "out").unlink(),
        )
        self.add(
            "done-link",
            "folders.symlink",
            lambda share: (share / "done").symlink_to(outside),
            lambda share: (share / "done").unlink(),
        )
        named = self.harness.root / "named.yaml"
        self.add(
            "named-preset-missing",
            "config.not_found",
            lambda _: None,
            lambda _: named.write_text(GOOD_PRESET),
            preset=str(named),
        )
        for preset in HOSTILE_PRESETS:
            self.add(
                f"preset-{preset.stem}",
                {"fps9": "timing.fps", "nulsub": "config.bad_value", "surrogate": "config.bad_value"}.get(
                    preset.stem, "config.not_yaml"
                ),
                lambda share, preset=preset: shutil.copy(preset, share / PRESET),
                lambda share: _replace(share / PRESET),
                preset=False,
            )


def _replace(path: Path) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    path.write_text(GOOD_PRESET)


def _into_file(path: Path) -> None:
    path.rmdir()
    path.touch()


def _into_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.fixture
def hostile(harness: Harness) -> Iterator[Hostile]:
    made = Hostile(harness)
    yield made
    made.unlock(harness.root)


def wait_codes(harness: Harness, codes: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Wait until the daemon has stored these codes; returns what `framewatch status` shows then."""

    def stored() -> bool:
        with Store.open(harness.root / "state" / "framewatch.db", readonly=True) as store:
            states = {folder["folder"]: folder["code"] for folder in store.get_facts().get("folders") or []}
        return codes.items() <= states.items()

    eventually(stored, timeout=30, what=f"the states {codes}", details=harness.log)
    shown = framewatch("status", "--config", harness.config, "--json")
    return {folder["name"]: folder for folder in json.loads(shown.stdout)["folders"]}


def seconds_for(harness: Harness, clip: Path, folder: str, name: str) -> float:
    """Return how long a folder takes for a clip that is dropped into it."""
    began = time.monotonic()
    shutil.copy(clip, harness.root / folder / "in" / name)
    harness.wait_status(harness.root / folder / "out" / name, "done")
    return time.monotonic() - began


def end(harness: Harness) -> None:
    began = time.monotonic()
    assert harness.stop() == 0
    assert time.monotonic() - began < END_SECONDS
    assert "Traceback" not in harness.log()
    assert harness.events("daemon.stopped")[-1]["clean"]


def test_folders_in_trouble_wait_with_a_reason_and_work_when_it_is_gone(
    harness: Harness, hostile: Hostile, clip: Path
) -> None:
    harness.folder("healthy", preset=COPY)
    harness.start()
    usual = seconds_for(harness, clip, "healthy", "alone.mp4")
    assert harness.stop() == 0

    hostile.add_all()
    harness.start()
    at_start = seconds_for(harness, clip, "healthy", "start.mp4")
    states = wait_codes(harness, hostile.codes | {"healthy": ""})
    for name, code in hostile.codes.items():
        assert f"[{code}]" in states[name]["problem"]
        assert states[name]["hint"], name
    assert framewatch("check", "--config", harness.config).returncode == 2

    assert harness.daemon is not None
    harness.daemon.send_signal(signal.SIGHUP)
    harness.wait_for_event("config.reloaded")
    after_reload = seconds_for(harness, clip, "healthy", "reload.mp4")
    wait_codes(harness, hostile.codes)
    assert harness.events("config.refused") == []
    assert max(at_start, after_reload) < 2 * usual + BUSY_SECONDS, "the others have slowed it down"

    for repair in hostile.repairs.values():
        repair()
    for name in hostile.files:
        shutil.copy(clip, harness.root / name / "in" / "a.mp4")
    for name in hostile.files:
        harness.wait_status(harness.root / name / "out" / "a.mp4", "done")
    wait_codes(harness, dict.fromkeys(hostile.codes, ""))
    assert (harness.root / "private" / "file").read_text() == "private"
    unavailable = [event["folder"] for event in harness.events("folder.unavailable")]
    assert all(unavailable.count(name) <= 2 for name in hostile.codes), "once at the start and once after the reload"
    end(harness)


def test_trouble_that_comes_while_the_daemon_runs_holds_only_its_folder(
    harness: Harness, hostile: Hostile, clip: Path
) -> None:
    harness.folder("healthy", preset=COPY)
    for name in ("lock", "preset", "gone", "output"):
        share = harness.folder(name, preset=False)
        (share / PRESET).write_text(GOOD_PRESET)
    harness.start()
    usual = seconds_for(harness, clip, "healthy", "alone.mp4")
    wait_codes(harness, dict.fromkeys(("lock", "preset", "gone"), ""))

    lock, preset, gone = (harness.root / name / "in" for name in ("lock", "preset", "gone"))
    (harness.root / "planted").mkdir()
    exchange(harness.root / "planted", lock / LOCK)  # the daemon would create a lock that was only removed again
    (preset / PRESET).write_text("crf: !!bool abc")
    gone.rename(gone.with_name("elsewhere"))
    output = harness.root / "output" / "out"
    shutil.rmtree(output)
    output.touch()
    wait_codes(
        harness,
        {
            "healthy": "",
            "lock": "storage.lock",
            "preset": "config.not_yaml",
            "gone": "storage.unavailable",
            "output": "folders.not_a_folder",
        },
    )
    assert seconds_for(harness, clip, "healthy", "busy.mp4") < 2 * usual + BUSY_SECONDS
    shutil.copy(clip, preset / "a.mp4")
    found = harness.wait_status(preset / "failed" / "a.mp4", "failed")
    assert found["error"]["code"] == "config.not_yaml"

    (lock / LOCK).rmdir()
    (preset / PRESET).write_text(GOOD_PRESET)
    gone.with_name("elsewhere").rename(gone)
    output.unlink()
    repaired = (lock, preset, gone, output.with_name("in"))
    for share in repaired:
        shutil.copy(clip, share / "b.mp4")
    for share in repaired:
        harness.wait_status(share.parent / "out" / "b.mp4", "done")
    end(harness)


def test_a_daemon_with_one_folder_waits_for_a_stranger_who_has_locked_it(
    harness: Harness, hostile: Hostile, clip: Path
) -> None:
    hostile.add("only", "daemon.already_running", hostile.lock, hostile.unlock)
    harness.start()
    wait_codes(harness, hostile.codes)
    hostile.repairs["only"]()
    seconds_for(harness, clip, "only", "a.mp4")
    end(harness)


def test_a_reload_is_refused_for_a_mistake_in_the_configuration_and_for_no_preset_in_a_share(
    harness: Harness, clip: Path
) -> None:
    harness.folder("healthy", preset=COPY)
    share = harness.folder("own", preset=False)
    (share / PRESET).write_text(GOOD_PRESET)
    daemon = harness.start()
    (share / PRESET).unlink()
    os.mkfifo(share / PRESET)
    daemon.send_signal(signal.SIGHUP)
    harness.wait_for_event("config.reloaded")
    assert harness.events("config.refused") == []
    harness.settings["folders"][0]["preset"] = {"crf": "!"}
    harness.write()
    daemon.send_signal(signal.SIGHUP)
    refused = eventually(lambda: harness.events("config.refused"), what="the refusal", details=harness.log)
    assert [event["code"] for event in refused] == ["config.bad_value"]
    seconds_for(harness, clip, "healthy", "a.mp4")
    end(harness)


def test_thousands_of_mistakes_in_a_preset_take_little_room(harness: Harness, clip: Path) -> None:
    share = harness.folder("only", preset=False)
    (share / PRESET).write_text("".join(f"{'k' * 20}{number}: 1\n" for number in range(7500)))
    for number in range(40):
        (share / f"{number}.mp4").write_bytes(b"film")
    assert harness.once().returncode == 1
    sidecar = harness.sidecar(share / "failed" / "0.mp4")
    assert sidecar["error"]["code"] == "config.unknown_key"
    state = sum(path.stat().st_size for path in (harness.root / "state").rglob("*") if path.is_file())
    assert state < 4_000_000
    assert (share / "failed" / "0.mp4.progress.json").stat().st_size < 20_000
