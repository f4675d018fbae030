"""The store: on real SQLite files, with several threads and processes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from framewatch.domain import FileIdentity, JobState, Journal, KnownFile, Length, Progress
from framewatch.errors import Finding, StorageError
from framewatch.jobs.store.database import QUERIES, STEPS, Database
from framewatch.jobs.store.ids import is_job_id
from framewatch.jobs.store.queue_order import QueueRule
from framewatch.jobs.store.serialization import columns_of
from framewatch.jobs.store.store import Store, StoreError
from framewatch.settings.fields import OrderName
from job_factory import NAMES, MakeJob, unfinished

S = JobState


def code_of(caught: pytest.ExceptionInfo[StoreError] | pytest.ExceptionInfo[StorageError]) -> str:
    return caught.value.finding.code


@pytest.mark.parametrize("name", NAMES)
def test_a_job_is_read_as_it_was_stored_whatever_bytes_its_paths_hold(
    tmp_path: Path, make_job: MakeJob, name: str
) -> None:
    failure = Finding(code="a.b", message=f"cannot read {name}")
    journal = Journal(result=Path("/w") / name, output=Path("/out") / name, source_to=Path("/done") / name)
    job = make_job(name=name, journal=journal, findings=(failure,), started_at=0.1)
    with Store.open(tmp_path / "jobs.db") as store:
        assert store.add(job)
    with Store.open(tmp_path / "jobs.db") as store:
        assert store.get(job.id) == job
        assert os.fsencode(unfinished(store)[0].source) == os.fsencode(job.source)
        assert store.unfinished_with_source(job.source)
        assert store.output_claimed(job.output)


def test_a_source_has_one_job_until_that_has_ended(store: Store, make_job: MakeJob) -> None:
    first = make_job(1, name="same.mkv")
    assert store.add(first)
    assert not store.add(make_job(2, name="same.mkv"))
    store.save(first.evolve(state=S.DONE, outcome=S.DONE, ended_at=5.0), "Published")
    assert not store.unfinished_with_source(first.source)
    assert not store.output_claimed(first.output)
    assert store.add(make_job(2, name="same.mkv"))
    assert store.get("id0002") is not None


def test_many_threads_and_connections_store_one_job_for_a_source(tmp_path: Path, make_job: MakeJob) -> None:
    stores = [Store.open(tmp_path / "jobs.db") for _ in range(2)]
    added: list[bool] = []

    def add(number: int) -> None:
        added.append(stores[number % 2].add(make_job(number, name="same.mkv")))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == [False] * 7 + [True]
    for store in stores:
        store.close()


def test_a_retry_is_refused_if_another_job_has_the_source(store: Store, make_job: MakeJob) -> None:
    ended = make_job(1, name="same.mkv", state=S.FAILED, outcome=S.FAILED, ended_at=1.0)
    assert store.add(ended)
    assert store.add(make_job(2, name="same.mkv"))
    with pytest.raises(StoreError) as caught:
        store.save(ended.evolve(state=S.QUEUED, outcome=None, ended_at=None), "RetryAsked")
    assert code_of(caught) == "job.source_taken"
    assert store.get(ended.id) == ended
    assert [entry.event for entry in store.history(ended.id)] == ["Added"]


def test_saving_writes_the_job_and_its_history(store: Store, make_job: MakeJob) -> None:
    job = make_job(1)
    store.add(job)
    running = job.evolve(state=S.RUNNING, attempt=1)
    store.save(running, "Claimed")
    store.save(running.evolve(state=S.HELD, findings=(Finding(code="storage.full", message="m"),)), "Broke")
    assert [(entry.event, entry.state, entry.attempt, entry.codes) for entry in store.history(job.id)] == [
        ("Added", S.QUEUED, 0, ()),
        ("Claimed", S.RUNNING, 1, ()),
        ("Broke", S.HELD, 1, ("storage.full",)),
    ]
    with pytest.raises(StoreError) as caught:
        store.save(make_job(9), "Claimed")
    assert code_of(caught) == "job.not_found"


def test_a_job_is_found_by_the_unique_beginning_of_its_id(store: Store, make_job: MakeJob) -> None:
    for job_id in ("abc1", "abc2", "abc", "b"):
        store.add(make_job(1, id=job_id, name=job_id))
    assert [store.get(given).id for given in ("ABC1", " abc ", "b")] == ["abc1", "abc", "b"]  # type: ignore[union-attr]
    assert store.get("x") is None
    assert store.get("") is None
    with pytest.raises(StoreError) as caught:
        store.get("a")
    assert code_of(caught) == "job.ambiguous"


def taken(store: Store, now: float = 50.0, accepts: Callable[[str], bool] = lambda _: True) -> list[str]:
    """Take all jobs that are due out of the queue, one after the other."""
    order = []
    while job := store.next_queued(now, accepts=accepts):
        store.save(job.evolve(state=S.RUNNING), "Claimed")
        order.append(job.id)
    return order


def test_the_queue_is_sorted_by_priority_and_arrival_without_jobs_that_wait(store: Store, make_job: MakeJob) -> None:
    store.add(make_job(2, created_at=2.0))
    store.add(make_job(1, created_at=1.0))  # it came later, though the clock was set back since
    store.add(make_job(3, priority=5))
    store.add(make_job(4, not_before=100.0))
    store.add(make_job(5, state=S.RUNNING))
    store.add(make_job(6, paused=True))
    assert taken(store) == ["id0003", "id0002", "id0001"]
    assert store.next_wake(50.0) == 100.0
    assert taken(store, 100.0) == ["id0004"]
    assert store.next_wake(100.0) is None


def test_what_the_user_put_in_front_and_the_folders_priority_come_before_a_jobs_own(
    store: Store, make_job: MakeJob
) -> None:
    store.use_rules({"low": QueueRule(priority=-1), "high": QueueRule(priority=1)})
    store.add(make_job(1, folder="low", priority=1000))
    store.add(make_job(2, folder="high"))
    store.add(make_job(3, folder="high", priority=1))
    store.add(make_job(4, folder="low", front=1))
    store.add(make_job(5, folder="low", front=2))
    store.add(make_job(6, folder="other"))
    assert store.most_front() == 2
    assert taken(store, accepts=lambda name: name != "other") == ["id0005", "id0004", "id0003", "id0002", "id0001"]
    assert taken(store) == ["id0006"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("arrival", "1234"),
        ("name", "4132"),
        ("oldest", "2143"),
        ("newest", "3412"),
        ("smallest", "3241"),
        ("largest", "1423"),
        ("shortest", "3124"),
    ],
)
def test_each_order_of_the_queue_before_and_after_the_jobs_came(
    store: Store, make_job: MakeJob, order: OrderName, expected: str
) -> None:
    files = {  # size, time, length in seconds; None: it could not be told
        1: ("E2.mkv", 40, 20, 9.0),
        2: ("e10.mkv", 20, 10, 10.0),
        3: ("E3.mkv", 10, 40, 1.5),
        4: ("a/z.mkv", 30, 30, None),
    }
    ids = [f"id000{number}" for number in expected]
    rule = {"anime": QueueRule(order=order)}
    for rules in (rule, {"anime": QueueRule()}):  # the second time, the order changes while the jobs are queued
        store.use_rules(rules)
        for number, (name, size, at, seconds) in files.items():
            identity = FileIdentity(device=1, inode=number, size=size, mtime_ns=at)
            length = Length(seconds=seconds)
            job = make_job(number, relative=Path(name), identity=identity, folder="anime", length=length)
            store.save(job, "Again") if store.get(job.id) else store.add(job)
        store.use_rules(rule)
        assert taken(store) == ids


def test_folders_of_different_orders_take_turns_by_arrival(store: Store, make_job: MakeJob) -> None:
    store.use_rules({"a": QueueRule(order="largest"), "b": QueueRule(order="name")})
    for number, (folder, name, size) in enumerate([("a", "x", 1), ("b", "x", 1), ("b", "y", 1), ("a", "y", 2)], 1):
        identity = FileIdentity(device=1, inode=number, size=size, mtime_ns=1)
        store.add(make_job(number, folder=folder, relative=Path(name), identity=identity))
    assert taken(store) == ["id0002", "id0003", "id0004", "id0001"]


def test_only_jobs_of_a_folder_that_goes_by_length_are_to_be_measured(store: Store, make_job: MakeJob) -> None:
    store.use_rules({"a": QueueRule(order="shortest"), "b": QueueRule(order="shortest"), "c": QueueRule()})
    for number, folder in enumerate("abcaa", 1):
        store.add(make_job(number, folder=folder, length=Length(seconds=1) if number == 4 else None))
    found = store.unmeasured(gpu=True, accepts=lambda name: name != "b", limit=5)
    assert [job.id for job in found] == ["id0001", "id0005"]


def test_the_next_of_20000_jobs_is_read_from_an_index(store: Store) -> None:
    for query in ("first_queued", "without_rank"):
        values = {"folder": "a", "gpu": 1, "now": 1.0, "beyond": 2.0, "limit": 1}
        with closing(sqlite3.connect(store.path)) as database:
            steps = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {QUERIES[query]}", values)]
        assert [step.split("(")[0] for step in steps] == ["SEARCH jobs USING INDEX jobs_queued "]


def test_held_jobs_are_found_when_they_are_due(store: Store, make_job: MakeJob) -> None:
    store.add(make_job(1, state=S.HELD, held_state=S.QUEUED, not_before=10.0))
    store.add(make_job(2, state=S.HELD, held_state=S.QUEUED, not_before=20.0))
    assert [job.id for job in store.due_holds(15.0)] == ["id0001"]
    assert store.due_holds(15.0, lambda name: name != "anime") == []
    assert store.next_wake(15.0) == 20.0


def test_jobs_are_listed_by_state_and_folder_the_newest_first(store: Store, make_job: MakeJob) -> None:
    for number in range(1, 6):
        state = S.RUNNING if number == 4 else S.QUEUED
        store.add(make_job(number, state=state, folder="odd" if number % 2 else "even"))
    assert [job.id for job in store.find()] == [f"id000{number}" for number in (5, 4, 3, 2, 1)]
    assert [job.id for job in store.find(limit=2, offset=1)] == ["id0004", "id0003"]
    assert [job.id for job in store.find([S.RUNNING, S.DONE])] == ["id0004"]
    assert [job.id for job in store.find([S.QUEUED], "even")] == ["id0002"]
    assert store.counts() == dict.fromkeys(S, 0) | {S.QUEUED: 4, S.RUNNING: 1}
    assert store.counts("even")[S.QUEUED] == 1


def test_progress_is_kept_for_a_known_job(store: Store, make_job: MakeJob) -> None:
    store.add(make_job(1))
    progress = Progress(stage="upscale", total=100, decoded=50, upscaled=40, fps=3.5, eta_seconds=17.0)
    store.set_progress("id0001", Progress())
    store.set_progress("id0001", progress)
    store.set_progress("nobody", progress)
    assert store.progress("id0001") == progress
    assert store.progress("nobody") == Progress()


def test_requests_are_returned_once_and_in_order(tmp_path: Path) -> None:
    with Store.open(tmp_path / "jobs.db") as daemon, Store.open(tmp_path / "jobs.db") as command:
        command.request("cancel", "id0001")
        command.request("retry", "id0002")
        taken: list[str] = []
        threads = [
            threading.Thread(target=lambda s=s: taken.extend(r.kind for r in s.take_requests()))
            for s in (daemon, command) * 3
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert taken == ["cancel", "retry"]
        command.request("retry", "id0003")
        assert [(request.kind, request.subject) for request in daemon.take_requests()] == [("retry", "id0003")]


def test_another_process_sees_the_facts_about_the_daemon(tmp_path: Path) -> None:
    with Store.open(tmp_path / "jobs.db") as daemon:
        daemon.set_fact("pid", 42)
        daemon.set_fact("folders", {"anime": {"healthy": True, "path": Path(os.fsdecode(b"/in/\xff"))}})
        daemon.set_fact("gone", 1)
        daemon.set_fact("gone", None)
        with Store.open(tmp_path / "jobs.db", readonly=True) as reader:
            assert reader.get_facts() == {
                "pid": 42,
                "folders": {"anime": {"healthy": True, "path": os.fsdecode(b"/in/\xff")}},
            }


def test_a_reader_cannot_write_and_needs_a_database(tmp_path: Path, make_job: MakeJob) -> None:
    with pytest.raises(StorageError) as caught:
        Store.open(tmp_path / "jobs.db", readonly=True)
    assert code_of(caught) == "store.missing"
    assert not (tmp_path / "jobs.db").exists()
    Store.open(tmp_path / "jobs.db").close()
    with Store.open(tmp_path / "jobs.db", readonly=True) as reader, pytest.raises(StorageError) as caught:
        reader.add(make_job(1))
    assert code_of(caught) == "storage.read_only"


def test_pruning_deletes_only_old_ended_jobs(tmp_path: Path, make_job: MakeJob) -> None:
    with Store.open(tmp_path / "jobs.db", clock=lambda: 1000.0) as store:
        for number in range(1, 11):
            store.add(make_job(number, state=S.DONE, outcome=S.DONE, ended_at=float(number * 100)))
            store.set_progress(f"id{number:04}", Progress(total=number))
        store.add(make_job(11, created_at=0.0))
        assert store.prune(keep=3, keep_seconds=500.0) == 4
        left = sorted(job.id for job in store.find())
        assert left == [f"id{number:04}" for number in range(5, 12)]
        assert store.prune(keep=3, keep_seconds=0.0) == 3
        assert sorted(job.id for job in store.find()) == ["id0008", "id0009", "id0010", "id0011"]
        assert store.history("id0001") == ()
        assert store.progress("id0001") == Progress()


def test_a_flooded_folder_makes_no_other_forget_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framewatch.jobs.store.store.KEEP_KNOWN_FILES", 10)
    times = iter(range(100))
    with Store.open(tmp_path / "jobs.db", clock=lambda: float(next(times))) as store:
        for folder, files in (("library", 4), ("share", 20)):
            for number in range(files):
                identity = FileIdentity(device=1, inode=number, size=1, mtime_ns=number)
                store.remember(folder, {Path(f"{number}.mkv"): KnownFile(identity=identity, sample="")})
        store.prune()

        def left(folder: str) -> list[int]:
            return [number for number in range(20) if store.known_file(folder, Path(f"{number}.mkv"))]

        assert left("library") == [0, 1, 2, 3]
        assert left("share") == [14, 15, 16, 17, 18, 19]


def test_a_file_that_is_no_database_is_reported_as_damaged_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError) as caught:
        Store.open(path)
    assert code_of(caught) == "store.corrupt"
    assert caught.value.finding.hint
    assert path.read_bytes() == b"not a database at all" * 100


def test_a_database_with_damaged_pages_is_reported_as_damaged(tmp_path: Path, make_job: MakeJob) -> None:
    path = tmp_path / "jobs.db"
    with Store.open(path) as store:
        for number in range(200):
            store.add(make_job(number))
    raw = bytearray(path.read_bytes())
    raw[4096 * 3 : 4096 * 20] = b"\xa5" * (4096 * 17)
    path.write_bytes(raw)
    with pytest.raises(StorageError) as caught:
        Store.open(path)
    assert code_of(caught) == "store.corrupt"


def test_a_database_of_a_newer_framewatch_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    Store.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError) as caught:
        Store.open(path)
    assert code_of(caught) == "store.too_new"


def test_an_older_database_is_migrated_step_by_step_and_a_broken_step_changes_nothing(
    tmp_path: Path, make_job: MakeJob
) -> None:
    path = tmp_path / "jobs.db"
    with Store.open(path) as store:
        store.add(make_job(1))
    broken = {**STEPS, "98": "ALTER TABLE jobs ADD COLUMN extra TEXT; ALTER TABLE nothing ADD COLUMN x;"}
    with pytest.raises(StorageError):
        Database(path, steps={number: text.replace("; ", ";\n") for number, text in broken.items()})
    good = {**STEPS, "98": "ALTER TABLE jobs ADD COLUMN extra TEXT;\n", "99": "DELETE FROM facts;\n"}
    database = Database(path, steps=good)
    assert database.rows("last_arrival") == [(1,)]
    database.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (99,)
    assert connection.execute("SELECT extra FROM jobs").fetchall() == [(None,)]
    connection.close()


def test_stored_jobs_survive_the_kill_of_the_process(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from framewatch.domain import FileIdentity, Job
from framewatch.jobs.store.store import Store
store = Store.open(Path(sys.argv[1]))
for n in range(5):
    store.add(Job(id=f"id{n}", folder="f", relative=Path(f"{n}"), source=Path(f"/in/{n}"), preset="",
        identity=FileIdentity(device=1, inode=1, size=1, mtime_ns=1), preset_name="", output=Path(f"/o/{n}")))
print("stored", flush=True)
sys.stdin.read()
"""
    path = tmp_path / "jobs.db"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"stored\n"
        child.send_signal(signal.SIGKILL)
    with Store.open(path) as store:
        assert [job.id for job in unfinished(store)] == [f"id{n}" for n in range(5)]


