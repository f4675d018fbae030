"""Jobs of a folder whose output the configuration has moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from framewatch.domain import JobState
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.scheduling.relocate_outputs import relocate_outputs
from framewatch.jobs.store.store import Store
from job_factory import MakeJob

S = JobState


@pytest.fixture
def manager(store: Store, tmp_path: Path) -> JobManager:
    return JobManager(store, Reporter(store, lambda _: None), tmp_path, RetryPolicy())


def test_waiting_and_running_jobs_are_planned_below_the_new_output(manager: JobManager, make_job: MakeJob) -> None:
    held = {"state": S.HELD, "held_state": S.QUEUED}
    jobs = [
        make_job(1, name="s1/a \udcff.mkv"),
        make_job(2, state=S.RUNNING),
        make_job(3, **held),
        make_job(4, state=S.PUBLISHING, outcome=S.DONE),
        make_job(5, state=S.DONE, ended_at=1.0),
        make_job(6, folder="other"),
    ]
    for job in jobs:
        manager.store.add(job)
    relocate_outputs(manager, "anime", Path("/new/out"))
    planned = [str(found.output) for job in jobs if (found := manager.store.get(job.id))]
    moved = ["/new/out/s1/a \udcff.mp4", "/new/out/clip2.mp4", "/new/out/clip3.mp4"]
    assert planned == [*moved, "/out/clip4.mp4", "/out/clip5.mp4", "/out/clip6.mp4"]
    before = [manager.store.get(job.id) for job in jobs]
    relocate_outputs(manager, "anime", Path("/new/out"))
    assert [manager.store.get(job.id) for job in jobs] == before


def test_a_name_that_another_job_plans_gets_a_number(manager: JobManager, make_job: MakeJob) -> None:
    manager.store.add(make_job(1, output=Path("/old/a.mp4")))
    manager.store.add(make_job(2, folder="other", output=Path("/out/a.mp4")))
    relocate_outputs(manager, "anime", Path("/out"))
    job = manager.store.get("id0001")
    assert job is not None
    assert job.output == Path("/out/a (2).mp4")


def test_a_folder_with_a_longer_name_is_another_folder(manager: JobManager, make_job: MakeJob) -> None:
    manager.store.add(make_job(1, output=Path("/out-old/a.mp4")))
    relocate_outputs(manager, "anime", Path("/out"))
    job = manager.store.get("id0001")
    assert job is not None
    assert job.output == Path("/out/a.mp4")
