"""A damaged store is moved aside, and rebuilt from the work folders without losing or doubling a job."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from framewatch.domain import Job, JobState, Journal
from framewatch.errors import ErrorRecord, Remedy, StorageError
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.lifecycle.transitions import transition
from framewatch.jobs.publishing.publish import publish
from framewatch.jobs.reporting.reporter import Reporter
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.store.job_backup import MAX_BYTES, Backups, read_backup
from framewatch.jobs.store.recovery import last_rebuild, mark_damaged, move_aside, open_or_rebuild
from framewatch.jobs.store.store import Store
from framewatch.jobs.work_folder import BACKUP_NAME
from framewatch.storage.files import part_name
from job_factory import MakeJob, unfinished
from publish_world import World

S = JobState
NOW = 1_795_000_000.0  # 2026-11-18T11:06:40Z


class Home:
    """A state folder and a work folder."""

    def __init__(self, root: Path) -> None:
        self.path = root / "state" / "framewatch.db"
        self.work = root / "work"
        for folder in (self.path.parent, self.work):
            folder.mkdir(exist_ok=True)

    def open(self) -> Store:
        return open_or_rebuild(self.path, self.work, clock=lambda: NOW)

    def manager(self, store: Store) -> JobManager:
        return JobManager(store, Reporter(store, lambda _: None), self.work, RetryPolicy(), clock=lambda: NOW)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.path.parent.iterdir())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def job_id(number: int) -> str:
    return f"{number:012}"


def claimed(home: Home, store: Store, job: Job) -> Job:
    manager = home.manager(store)
    assert manager.add(job.output.parent, lambda: ([job], {})) == ([job], {})
    return manager.apply(job.id, ev.Claimed())


def killed(home: Home, make_job: MakeJob, *, ended: int = 100) -> list[Job]:
    """What a killed daemon leaves: a database with its log, three started jobs, and one that was only queued."""
    with home.open() as store:
        for number in range(100, 100 + ended):
            store.add(
                make_job(number, id=job_id(number), state=S.DONE, outcome=S.DONE, ended_at=1.0, preset="x" * 900)
            )
        store.add(make_job(1, id=job_id(1)))
        begun = [claimed(home, store, make_job(number, id=job_id(number))) for number in (2, 3, 4)]
        manager = home.manager(store)
        begun[1] = manager.apply(begun[1].id, ev.Broke.of(StorageError("gone")))
        begun[2] = manager.apply(begun[2].id, ev.Rendered(home.work / job_id(4) / "result.mp4", 10))
        with Store.open(home.path):
            copies = {path: path.read_bytes() for path in home.path.parent.iterdir()}
    for path, content in copies.items():
        path.write_bytes(content)
    assert f"{home.path.name}-wal" in home.names()
    return begun


def overwritten(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[4096 : len(raw) // 2] = b"\xa5" * (len(raw) // 2 - 4096)
    path.write_bytes(raw)


def fold(path: Path) -> None:
    """Fold the log into the main file, as a daemon does that ends cleanly."""
    Store.open(path).close()


def damaged_pages(path: Path) -> None:
    fold(path)
    overwritten(path)


def truncated(path: Path) -> None:
    fold(path)
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def cut_within_a_page(path: Path) -> None:
    fold(path)
    os.truncate(path, path.stat().st_size - 1000)


def header_zeroed(path: Path) -> None:
    fold(path)
    path.write_bytes(bytes(100) + path.read_bytes()[100:])


def schema_zeroed(path: Path) -> None:
    fold(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:100] + bytes(3996) + raw[4096:])


def garbage(path: Path) -> None:
    with suppress(StorageError):
        fold(path)
    path.write_bytes(b"not a database at all" * 1000)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def only_the_log_left(path: Path) -> None:
    path.unlink()


def marked(path: Path) -> None:
    mark_damaged(path)


DAMAGES = [
    *(damaged_pages, truncated, cut_within_a_page, header_zeroed, schema_zeroed),
    *(garbage, emptied, only_the_log_left, marked),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_is_moved_aside_and_its_started_jobs_are_restored(
    home: Home, make_job: MakeJob, damage: Callable[[Path], None]
) -> None:
    begun = killed(home, make_job)
    damage(home.path)
    before = {path.name: path.read_bytes() for path in home.path.parent.iterdir() if not path.name.endswith("shm")}
    with home.open() as store:
        assert unfinished(store) == begun
        told = last_rebuild(store)
        assert told is not None
        assert told["jobs"] == 3
    aside = "framewatch.db.corrupt-20261118T110640Z"
    assert told["kept_aside"] == str(home.path.with_name(aside))
    kept = {name: (home.path.parent / name).read_bytes() for name in home.names() if name.startswith(aside)}
    wanted = {name.replace(home.path.name, aside): content for name, content in before.items()}
    assert {name: kept[name] for name in kept if not name.endswith("shm")} == {
        name: content for name, content in wanted.items() if not name.endswith("damaged")
    }
    with home.open() as store:  # the second start finds nothing to rebuild
        assert unfinished(store) == begun
        for name in kept:
            (home.path.parent / name).unlink()
        assert last_rebuild(store) is None
    assert not any("corrupt" in name for name in home.names())


def test_a_second_damaged_store_within_a_second_gets_another_name(home: Home) -> None:
    for _ in range(2):
        garbage(home.path)
        home.open().close()
    assert [name for name in home.names() if "corrupt" in name] == [
        "framewatch.db.corrupt-20261118T110640Z",
        "framewatch.db.corrupt-20261118T110640Z-2",
    ]


def test_the_newest_five_damaged_stores_are_kept(home: Home) -> None:
    for second in range(12):
        garbage(home.path)
        home.path.with_name(f"{home.path.name}-wal").write_bytes(b"log")
        move_aside(home.path, NOW + second // 2)
    kept = [name for name in home.names() if "corrupt" in name and not name.endswith("-wal")]
    stamps = ["40-2", "41", "41-2", "42", "42-2", "43", "43-2", "44", "44-2", "45", "45-2"]
    assert [name.rpartition("T1106")[2].replace("Z", "") for name in kept] == stamps[-5:]
    assert len([name for name in home.names() if name.endswith("-wal")]) == 5


def test_the_store_that_was_just_moved_aside_is_kept_if_the_clock_was_set_back(home: Home) -> None:
    for seconds in (*range(5), -1000):
        garbage(home.path)
        aside = move_aside(home.path, NOW + seconds)
    assert aside.exists()


def test_a_first_start_reports_no_rebuild(home: Home) -> None:
    with home.open() as store:
        assert store.get_facts() == {}
    assert home.names() == ["framewatch.db"]


def test_a_damaged_write_ahead_log_loses_no_step_of_a_started_job(home: Home, make_job: MakeJob) -> None:
    begun = killed(home, make_job)
    wal = home.path.with_name(f"{home.path.name}-wal")
    raw = bytearray(wal.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 64] = b"\xa5" * 64  # SQLite silently ignores everything after it
    wal.write_bytes(raw)
    with home.open() as store:
        assert [job for job in unfinished(store) if job.id != job_id(1)] == begun


def test_a_store_of_a_newer_framewatch_is_an_error_and_is_not_moved(home: Home) -> None:
    import sqlite3

    home.open().close()
    connection = sqlite3.connect(home.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError) as caught:
        home.open()
    assert caught.value.finding.code == "store.too_new"
    assert home.names() == ["framewatch.db"]


def test_a_queued_job_has_no_backup_and_a_retried_one_has(home: Home, make_job: MakeJob) -> None:
    with home.open() as store:
        manager = home.manager(store)
        assert manager.add(Path("/out"), lambda: ([make_job(1, id=job_id(1))], {}))[0]
        assert list(home.work.iterdir()) == []
        failed = make_job(2, id=job_id(2), state=S.FAILED, outcome=S.FAILED, ended_at=1.0)
        store.add(failed)
        moved = Path("/failed/clip2.mkv")
        retried = manager.apply(failed.id, ev.RetryAsked(moved, failed.identity, failed.output))
    garbage(home.path)
    with home.open() as store:
        assert unfinished(store) == [retried]


def test_an_ended_job_leaves_nothing_in_the_work_folder(home: Home, make_job: MakeJob) -> None:
    with home.open() as store:
        manager = home.manager(store)
        job = claimed(home, store, make_job(1, id=job_id(1)))
        (home.work / job.id / "segment-00000.mp4").touch()
        job = manager.apply(job.id, ev.CancelAsked())
        assert [path.name for path in (home.work / job.id).iterdir()] == [BACKUP_NAME]
        for event in (ev.SourceChosen(Path("/failed/x")), ev.SourceMoved(), ev.Published()):
            job = manager.apply(job.id, event)
        Backups(store, home.work).keep(job.evolve(state=S.PUBLISHING, revision=job.revision - 1))  # a late thread
    assert list(home.work.iterdir()) == []


def test_of_two_backups_with_the_same_source_the_newer_is_restored(home: Home, make_job: MakeJob) -> None:
    with home.open() as store:
        old = claimed(home, store, make_job(1, id=job_id(1), name="same.mkv"))
        store.save(old.evolve(state=S.DONE, ended_at=1.0), "Published")  # but its folder could not be removed
        claimed(home, store, make_job(2, id=job_id(2), name="same.mkv"))
    garbage(home.path)
    with home.open() as store:
        assert [job.id for job in unfinished(store)] == [job_id(2)]


# --- one step behind -----------------------------------------------------------------------------------------


def steps(world: World, home: Home, outcome: JobState) -> list[bytes]:
    """Publish the world's job to its end; returns its backups, one for each step."""
    records: list[bytes] = []
    with home.open() as store:
        path = home.work / "0a0a0a0a0a0a" / BACKUP_NAME
        manager = home.manager(store)
        job = begun(world, home, store, outcome)
        records.append(path.read_bytes())
        known = [job]

        def record(event: ev.Event) -> Job:
            known[0] = manager.apply(known[0].id, event)
            if path.exists():
                records.append(path.read_bytes())
            return known[0]

        publish(job, world.places, record, world.conclude)
    return records


