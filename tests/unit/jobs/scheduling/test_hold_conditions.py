"""Held jobs that wait for disks: what is checked, how soon, and what a check changes."""

from __future__ import annotations

import errno
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from exchanger import exchange
from faulty_os import FaultyOs
from framewatch.domain import Job, JobState, Journal
from framewatch.errors import EngineMissingError, ErrorRecord, Finding, FramewatchError, Need, Remedy, StorageError
from framewatch.jobs.attempt import prerequisites
from framewatch.jobs.attempt.pipeline import Pipeline
from framewatch.jobs.attempt.request import AttemptRequest, Tools
from framewatch.jobs.gpu.gate import HostGate
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.lifecycle.transitions import transition
from framewatch.jobs.scheduling.hold_conditions import can_continue
from framewatch.jobs.store.recovery import was_rebuilt
from framewatch.jobs.store.store import Store
from framewatch.media.preset.preset import Preset
from framewatch.render.worker_client import Worker
from framewatch.storage.files import named_by_user
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.mounts import Mounts
from framewatch.storage.permissions import checks
from framewatch.storage.root import Root
from framewatch.upscale.network import weights as models
from job_factory import MakeJob
from mounts import move_mount, tmpfs

S = JobState
FFMPEG = Path("/usr/bin/env")  # a program that is there
POLICY = RetryPolicy(hold=100.0, check_interval=5.0)
FULL = Finding(code="storage.will_not_fit", message="")


@pytest.fixture
def places(tmp_path: Path) -> FolderPlaces:
    made = FolderPlaces(*(tmp_path / name for name in ("in", "out", "done", "failed")), work=tmp_path)
    for root in made.roots.values():
        root.mkdir()
    return made


def held(make_job: MakeJob, places: FolderPlaces, **changes: Any) -> Job:
    values = {"state": S.HELD, "held_state": S.QUEUED, "source": places.input / "a.mkv", "findings": (FULL,)}
    return make_job(name="a.mkv", **(values | changes))


def test_a_hold_for_space_knows_its_needs_and_is_checked_soon(make_job: MakeJob) -> None:
    need = Need("work", 10**9)
    error = StorageError("no room", code="storage.will_not_fit").with_needs(need)
    for holds in (0, 20):
        job = transition(make_job(state=S.RUNNING, holds=holds), ev.Broke.of(error), 100.0, POLICY)
        assert (job.state, job.needs, job.not_before) == (S.HELD, (need,), 105.0)
    released = transition(job, ev.HoldOver(), 200.0, POLICY)
    assert (released.state, released.needs) == (S.QUEUED, ())


def test_a_hold_that_only_another_attempt_can_end_waits_longer(make_job: MakeJob) -> None:
    event = ev.Broke(ErrorRecord((Finding("models.missing", "no weights"),), Remedy.WAIT))
    assert transition(make_job(state=S.RUNNING), event, 100.0, POLICY).not_before == 200.0


def test_a_held_job_and_its_needs_are_stored(store: Store, make_job: MakeJob, places: FolderPlaces) -> None:
    job = held(make_job, places, needs=(Need("output", 5),))
    store.add(job)
    assert store.get(job.id) == job


def test_a_check_changes_only_the_time_of_the_next_one(store: Store, make_job: MakeJob, places: FolderPlaces) -> None:
    jobs = [held(make_job, places), make_job(2)]
    for job in jobs:
        store.add(job)
    store.postpone([job.id for job in jobs], 500.0)
    assert store.get(jobs[0].id) == jobs[0].evolve(not_before=500.0)
    assert store.get(jobs[1].id) == jobs[1]  # it is not held (any more)
    assert [job.id for job in store.due_holds(499.0)] == []
    assert [job.id for job in store.due_holds(500.0)] == [jobs[0].id]
    assert len(store.history(jobs[0].id)) == 1


