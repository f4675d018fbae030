"""Roots on shares that are mounted when somebody first looks into them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from automount import automount
from framewatch.intake.folder_checks import check_folder
from framewatch.jobs.store.store import Store
from framewatch.settings import FolderSettings
from framewatch.storage.links import resolve
from framewatch.storage.mounts import Mounts
from framewatch.storage.root import Root
from mounts import folder_places
from report import Survived


def resolves(root: Path, _: Path) -> None:
    assert resolve(root).relative_to(root.parents[-2]).parts.count("way") == 0


def opens(root: Path, _: Path) -> None:
    Root(root).require()


def passes_the_check(root: Path, _: Path) -> None:
    places = {"output": root / "out", "done": root / "done", "failed": root / "failed"}
    assert check_folder(FolderSettings(name="anime", input=root, **places)) == ()


def gets_a_marker(root: Path, state: Path) -> None:
    with Store.open(state / "jobs.db") as store:
        Mounts(store, {"anime": folder_places(root)}, rebuilt=False).require(root)


@pytest.mark.parametrize("below", [".", "real/in", "way/in"])
@pytest.mark.parametrize("look", [resolves, opens, passes_the_check, gets_a_marker])
def test_a_share_that_is_mounted_on_demand_is_mounted_by_the_first_look(
    look: Callable[[Path, Path], None], below: str, tmp_path: Path, survived: Survived
) -> None:
    share = tmp_path.resolve() / "share"
    with automount(share):
        look(share / below, tmp_path)
        filesystems = [
            line.split()[2] for line in Path("/proc/self/mounts").read_text().splitlines() if str(share) in line
        ]
        assert filesystems == ["autofs", "tmpfs"]
    survived(
        "a share that is mounted on demand",
        "autofs at a root or above it, not mounted yet",
        "the first look mounted it",
    )