def begun(world: World, home: Home, store: Store, outcome: JobState) -> Job:
    found = home.work / "0a0a0a0a0a0a"
    fresh = {"state": S.QUEUED, "outcome": None, "attempt": 0, "journal": Journal(), "findings": ()}
    job = claimed(home, store, world.job(outcome, id=found.name).evolve(**fresh))
    result = found / "result.mp4"
    world.result.rename(result)
    world.result = result
    if outcome == S.DONE:
        return home.manager(store).apply(job.id, ev.Rendered(result, 10))
    return home.manager(store).apply(job.id, ev.Broke(ErrorRecord(StorageError("not a video").findings, Remedy.NONE)))


@pytest.mark.parametrize("outcome", [S.DONE, S.FAILED])
def test_a_backup_one_step_behind_leads_to_the_same_end_at_every_step(tmp_path: Path, outcome: JobState) -> None:
    count = len(steps(World(tmp_path / "first"), Home(tmp_path / "first"), outcome))
    assert count == {S.DONE: 5, S.FAILED: 3}[outcome]
    for behind in range(count):
        world, home = World(tmp_path / f"{behind}"), Home(tmp_path / f"{behind}")
        stopped_after(world, home, outcome, behind)
        garbage(home.path)
        with home.open() as store:
            manager = home.manager(store)
            known = [unfinished(store)[0]]
            assert known[0].revision == 2 + behind

            def record(event: ev.Event, manager: JobManager = manager, known: list[Job] = known) -> Job:
                known[0] = manager.apply(known[0].id, event)
                return known[0]

            assert publish(known[0], world.places, record, world.conclude).state == outcome
        assert world.files() == world.expected(outcome)
        assert not (home.work / known[0].id).exists()


