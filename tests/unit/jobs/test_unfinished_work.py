"""What stays in a work folder after a failed attempt, and how much space the next one waits for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from framewatch.errors import EngineError, Need, StorageError
from framewatch.jobs.attempt.forecast.disk import require_room_left
from framewatch.jobs.work_folder import BACKUP_NAME, LEDGER_NAME, cleaned_up
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.free_space import SPARE, free_bytes
from framewatch.storage.os_errors import storage_error
from mounts import tmpfs

KEPT = {LEDGER_NAME, BACKUP_NAME, "segment-00000.mp4"}
UNFINISHED = ("part-00001.mp4", "result.mp4", "rehearsal.mp4", "covers.txt")


def fill(work: Path) -> None:
    for name in (*KEPT, *UNFINISHED):
        (work / name).write_bytes(bytes(1000))


def names(work: Path) -> set[str]:
    return {path.name for path in work.iterdir()}


def test_a_failed_attempt_leaves_only_finished_segments_once_its_tools_have_ended(tmp_path: Path) -> None:
    fill(tmp_path)
    seen: list[set[str]] = []
    with pytest.raises(EngineError), cleaned_up(tmp_path, 0, lambda: seen.append(names(tmp_path))):
        raise EngineError("gone")
    assert seen == [KEPT | set(UNFINISHED)]
    assert names(tmp_path) == KEPT


def test_a_successful_attempt_keeps_its_result(tmp_path: Path) -> None:
    ended: list[bool] = []
    with cleaned_up(tmp_path, 0, lambda: ended.append(True)):
        fill(tmp_path)
    assert names(tmp_path) == KEPT | set(UNFINISHED)
    assert ended == [True]


def test_after_a_full_disk_the_job_waits_for_more_space_than_was_free(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "work", 1) as work:
        caught: StorageError | None = None
        try:
            with cleaned_up(work, 100_000, lambda: None):
                (work / "result.mp4").write_bytes(bytes(600_000))
                raise storage_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), work / "result.mp4")
        except StorageError as error:
            caught = error
        assert caught is not None
        assert names(work) == set()
        assert caught.needs == (Need("work", free_bytes(work) - 100_000 + SPARE),)


def test_another_full_disk_adds_no_need_for_space_in_the_work_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught, cleaned_up(tmp_path, 0, lambda: None):
        raise storage_error(OSError(errno.ENOSPC, ""), Path("/run/lock/gpu"))
    assert caught.value.needs == ()


def test_a_result_that_grows_into_the_reserve_is_stopped_and_waits_for_all_its_space(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "work", 1) as work:
        places = FolderPlaces(
            *(tmp_path / name for name in ("in", "out", "done", "failed")), work=work, reserve=500_000
        )
        result = work / "result.mp4"
        result.write_bytes(bytes(400_000))
        require_room_left(result, 0.5, places)
        result.write_bytes(bytes(600_000))
        with pytest.raises(StorageError) as caught:
            require_room_left(result, 0.5, places)
        assert caught.value.finding.code == "storage.will_not_fit"
        assert caught.value.needs == (Need("work", 1_200_000 + SPARE),)
