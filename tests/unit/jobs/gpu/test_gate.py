from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framewatch.errors import Finding
from framewatch.jobs.gpu.gate import HostGate, _lock_folder
from framewatch.render.tasks import DeviceReport

DEVICE = DeviceReport(engine="identity", id="0", description="a GPU", memory_gb=4, gpu=True)


def test_the_folder_that_the_service_manager_made_is_used(tmp_path: Path) -> None:
    assert _lock_folder(tmp_path) == tmp_path


def test_a_link_in_its_place_is_not(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert _lock_folder(link) != link


def test_without_one_the_user_has_a_folder_among_those_of_all(tmp_path: Path) -> None:
    assert _lock_folder(tmp_path / "missing").name.startswith("framewatch-")


@pytest.mark.parametrize(
    "occupy",
    [
        lambda folder: folder.write_text("occupied"),
        lambda folder: folder.symlink_to(folder.parent),
        os.mkfifo,
        lambda folder: (folder.mkdir(), folder.chmod(0o777)),
    ],
    ids=["file", "link", "fifo", "open to all"],
)
def test_where_somebody_else_has_taken_the_lock_folder_the_state_folder_has_the_locks(
    tmp_path: Path, occupy: Callable[[Path], Any]
) -> None:
    shared, state = tmp_path / "shared", tmp_path / "state"
    gate = HostGate(1, shared, state)
    warnings: list[Finding] = []
    with gate.hold(DEVICE, 1, threading.Event(), warnings.append):
        pass
    assert warnings == []

    shutil.rmtree(shared)
    occupy(shared)
    with gate.hold(DEVICE, 1, threading.Event(), warnings.append):
        assert gate.try_hold(DEVICE, 1, warnings.append) is None
    assert [finding.code for finding in warnings] == ["gpu.locks_not_shared"]
    assert list((state / "gpu-locks").iterdir())