def stopped_after(world: World, home: Home, outcome: JobState, behind: int) -> None:
    """Publish until a power cut, after which the backup is one step behind the disk."""

    class PowerCutError(Exception):
        pass

    with home.open() as store:
        manager = home.manager(store)
        job = begun(world, home, store, outcome)
        path = home.work / job.id / BACKUP_NAME
        known = [job]

        def record(event: ev.Event) -> Job:
            before = path.read_bytes()
            if known[0].revision == 2 + behind:
                changed = transition(known[0], event, NOW, RetryPolicy())
                store.save(changed.evolve(revision=known[0].revision + 1), event.name)
                assert path.read_bytes() == before
                raise PowerCutError
            known[0] = manager.apply(known[0].id, event)
            return known[0]

        with pytest.raises(PowerCutError):
            publish(job, world.places, record, world.conclude)


# --- what may be in a work folder ----------------------------------------------------------------------------


def flipped(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"clip")] ^= 1
    path.write_bytes(raw)


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:500])


def nested(path: Path) -> None:
    path.write_bytes(b"[" * 100_000)


def of_another_shape(path: Path) -> None:
    path.write_text(json.dumps({"digest": 1, "job": ["a"]}))


def huge(path: Path) -> None:
    os.truncate(path, MAX_BYTES * 1000)