def test_ids_differ_in_their_first_characters_also_from_those_before_a_restart(
    tmp_path: Path, make_job: MakeJob
) -> None:
    made = []
    for _ in range(3):
        with Store.open(tmp_path / "jobs.db") as store:
            for _ in range(100):
                made.append(store.new_id())
                store.add(make_job(len(made), id=made[-1]))
    assert all(is_job_id(each) for each in made)
    assert len({each[:2] for each in made}) == len(made)
    assert all(len({each[0] for each in made[n : n + 20]}) == 20 for n in range(280))


def test_an_older_store_is_read_without_a_daemon_and_left_as_it_is(tmp_path: Path, make_job: MakeJob) -> None:
    path = tmp_path / "jobs.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(f"PRAGMA journal_mode = WAL; {STEPS['1']}; PRAGMA user_version = 1")
        for number in (2, 1):
            job = make_job(number)
            columns = columns_of(job)
            names = [name for name in columns if name not in ("front", "paused")]
            values = ", ".join(f":{name}" for name in names)
            database.execute(f"INSERT INTO jobs ({', '.join(names)}) VALUES ({values})", columns)  # noqa: S608
    before = path.read_bytes()
    with Store.open(path, readonly=True) as store:
        assert [job.id for job in store.find()] == ["id0002", "id0001"]  # the newest first, by their old ids
    assert path.read_bytes() == before
    with Store.open(path) as store:
        store.add(make_job(3))
        assert [job.id for job in store.find()] == ["id0003", "id0002", "id0001"]
