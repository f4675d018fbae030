"""Progress files that are no longer true."""

from __future__ import annotations

import shutil
from pathlib import Path

from structlog.testing import capture_logs

from framewatch.domain import Job, JobState, Journal
from framewatch.jobs.naming import sidecar_path
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.store.store import Store
from framewatch.storage.folder_places import FolderPlaces
from job_factory import MakeJob


def test_errors_about_files_that_are_gone_or_queued_again_are_removed(tmp_path: Path, make_job: MakeJob) -> None:
    places = FolderPlaces(*(tmp_path / name for name in ("in", "out", "done", "failed", "work")))
    for root in places.roots.values():
        root.mkdir()
    failed = places.root("failed").path

    def ended(number: int, **journal: Path) -> Job:
        job = make_job(number, state=JobState.FAILED, outcome=JobState.FAILED, ended_at=1.0)
        return job.evolve(source=places.input / job.relative, journal=Journal(source_done=True, **journal))

    with Store.open(tmp_path / "jobs.db") as store:
        reporter = Reporter(store, lambda _: places)
        there, gone, lost, queued_again = jobs = [
            ended(1, source_to=failed / "clip1.mkv"),
            ended(2, source_to=failed / "clip2.mkv"),
            ended(3),
            ended(4),
        ]
        (failed / "clip1.mkv").touch()
        for job in jobs:
            store.add(job)
            reporter.conclude(job)
        again = make_job(5, relative=queued_again.relative)
        store.add(again.evolve(source=queued_again.source))
        shown = {job.id: sidecar_path(failed / job.relative) for job in jobs}
        assert all(path.exists() for path in shown.values())
        reporter.remove_outdated("anime")
        assert {job_id for job_id, path in shown.items() if path.exists()} == {there.id, lost.id}
        assert not shown[gone.id].exists()
        reporter.remove_outdated("a folder that is not there")


def test_what_keeps_all_progress_files_of_a_folder_from_being_written_is_logged_once(
    tmp_path: Path, make_job: MakeJob
) -> None:
    places = FolderPlaces(*(tmp_path / name for name in ("in", "out", "done", "failed", "work")))
    jobs = [make_job(number).evolve(output=places.output / f"{number}.mp4") for number in (1, 2, 3)]
    with Store.open(tmp_path / "jobs.db") as store, capture_logs() as logs:
        for job in jobs:
            store.add(job)
        reporter = Reporter(store, lambda _: places)
        for _ in range(2):
            for job in jobs:
                reporter.show(job)
            places.output.mkdir(exist_ok=True)
        for job in jobs:
            reporter.show(job)
        shutil.rmtree(places.output)
        for job in jobs:
            reporter.show(job)
    assert [each["code"] for each in logs if each["event"] == "sidecar.unwritable"] == ["storage.unavailable"] * 2