def linked(path: Path) -> None:
    path.rename(path.parents[1] / "elsewhere")
    path.symlink_to(path.parents[1] / "elsewhere")


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def of_another_job(path: Path) -> None:
    path.parent.rename(path.parent.with_name(job_id(9)))


def pointing_elsewhere(path: Path) -> None:
    text = json.loads(json.loads(path.read_text())["job"]) | {"journal": {"result": "/etc/passwd"}}
    job = json.dumps(text)
    path.write_text(json.dumps({"digest": hashlib.blake2b(job.encode(), digest_size=16).hexdigest(), "job": job}))


RECORDS = [
    *(flipped, halved, nested, of_another_shape, huge, linked, a_pipe, a_folder, of_another_job),
    pointing_elsewhere,
]


@pytest.mark.parametrize("ledger", [True, False])
@pytest.mark.parametrize("damage", RECORDS)
def test_a_work_folder_without_a_readable_backup_is_kept_only_if_it_has_segments(
    home: Home, make_job: MakeJob, damage: Callable[[Path], None], ledger: bool
) -> None:
    with home.open() as store:
        job = claimed(home, store, make_job(1, id=job_id(1)))
    folder = home.work / job.id
    if ledger:
        (folder / "ledger.jsonl").write_text("{}\n")
    damage(folder / BACKUP_NAME)
    garbage(home.path)
    with home.open() as store:
        assert unfinished(store) == []
        home.manager(store).remove_leftover_work()
        told: Any = last_rebuild(store)
    left = [path.name for path in home.work.iterdir() if path.is_dir()]
    assert [name.startswith("lost-0") for name in left] == [True] * ledger
    assert told["lost"] == [str(home.work / name) for name in left]


def test_links_and_foreign_files_in_the_work_folder_are_left_alone(home: Home, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / BACKUP_NAME).write_text("{}")
    (outside / "ledger.jsonl").write_text("{}")
    (home.work / job_id(1)).symlink_to(outside)
    os.mkfifo(home.work / job_id(2))
    (home.work / "notes").mkdir()
    garbage(home.path)
    with home.open() as store:
        home.manager(store).remove_leftover_work()
    assert sorted(path.name for path in home.work.iterdir()) == [job_id(1), job_id(2), "notes"]
    assert sorted(path.name for path in outside.iterdir()) == [BACKUP_NAME, "ledger.jsonl"]


def test_a_backup_that_cannot_be_written_is_removed(home: Home, make_job: MakeJob) -> None:
    with home.open() as store:
        job = claimed(home, store, make_job(1, id=job_id(1)))
        folder = home.work / job.id
        assert read_backup(folder) == job
        obstacle = folder / part_name(hashlib.blake2b(BACKUP_NAME.encode(), digest_size=6).hexdigest())
        obstacle.mkdir()
        job = home.manager(store).apply(job.id, ev.Rendered(folder / "result.mp4", 1))
        assert [path.name for path in folder.iterdir()] == [obstacle.name]
        obstacle.rmdir()
        job = home.manager(store).apply(job.id, ev.OutputChosen(Path("/out/x.mp4"), 1))
        assert read_backup(folder) == job
