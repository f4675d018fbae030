"""Settled files become jobs in one transaction, each with its own output name, and each reported once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from framewatch.domain import Job, JobState
from framewatch.errors import ErrorRecord, Finding, Remedy
from framewatch.intake.admission import Admission
from framewatch.intake.collector import Settled
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.store.store import Store
from framewatch.media.preset.loader import NamedPreset
from framewatch.media.preset.preset import Preset
from framewatch.settings import FolderSettings
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.root import Root
from job_factory import unfinished


class Setup:
    """The admission of a folder, with a real store and real folders; nothing runs."""

    def __init__(self, root: Path, preset: NamedPreset | None) -> None:
        self.folder = FolderSettings(
            name="anime",
            input=root / "in",
            output=root / "out",
            done=root / "done",
            failed=root / "failed",
        )
        places = FolderPlaces(root / "in", root / "out", root / "done", root / "failed", work=root / "work")
        for path in (*places.roots.values(), places.work):
            path.mkdir()
        self.store = Store.open(root / "jobs.db")
        self.reporter = Reporter(self.store, lambda _: places)
        self.manager = JobManager(self.store, self.reporter, root / "work", RetryPolicy())
        self.admission = Admission(self.folder, preset, self.manager)

    def settled(self, *names: str) -> list[Settled]:
        return [self.one(name) for name in names]

    def one(self, name: str) -> Settled:
        path = self.folder.input / name
        path.write_bytes(b"film")
        identity = Root(path.parent).identity(path)
        assert identity is not None
        return Settled(Path(name), identity)

    def sidecar(self, job: Job) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(job.output.with_name(f"{job.output.name}.progress.json").read_text())
        return shown


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    preset = NamedPreset("test", Preset(ml_upscale="esrgan-2x"), "the test")
    made = Setup(tmp_path, preset)
    yield made
    made.store.close()


def test_files_of_one_batch_get_distinct_outputs(setup: Setup) -> None:
    (setup.folder.output / "b.mp4").touch()
    assert setup.admission.admit(setup.settled("a.mkv", "a.mp4", "a.avi", "b.mkv")) == {}
    jobs = unfinished(setup.store)
    assert [job.output.name for job in jobs] == ["a.mp4", "a (2).mp4", "a (3).mp4", "b (2).mp4"]
    assert [setup.sidecar(job)["job_id"] for job in jobs] == [job.id for job in jobs]
    assert len({job.id for job in jobs}) == len(jobs)


def test_a_name_that_another_daemons_job_shows_its_progress_under_is_taken(setup: Setup) -> None:
    setup.admission.admit(setup.settled("a.mkv"))
    (mine,) = unfinished(setup.store)
    document = setup.sidecar(mine)
    for name, status in (("b", "queued"), ("c", "done")):
        theirs = document | {"job_id": "another", "source": f"/elsewhere/{name}.mkv", "status": status}
        (setup.folder.output / f"{name}.mp4.progress.json").write_text(json.dumps(theirs))
    left = document | {"source": str(setup.folder.input / "d.mkv"), "job_id": "of a store that was lost"}
    (setup.folder.output / "d.mp4.progress.json").write_text(json.dumps(left))
    setup.admission.admit(setup.settled("b.mkv", "c.mkv", "d.mkv"))
    assert [job.output.name for job in unfinished(setup.store)] == ["a.mp4", "b (2).mp4", "c.mp4", "d.mp4"]


def test_a_job_that_waits_takes_the_new_version_of_its_file(setup: Setup) -> None:
    setup.admission.admit(setup.settled("a.mkv", "b.mkv"))
    first, second = unfinished(setup.store)
    error = ErrorRecord((Finding("storage.full", "the disk is full"),), Remedy.WAIT)
    setup.manager.apply(first.id, ev.Broke(error))
    for job in (first, second):
        job.source.write_bytes(b"a longer film")
        identity = Root(job.source.parent).identity(job.source)
        assert identity is not None
        assert setup.admission.admit([Settled(job.relative, identity)]) == {}
        renewed = setup.store.get(job.id)
        assert renewed is not None
        assert (renewed.state, renewed.findings, renewed.output) == (JobState.QUEUED, (), job.output)
        assert (renewed.identity.size, renewed.created_at > job.created_at) == (13, True)


def test_a_time_that_moved_by_whole_hours_is_no_change_if_the_content_is_the_same(setup: Setup) -> None:
    setup.admission.admit(setup.settled("a.mkv"))
    (job,) = unfinished(setup.store)
    assert setup.admission.readmit(job).identity.sample == job.identity.sample is not None
    hour = 3600 * 10**9
    for shift, content, renewed in ((hour, b"film", False), (-11 * hour, b"film", False), (hour, b"FILM", True)):
        job.source.write_bytes(content)
        moved = job.identity.mtime_ns + shift
        os.utime(job.source, ns=(moved, moved))
        identity = Root(job.source.parent).identity(job.source)
        assert identity is not None
        setup.admission.admit([Settled(job.relative, identity)])
        now = setup.store.get(job.id)
        assert now is not None
        assert (now.revision > job.revision) == renewed


def test_one_file_that_cannot_be_taken_does_not_hold_up_the_others(setup: Setup) -> None:
    first = setup.settled("busy.mkv")
    setup.admission.admit(first)
    (job,) = unfinished(setup.store)
    setup.manager.apply(job.id, ev.Claimed())
    os.utime(setup.folder.input / "busy.mkv", ns=(1, 1))
    again = Root(setup.folder.input).identity(setup.folder.input / "busy.mkv")
    assert again is not None
    batch = [*setup.settled("a.mkv"), Settled(Path("busy.mkv"), again), *setup.settled("b.mkv")]
    assert setup.admission.admit(batch) == {Path("busy.mkv"): None}
    assert [job.source.name for job in unfinished(setup.store)] == ["busy.mkv", "a.mkv", "b.mkv"]
    assert setup.admission.admit(batch[:1]) == {}  # the same version again, after a restart: it has its job


def test_a_wrong_preset_in_the_folder_fails_every_file_of_the_batch(tmp_path: Path) -> None:
    setup = Setup(tmp_path, None)
    assert setup.admission.admit(setup.settled("a.mkv", "b.mkv")) == {}
    jobs = unfinished(setup.store)
    assert [(job.state, job.outcome) for job in jobs] == [(JobState.PUBLISHING, JobState.FAILED)] * 2
    assert {job.findings[0].code for job in jobs} == {"preset.missing"}
    setup.store.close()


def test_a_job_that_is_reported_late_shows_its_current_state(setup: Setup) -> None:
    setup.admission.admit(setup.settled("a.mkv"))
    (queued,) = unfinished(setup.store)
    assert setup.sidecar(queued)["status"] == "queued"
    setup.manager.apply(queued.id, ev.Claimed())
    setup.reporter.show(queued)
    assert setup.sidecar(queued)["status"] == "running"


def test_waiting_jobs_keep_nothing_in_memory(setup: Setup) -> None:
    setup.admission.admit(setup.settled(*(f"{number}.mkv" for number in range(20))))
    assert len(unfinished(setup.store)) == 20
    assert setup.reporter._sidecars == {}