def test_space_is_checked_where_the_full_folder_is_now(
    make_job: MakeJob, places: FolderPlaces, tmp_path: Path
) -> None:
    with tmpfs(tmp_path / "small", 1) as small:
        job = held(make_job, places, needs=(Need("work", 500_000),))
        in_small = replace(places, work=small)
        assert can_continue(job, in_small, FFMPEG)
        assert not can_continue(job, replace(in_small, reserve=10**6), FFMPEG)
        (small / "filler").write_bytes(bytes(700_000))
        assert not can_continue(job, in_small, FFMPEG)
        assert can_continue(job, places, FFMPEG)  # work_dir was moved to a larger disk
        output = held(make_job, places, needs=(Need("output", 500_000),))
        assert not can_continue(output, replace(places, output=small), FFMPEG)
        assert can_continue(output, in_small, FFMPEG)


def test_if_the_need_is_unknown_a_little_more_than_the_reserve_is_enough(
    make_job: MakeJob, places: FolderPlaces, tmp_path: Path
) -> None:
    full = Finding(code="storage.full", message="")
    with tmpfs(tmp_path / "small", 3) as small:
        job = held(make_job, places, findings=(full,))
        in_small = replace(places, work=small)
        assert can_continue(job, in_small, FFMPEG)
        assert not can_continue(job, replace(in_small, reserve=2_500_000), FFMPEG)
        output = replace(places, output=small, work=Path("/gone"))
        publishing = {"held_state": S.PUBLISHING, "outcome": S.DONE, "journal": Journal(result=Path("/work/r"))}
        job = held(make_job, places, findings=(full,), **publishing)
        assert can_continue(job, output, FFMPEG)


@pytest.mark.parametrize("pulled", ["in", "out", "done"])
def test_a_job_waits_only_for_the_disks_of_its_next_step(
    store: Store, make_job: MakeJob, places: FolderPlaces, tmp_path: Path, pulled: str
) -> None:
    gone = Finding(code="storage.not_mounted", message="")
    publishing = {"held_state": S.PUBLISHING, "outcome": S.DONE}
    placed = Journal(result=Path("/r"), output=Path("/o"), output_done=True)
    with tmpfs(tmp_path / pulled, 1):
        roots = Mounts(store, {"anime": places}, rebuilt=was_rebuilt(store))
        for root in places.roots.values():
            roots.require(root)
        guarded = replace(places, guard=roots)
        jobs = {
            "before it begins": held(make_job, places, findings=(gone,)),
            "its output": held(make_job, places, findings=(gone,), **publishing, journal=Journal(result=Path("/r"))),
            "its source": held(make_job, places, findings=(gone,), **publishing, journal=placed),
            "cancelled": held(make_job, places, findings=(gone,), **publishing | {"outcome": S.CANCELLED}),
        }
        assert all(can_continue(job, guarded, FFMPEG) for job in jobs.values())
        move_mount(tmp_path / pulled, tmp_path / "elsewhere")
        waiting = {name for name, job in jobs.items() if not can_continue(job, guarded, FFMPEG)}
        move_mount(tmp_path / "elsewhere", tmp_path / pulled)
    expected = {"in": {"before it begins", "its output", "its source"}, "out": {"its output"}, "done": {"its source"}}
    assert waiting == expected[pulled]


