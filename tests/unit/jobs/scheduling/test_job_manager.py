"""What follows from a change of a job: its progress file, its backup, its work folder and the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import structlog

from framewatch.domain import Job, JobState, Journal
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.naming import sidecar_path
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.store.store import Store, StoreError
from framewatch.jobs.work_folder import BACKUP_NAME
from framewatch.storage.folder_places import FolderPlaces
from job_factory import MakeJob

S = JobState


class Folder:
    """A watch folder with a job manager, and no threads."""

    def __init__(self, root: Path, store: Store, make_job: MakeJob) -> None:
        self.work = root / "work"
        self.places = FolderPlaces(root / "in", root / "out", root / "done", root / "failed", work=self.work)
        for folder in (*self.places.roots.values(), self.work):
            folder.mkdir()
        self.store = store
        self.manager = JobManager(store, Reporter(store, lambda _: self.places), self.work, RetryPolicy())
        self._make_job = make_job

    def job(self, **changes: Any) -> Job:
        """A job in the store."""
        made = self._make_job(
            source=self.places.input / "clip.mkv", output=self.places.output / "clip.mp4", **changes
        )
        assert self.store.add(made)
        return made

    def shown(self, job: Job) -> dict[str, Any]:
        """The job's progress file."""
        found: dict[str, Any] = json.loads(sidecar_path(job.output).read_text())
        return found

    def segment(self, job: Job) -> Path:
        """A finished segment in the job's work folder."""
        path = self.work / job.id / "segment-00000.mp4"
        path.parent.mkdir(exist_ok=True)
        path.touch()
        return path


@pytest.fixture
def folder(tmp_path: Path, store: Store, make_job: MakeJob) -> Folder:
    return Folder(tmp_path, store, make_job)


def test_a_change_is_shown_in_the_progress_file(folder: Folder) -> None:
    job = folder.manager.apply(folder.job().id, ev.Claimed())
    assert (job.state, folder.shown(job)["status"]) == (S.RUNNING, "running")
    job = folder.manager.apply(job.id, ev.Interrupted())
    assert (job.state, folder.shown(job)["status"]) == (S.QUEUED, "queued")


def test_a_finished_segment_leaves_the_progress_file_to_the_attempt(folder: Folder) -> None:
    job = folder.manager.apply(folder.job(stuck=1).id, ev.Claimed())
    sidecar_path(job.output).unlink()
    folder.manager.apply(job.id, ev.SegmentDone())
    assert not sidecar_path(job.output).exists()


@pytest.mark.parametrize("state", [S.QUEUED, S.RUNNING])
def test_cancelling_a_job_removes_its_unfinished_work(folder: Folder, state: JobState) -> None:
    job = folder.job(state=state, attempt=1, started_at=1.0)
    segment = folder.segment(job)
    changed = folder.manager.apply(job.id, ev.CancelAsked())
    assert not segment.exists()
    assert (folder.work / job.id / BACKUP_NAME).exists()  # its source still has to be moved
    assert folder.shown(changed)["status"] == "publishing"


def test_the_work_folder_and_the_backup_go_when_a_job_ends(folder: Folder) -> None:
    moved = Journal(source_to=folder.places.done / "clip.mkv", source_done=True, output_done=True)
    job = folder.job(state=S.PUBLISHING, outcome=S.DONE, journal=moved)
    folder.segment(job)
    ended = folder.manager.apply(job.id, ev.Published())
    assert ended.state == S.DONE
    assert list(folder.work.iterdir()) == []
    assert not sidecar_path(job.output).exists()  # whoever concludes the job wrote the final one before


def test_a_retry_removes_the_progress_file_beside_the_failed_source(folder: Folder) -> None:
    source = folder.places.failed / "clip.mkv"
    journal = Journal(source_to=source, source_done=True)
    job = folder.job(state=S.FAILED, outcome=S.FAILED, ended_at=1.0, journal=journal)
    sidecar_path(source).write_text('{"schema": "framewatch.progress/1"}')
    retried = folder.manager.apply(job.id, ev.RetryAsked(source, job.identity, job.output))
    assert not sidecar_path(source).exists()
    assert folder.shown(retried)["status"] == "queued"
    assert (folder.work / job.id / BACKUP_NAME).exists()  # a scan of the input would not find it again


def test_each_new_state_is_logged_once(folder: Folder) -> None:
    with structlog.testing.capture_logs() as logged:
        job = folder.manager.apply(folder.job().id, ev.Claimed())
        folder.manager.apply(job.id, ev.SegmentDone())
        folder.manager.apply(job.id, ev.Interrupted())
    assert [line["event"] for line in logged] == ["job.started", "job.queued"]


def test_nothing_is_stored_when_no_event_is_decided(folder: Folder) -> None:
    job = folder.job()
    assert folder.manager.change(job.id, lambda _: None) is None
    assert folder.store.get(job.id) == job
    assert len(folder.store.history(job.id)) == 1


def test_an_unknown_job_cannot_be_changed(folder: Folder) -> None:
    with pytest.raises(StoreError) as caught:
        folder.manager.change("id9999", lambda _: ev.CancelAsked())
    assert caught.value.finding.code == "job.not_found"


@pytest.mark.parametrize("again", [False, True], ids=["from the input", "where it was since before"])
def test_a_source_in_done_is_known_there_also_when_it_was_there_before(folder: Folder, again: bool) -> None:
    done = folder.places.root("done").path / "clip.mkv"
    job = folder.job(state=S.PUBLISHING, outcome=S.SKIPPED)
    if again:
        job = job.evolve(source=done)
        folder.store.save(job, "Moved")
        folder.manager.note_moved(done, job.identity, "an earlier job")
    folder.manager.apply(job.id, ev.SourceChosen(done))
    folder.manager.apply(job.id, ev.SourceMoved())
    assert [(file.path, file.job_id) for file in folder.store.moved_files(done.parent)] == [(done, job.id)]
