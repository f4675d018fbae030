"""Folders of the configuration that become links: nothing is read or written behind them, and their files wait."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from canary import Canary
from exchanger import exchange
from framewatch.jobs.store.store import Store
from harness import Harness, framewatch
from root_attack import TARGETS, RootAttack
from waiting import eventually

STRANGER = 65534  # a user that is neither root nor framewatch
CODES = ("storage.symlink", "folders.symlink")


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Canary]:
    files = ("secret.mp4", *(f"{name}/secret.mp4" for name in ("input", "output", "done", "failed")))
    canary = Canary(tmp_path / "private", dict.fromkeys(files, b"secret"))
    yield canary
    canary.close()


def trouble(harness: Harness, name: str) -> dict[str, Any]:
    """Wait until a watch folder is in trouble because of a link; returns what `framewatch status` is told."""

    def stored() -> dict[str, Any]:
        with Store.open(harness.root / "state" / "framewatch.db", readonly=True) as store:
            states = {folder["folder"]: folder for folder in store.get_facts().get("folders") or []}
        found: dict[str, Any] = states.get(name, {})
        return found if found.get("code") in CODES else {}

    return eventually(stored, what="the reason", details=harness.log)


def test_nothing_behind_links_is_touched_while_they_are_exchanged(harness: Harness, clip: Path) -> None:
    attack = RootAttack(harness, clip, ("input", "output", "done", "lock", "preset", "sidecar"))
    attack.run(seconds=1.5)
    assert attack.exchanges > 10_000
    eventually(attack.outputs, what="an output", details=harness.log)
    assert attack.end() == []
    assert attack.outputs() == {".mp4"}


def test_the_files_of_folders_that_become_links_wait_until_they_are_folders_again(
    harness: Harness, clip: Path, private: Canary
) -> None:
    names = ("input", "output", "done", "failed")
    shares = {name: harness.folder(name) for name in names}
    healthy = harness.folder("healthy")
    harness.start()
    # Before that, framewatch may not have opened a folder that it made, and a link of its own user would count.
    eventually(lambda: {line["folder"] for line in harness.events("folder.watching")} >= {*names, "healthy"})
    pairs = {}
    for name in names:
        root, link = harness.wait_for(harness.root / name / TARGETS[name]), harness.root / f"link-{name}"
        link.symlink_to(private.folder / name)  # one target for all would make the folders overlap
        pairs[name] = (root, link)
        exchange(root, link)
    assert {name: trouble(harness, name)["state"] for name in names} == dict.fromkeys(names, "unavailable")
    for name, share in shares.items():
        shutil.copy(clip, (pairs[name][1] if name == "input" else share) / "film.mp4")
    shutil.copy(clip, healthy / "film.mp4")
    harness.wait_status(healthy.parent / "out" / "film.mp4", "done")
    assert [*private.events(), *private.changes()] == []
    private.events()
    for pair in pairs.values():
        exchange(*pair)
    for share in shares.values():
        harness.wait_status(share.parent / "out" / "film.mp4", "done")
        harness.wait_for(share / "done" / "film.mp4")
    assert harness.stop() == 0
    assert private.events() == []


def test_an_output_that_is_a_link_of_another_user_is_refused_and_the_other_folders_run(
    harness: Harness, clip: Path, private: Canary
) -> None:
    share, healthy = harness.folder("attacked"), harness.folder("healthy")
    link = share.parent / "out"
    link.symlink_to(private.folder)
    os.chown(link, STRANGER, STRANGER, follow_symlinks=False)
    checked = framewatch("check", "--config", harness.config)
    assert checked.returncode == 2
    assert "[folders.symlink]" in checked.stderr
    harness.start()
    for folder in (share, healthy):
        shutil.copy(clip, folder / "film.mp4")
    harness.wait_status(healthy.parent / "out" / "film.mp4", "done")
    assert "is a link that belongs to another user" in trouble(harness, "attacked")["problem"]
    assert [*private.events(), *private.changes()] == []
    link.unlink()
    harness.wait_status(link / "film.mp4", "done")
    assert harness.stop() == 0