@pytest.mark.parametrize("step", ["output", "source"])
def test_a_job_without_rights_waits_until_it_may_write_where_it_goes_on(
    make_job: MakeJob, places: FolderPlaces, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    denied = Finding(code="storage.denied", message="")
    journal = Journal(result=Path("/r"), output=Path("/o"), output_done=step == "source")
    job = held(make_job, places, findings=(denied,), held_state=S.PUBLISHING, outcome=S.DONE, journal=journal)
    assert can_continue(job, places, FFMPEG)
    closed = {"output": places.output, "source": places.done}[step]
    may_write = Root.may_write  # a test that runs as root may write everywhere
    monkeypatch.setattr(Root, "may_write", lambda root: root.path != closed and may_write(root))
    assert not can_continue(job, places, FFMPEG)
    assert can_continue(job.evolve(held_state=S.QUEUED, outcome=None, journal=Journal()), places, FFMPEG)


@pytest.mark.parametrize("linked", ["in", "out", "done", "failed"])
def test_a_job_waits_while_any_of_its_folders_is_a_link(
    store: Store, make_job: MakeJob, places: FolderPlaces, tmp_path: Path, linked: str
) -> None:
    roots = Mounts(store, {"anime": places}, rebuilt=was_rebuilt(store))
    for root in places.roots.values():
        root.mkdir(exist_ok=True)
        roots.require(root)
    job = held(make_job, places, findings=(Finding(code="storage.symlink", message=""),))
    (tmp_path / "link").symlink_to(tmp_path)
    exchange(tmp_path / linked, tmp_path / "link")
    assert not can_continue(job, replace(places, guard=roots), FFMPEG)
    exchange(tmp_path / linked, tmp_path / "link")
    assert can_continue(job, replace(places, guard=roots), FFMPEG)


def test_without_a_check_the_job_may_continue(make_job: MakeJob, places: FolderPlaces, tmp_path: Path) -> None:
    job = held(make_job, places, findings=(Finding(code="engine.unavailable", message=""),))
    assert can_continue(job, replace(places, work=tmp_path / "gone"), FFMPEG)


def test_weights_and_programs_are_checked_without_an_attempt(
    make_job: MakeJob, places: FolderPlaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, program = (
        held(make_job, places, findings=(Finding(code=code, message=""),))
        for code in ("models.missing", "ffmpeg.missing")
    )
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr(prerequisites.time, "monotonic", lambda: next(clock))
    assert can_continue(weights, places, FFMPEG)
    monkeypatch.setattr(models, "_find_weights", lambda _: None)
    assert not can_continue(weights, places, FFMPEG)
    assert can_continue(program, places, FFMPEG)
    assert not can_continue(program, places, tmp_path / "gone")


@pytest.mark.parametrize("gone", ["ffmpeg", "weights", "engine"])
def test_missing_prerequisites_are_found_before_the_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    asked: list[str] = []

    class Missing(Worker):
        def run(self, task: Any, *_: Any, **__: Any) -> Any:
            asked.append(task.op)
            raise EngineMissingError("no engine works here")

    if gone == "weights":
        monkeypatch.setattr(models, "_find_weights", lambda _: None)
    tools = Tools(ffmpeg=tmp_path / "gone" if gone == "ffmpeg" else FFMPEG, encoders=frozenset())
    preset = Preset(ml_upscale="esrgan-2x")
    order = AttemptRequest(source=named_by_user(tmp_path / "a.mkv"), preset=preset, preset_name="p", work=tmp_path)
    with pytest.raises(FramewatchError) as caught:
        Pipeline(Missing(), tools, HostGate(1), MagicMock(), threading.Event()).run(order)
    assert caught.value.remedy is Remedy.WAIT
    assert asked == (["device"] if gone == "engine" else [])


def test_a_source_that_could_not_be_moved_away_waits_until_it_can_be(
    make_job: MakeJob, places: FolderPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    (places.input / "a.mkv").write_bytes(b"abc")
    job = held(make_job, places, output=places.output / "a.mp4", findings=(Finding("storage.cannot_move", ""),))
    assert can_continue(job, places, FFMPEG)
    monkeypatch.setattr(checks, "_may_change", lambda _: False)
    assert not can_continue(job, places, FFMPEG)


def test_a_name_that_became_impossible_ends_the_hold(
    make_job: MakeJob, places: FolderPlaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    (places.input / "a.mkv").write_bytes(b"abc")
    job = held(make_job, places, output=places.output / "a.mp4", findings=(Finding("storage.cannot_fill", ""),))

    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EINVAL, "not a name")

    monkeypatch.setattr(checks, "os", FaultyOs(watched=()))
    monkeypatch.setattr(checks.os, "open", refuse, raising=False)
    assert can_continue(job, places, FFMPEG)
