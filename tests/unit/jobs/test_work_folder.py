"""A job's work folder is framewatch's own: no other user reads, plants or replaces files in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from framewatch.errors import StorageError
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.store.store import Store
from framewatch.jobs.work_folder import make_work_folder
from job_factory import MakeJob


@pytest.fixture
def manager(store: Store, tmp_path: Path) -> JobManager:
    return JobManager(store, Reporter(store, lambda _: None), tmp_path, RetryPolicy())


def test_only_framewatchs_user_can_read_the_folder_even_if_it_existed_before(
    manager: JobManager, make_job: MakeJob
) -> None:
    job = make_job()
    manager.work_folder(job).mkdir(mode=0o777)
    work = make_work_folder(manager.work_folder(job))
    assert stat.S_IMODE(work.stat().st_mode) == 0o700


def test_a_link_in_its_place_is_replaced_and_its_target_stays(
    manager: JobManager, make_job: MakeJob, tmp_path: Path
) -> None:
    job = make_job()
    (tmp_path / "secret").mkdir()
    manager.work_folder(job).symlink_to(tmp_path / "secret")
    work = make_work_folder(manager.work_folder(job))
    assert not work.is_symlink()
    assert (tmp_path / "secret").is_dir()


def test_a_folder_of_another_user_is_not_used(
    manager: JobManager, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    manager.work_folder(job).mkdir()
    real = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        facts = list(real(path))
        facts[stat.ST_UID] += path == manager.work_folder(job)
        return os.stat_result(facts)

    monkeypatch.setattr(Path, "lstat", lstat)
    with pytest.raises(StorageError) as caught:
        make_work_folder(manager.work_folder(job))
    assert caught.value.finding.code == "storage.unsafe"
