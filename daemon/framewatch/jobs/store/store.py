"""Every job on disk. Each change is stored here before anything follows from it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from framewatch.domain import Job, JobState, KnownFile, Progress, Record
from framewatch.errors import FramewatchError, StorageError
from framewatch.jobs.lifecycle.retry_policy import LONGEST_WAIT
from framewatch.jobs.store.database import Database, Row
from framewatch.jobs.store.ids import Ids
from framewatch.jobs.store.queue_order import QueuedJob, QueueRule, first_of, merged, rank_of
from framewatch.jobs.store.serialization import columns_of, job_of, known_file_of, text_of
from framewatch.library.retention import MovedFile

KEEP_JOBS = 10_000
KEEP_SECONDS = 90 * 24 * 3600.0
KEEP_KNOWN_FILES = 200_000  # about 100 MB; those that were not seen for the longest time are forgotten first

_RANKED = "ranked"  # the fact: by which order the jobs of each folder have their ranks


class HistoryEntry(Record):
    """One event in the life of a job."""

    at: float  # Unix time
    event: str
    state: JobState  # after the event
    attempt: int
    codes: tuple[str, ...] = ()  # of its findings after the event


class WaitingFiles(NamedTuple):
    """Queued files that are alike."""

    folder: str
    preset_name: str
    gpu: int  # 1 if they need one
    files: int
    size: int  # bytes, all together


class Request(Record):
    """A request of another process to the daemon."""

    kind: str  # a newer command may ask for what this version does not know
    subject: str | None  # the job's id, or a folder's name; None: it concerns several jobs, or the daemon
    asked_at: float  # Unix time
    argument: Any = None  # what is asked for, as JSON values


class StoreError(FramewatchError):
    """The store has no such job, or more than one."""

    code = "job.not_found"


class Store:
    """All jobs, their history and progress, and what the daemon and its commands tell each other.

    Safe for use from several threads, and from several processes on one host. Paths may hold any bytes: those that
    are searched for are stored as bytes, the record as JSON with escapes.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._ids = Ids(database.rows("last_arrival")[0][0])
        self._rules: Mapping[str, QueueRule] = {}  # of each folder's queue

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False, clock: Callable[[], float] = time.time) -> Self:
        """Open the store; create it if it is missing, unless `readonly`.

        Raises:
            StorageError: `store.corrupt`, `store.too_new`, `store.missing`, or an error of the disk.
        """
        return cls(Database(path, readonly=readonly), clock)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @property
    def path(self) -> Path:
        """The database file."""
        return self._database.path

    @property
    def damage(self) -> StorageError | None:
        """The first damage that any thread found since the store was opened."""
        return self._database.damage

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- jobs ---------------------------------------------------------------------------------------------

    def new_id(self) -> str:
        """Return an id for a new job: 12 characters, the first of which differ from those of other jobs."""
        return self._ids.new()

    def transaction(self) -> AbstractContextManager[None]:
        """Everything that is stored inside happens, or nothing of it; other threads wait meanwhile."""
        return self._database.transaction()

    def add(self, job: Job, event: str = "Added") -> bool:
        """Store a new job; False if an unfinished job has this source already."""
        with _conflicts(job), self._database.transaction():
            added = self._database.run("add_job", **self._columns(job)) == 1
            if added:
                self._remember(job, event)
        return added

    def save(self, job: Job, event: str) -> None:
        """Store what `event` made of a job, and the event in its history, both or neither.

        Raises:
            StoreError: `job.not_found`, or `job.source_taken` where another job has its source by now.
        """
        with _conflicts(job), self._database.transaction():
            if self._database.run("save_job", **self._columns(job)) != 1:
                raise StoreError(f"there is no job {job.id}")
            self._remember(job, event)

    def get(self, job_id: str) -> Job | None:
        """Return the job with this id, or the only one whose id begins with it.

        Raises:
            StoreError: `job.ambiguous` if several ids begin with it.
        """
        prefix = job_id.strip().lower()
        jobs = self._jobs("jobs_by_prefix", prefix=prefix, beyond=prefix + "~") if prefix else []
        if len(jobs) > 1 and jobs[0].id != prefix:
            message = f"more than one job's id begins with {prefix}"
            raise StoreError(message, code="job.ambiguous", hint="give more of its characters")
        return jobs[0] if jobs else None

    def use_rules(self, rules: Mapping[str, QueueRule]) -> None:
        """Queue the jobs of each folder by its rule from now on, also those that are queued already."""
        self._rules = rules
        facts = self.get_facts()
        known = facts.get(_RANKED, {})
        ranked = known | {name: rule.order for name, rule in rules.items()}
        for name in [name for name in rules if known.get(name, "arrival") != ranked[name]]:
            with self._database.transaction():
                for job in self._jobs("unfinished_of", folder=name):
                    self._database.run("set_rank", id=job.id, rank=rank_of(job, ranked[name]))
        if ranked != known:
            self.set_fact(_RANKED, ranked)

    def next_queued(
        self, now: float, *, gpu: bool = True, accepts: Callable[[str], bool] = lambda _: True
    ) -> Job | None:
        """Return the first job in the queue, by the rules of the folders.

        A job that would wait longer than any job waits is due: the clock was set back since.

        Args:
            now: Unix time.
            gpu: whether to look among the jobs that take a GPU, or the others.
            accepts: whether jobs of the folder of this name may run now.
        """
        heads: list[QueuedJob] = []
        for name in filter(accepts, self.queued_folders()):
            rows = self._database.rows("first_queued", folder=name, gpu=gpu, now=now, beyond=now + LONGEST_WAIT)
            heads += [QueuedJob(self._job(row), row[1], row[2]) for row in rows]
        return first_of(heads, self._rules)

    def queued_folders(self) -> list[str]:
        """Return the names of the watch folders that have queued jobs, without those that the user paused."""
        return [row[0] for row in self._database.rows("queued_folders")]

    def paused_jobs(self) -> list[Job]:
        """Return the unfinished jobs that the user paused one by one."""
        return self._jobs("paused_jobs")

    def unmeasured(self, *, gpu: bool, accepts: Callable[[str], bool], limit: int) -> list[Job]:
        """Return queued jobs whose length decides when they run, and is not known yet."""
        names = [name for name, rule in self._rules.items() if rule.order == "shortest" and accepts(name)]
        found = (self._jobs("without_rank", folder=name, gpu=gpu, limit=limit) for name in names)
        return [job for jobs in found for job in jobs][:limit]

    def most_front(self) -> int:
        """Return the number of the job that the user put in front last; 0 without any."""
        return int(self._database.rows("most_front")[0][0])

    def due_holds(self, now: float, knows: Callable[[str], bool] = lambda _: True) -> list[Job]:
        """Return the held jobs that are due to be checked at Unix time `now`, of those folders that are known."""
        folders = json.dumps([row[0] for row in self._database.rows("held_folders") if knows(row[0])])
        return self._jobs("due_holds", folders=folders, now=now, beyond=now + LONGEST_WAIT)

    def postpone(self, job_ids: Collection[str], until: float) -> None:
        """Let held jobs wait until this Unix time.

        This is no event, and not durable: nothing happened to the jobs, they were only checked.
        """
        if not job_ids:
            return
        with self._database.transaction(durable=False):
            for job_id in job_ids:
                self._database.run("postpone", id=job_id, until=until)

    def next_wake(self, now: float) -> float | None:
        """Return the Unix time at which the next waiting job is due; None if none waits for a time."""
        wake: float | None = self._database.rows("next_wake", now=now, beyond=now + LONGEST_WAIT)[0][0]
        return wake

    def is_queued(self, job_id: str) -> bool:
        """Return whether this job is queued."""
        return bool(self._database.rows("is_queued", job_id=job_id))

    def unfinished_ids(self) -> set[str]:
        """Return the ids of all unfinished jobs."""
        return {row[0] for row in self._database.rows("unfinished_ids")}

    def unfinished_folders(self) -> set[str]:
        """Return the names of the watch folders that have unfinished jobs."""
        return {row[0] for row in self._database.rows("unfinished_folders")}

    def find(
        self,
        states: Collection[JobState] = (),
        folder: str | None = None,
        limit: int | None = 100,
        offset: int = 0,
    ) -> list[Job]:
        """Jobs, the newest first; only those in some states, or of one folder, if these are given.

        Without a `limit`, all of them.
        """
        wanted = f" {' '.join(states)} " if states else ""
        most = -1 if limit is None else limit  # SQLite's LIMIT
        return self._jobs("find_jobs", states=wanted, folder=folder, limit=most, offset=offset)

    def upcoming(self, rules: Mapping[str, QueueRule], limit: int | None = None) -> list[Job]:
        """Return the queued jobs in the order in which they are taken, by these rules of the folders."""
        most = -1 if limit is None else limit
        names = [row[0] for row in self._database.rows("folders_in_queue")]
        queues = [self._database.rows("queued_of", folder=name, limit=most) for name in names]
        jobs = [[QueuedJob(self._job(row), row[1], row[2]) for row in rows] for rows in queues]
        return merged(jobs, rules, limit)

    def recently_ended(
        self, states: Collection[JobState], limit: int | None = None, folder: str | None = None
    ) -> list[Job]:
        """Return the jobs, or those of a folder, that have ended in one of these states, the last one first."""
        most = -1 if limit is None else limit
        return self._jobs("recently_ended", states=f" {' '.join(states)} ", folder=folder, limit=most)

    def waiting(self) -> list[WaitingFiles]:
        """Return what the queue holds, by folder, preset, and whether a GPU is needed."""
        return [WaitingFiles(*row) for row in self._database.rows("waiting")]

    def counts(self, folder: str | None = None) -> dict[JobState, int]:
        """Return how many jobs are in each state, zeros included."""
        counted = {JobState(state): count for state, count in self._database.rows("counts", folder=folder)}
        return {state: counted.get(state, 0) for state in JobState}

    def history(self, job_id: str) -> tuple[HistoryEntry, ...]:
        """Return the events in the life of a job, the oldest first."""
        rows = self._database.rows("history", job_id=job_id)
        return tuple(
            HistoryEntry(at=at, event=event, state=state, attempt=attempt, codes=tuple(codes.split()))
            for at, event, state, attempt, codes in rows
        )

    def output_claimed(self, path: Path) -> bool:
        """Return whether an unfinished job plans to write this output."""
        return bool(self._database.rows("output_claimed", output=os.fsencode(path)))

    def planned_outside(self, folder: str, output: Path) -> list[Job]:
        """Return a folder's jobs that wait or run, and whose output is planned outside of `output`."""
        return self._jobs("planned_outside", folder=folder, below=os.fsencode(output / "_")[:-1])

    def was_queued_again(self, job: Job) -> bool:
        """Return whether there is a later job with the same source."""
        return bool(self._database.rows("queued_again", job_id=job.id, source=os.fsencode(job.source)))

    def with_source_below(self, folder: Path) -> list[Job]:
        """Return all jobs, also ended ones, whose source is or was below a folder."""
        below = os.fsencode(folder) + b"/"
        return self._jobs("with_source_below", below=below, beyond=below[:-1] + b"0")  # "0" follows "/"

    def newest_of_each_folder(self) -> list[Job]:
        """Return the newest job of each watch folder."""
        return self._jobs("newest_of_each_folder")

    def rename_folders(self, names: Mapping[str, str]) -> None:
        """Give watch folders other names, in all that is stored by name; two may exchange theirs.

        Args:
            names: the new name of each, by the old one.
        """
        if not names:
            return
        steps = [(old, f"/{new}") for old, new in names.items()]  # no folder has a name with a slash
        steps += [(f"/{new}", new) for new in names.values()]
        with self._database.transaction():
            for old, new in steps:
                self._database.run("rename_jobs_folder", old=old, new=new)
                self._database.run("rename_known_files_folder", old=old, new=new)
            ranked = self.get_facts().get(_RANKED, {})
            self.set_fact(_RANKED, {names.get(name, name): order for name, order in ranked.items()})

    def unfinished_with_source(self, path: Path) -> Job | None:
        """Return the unfinished job that has this source."""
        return next(iter(self._jobs("unfinished_with_source", source=os.fsencode(path))), None)

    # --- files that stay in the input ---------------------------------------------------------------------

    def remember(self, folder: str, known: Mapping[Path, KnownFile], *, durable: bool = True) -> None:
        """Store files that a watch folder must not queue, by their paths below its input, as seen now."""
        with self._database.transaction(durable=durable):
            for relative, file in known.items():
                values = {
                    "size": file.identity.size,
                    "output": file.output and os.fsencode(file.output),
                    "seen_at": self._clock(),
                    "record": text_of(file),
                }
                self._database.run("remember_file", folder=folder, relative=os.fsencode(relative), **values)

    def forget(self, folder: str, relative: Path) -> None:
        """Let a watch folder queue this file again."""
        with self._database.transaction():
            self._database.run("forget_file", folder=folder, relative=os.fsencode(relative))

    def known_file(self, folder: str, relative: Path) -> KnownFile | None:
        """Return the file that is known under this path below a watch folder's input."""
        rows = self._database.rows("known_file", folder=folder, relative=os.fsencode(relative))
        return self._known(rows[0]) if rows else None

    def known_files_of_size(self, folder: str, size: int) -> list[KnownFile]:
        """Return known files of a watch folder with this size in bytes; a hundred of them, if there are more."""
        return [self._known(row) for row in self._database.rows("known_files_of_size", folder=folder, size=size)]

    def is_known_output(self, path: Path) -> bool:
        """Return whether a known source has this output."""
        return bool(self._database.rows("is_known_output", output=os.fsencode(path)))

    def has_known_files(self, folder: str) -> bool:
        """Return whether any file of this watch folder is known."""
        return bool(self._database.rows("has_known_files", folder=folder))

    # --- files in done/ and failed/ -----------------------------------------------------------------------

    def note_moved(self, moved: Collection[MovedFile]) -> None:
        """Store files that were moved to done/ or failed/."""
        if not moved:
            return
        with self._database.transaction():
            for file in moved:
                self._database.run("note_moved", **(file._asdict() | {"path": os.fsencode(file.path)}))

    def moved_files(self, root: Path) -> list[MovedFile]:
        """Return the files that were moved to a folder or those below it."""
        low = os.fsencode(root) + b"/"
        rows = self._database.rows("moved_files", low=low, high=low[:-1] + b"0")  # the byte after the slash
        return [MovedFile(Path(os.fsdecode(path)), *facts) for path, *facts in rows]

    def follow_moved(self, old: Path, new: Path) -> None:
        """Look for files that were moved to a folder, or those below it, below another path from now on."""
        with self._database.transaction():
            for file in self.moved_files(old):
                self._database.run("forget_moved", path=os.fsencode(file.path))
                self.note_moved([file._replace(path=new / file.path.relative_to(old))])

    def forget_moved(self, path: Path) -> None:
        """Forget a file that was moved: it is gone, or is another one by now."""
        with self._database.transaction():
            self._database.run("forget_moved", path=os.fsencode(path))

    def prune(self, keep: int = KEEP_JOBS, keep_seconds: float = KEEP_SECONDS) -> int:
        """Delete ended jobs that are neither among the newest `keep` nor younger than `keep_seconds`.

        Returns:
            How many were deleted, with their history and progress.
        """
        with self._database.transaction():
            self._database.run("prune_known_files", keep=KEEP_KNOWN_FILES)
            self._database.run("prune_moved", keep=KEEP_KNOWN_FILES)  # the others are never deleted
            return self._database.run("prune", before=self._clock() - keep_seconds, keep=keep)

    # --- progress -----------------------------------------------------------------------------------------

    def set_progress(self, job_id: str, progress: Progress) -> None:
        """Store the progress of a job. Not durable: it is only shown, and often written."""
        with self._database.transaction(durable=False):
            self._database.run("set_progress", job_id=job_id, record=text_of(progress))

    def progress(self, job_id: str) -> Progress:
        """Return the progress of a job."""
        rows = self._database.rows("progress", job_id=job_id)
        return Progress(**json.loads(rows[0][0])) if rows else Progress()

    # --- between processes --------------------------------------------------------------------------------

    def request(self, kind: str, subject: str | None = None, argument: Any = None) -> None:
        """Leave a request for the daemon; `subject` and `argument` are as in `Request`."""
        text = None if argument is None else json.dumps(argument)
        with self._database.transaction():
            self._database.run("add_request", kind=kind, job_id=subject, asked_at=self._clock(), argument=text)

    def take_requests(self, kinds: Collection[str] = ()) -> tuple[Request, ...]:
        """Return the requests since the last call, in order, or those of some kinds; each is returned once."""
        if not self._database.rows("requests"):
            return ()  # no write, and so no lock, while there is nothing to take
        with self._database.transaction():
            rows = [row for row in self._database.rows("requests") if not kinds or row[1] in kinds]
            for row in rows:
                self._database.run("drop_request", number=row[0])
        return tuple(
            Request(kind=kind, subject=subject, asked_at=at, argument=None if text is None else json.loads(text))
            for _, kind, subject, at, text in rows
        )

    def set_fact(self, name: str, value: Any, *, durable: bool = True) -> None:
        """Store a fact about the daemon, as JSON; None deletes it. What is only shown need not be `durable`."""
        with self._database.transaction(durable=durable):
            if value is None:
                self._database.run("drop_fact", name=name)
            else:
                self._database.run("set_fact", name=name, value=json.dumps(value, default=os.fspath))

    def get_facts(self) -> dict[str, Any]:
        """Return all facts about the daemon, by name."""
        return {name: json.loads(value) for name, value in self._database.rows("facts")}

    # --- parts --------------------------------------------------------------------------------------------

    def _columns(self, job: Job) -> dict[str, Any]:
        rule = self._rules.get(job.folder, QueueRule())
        return columns_of(job) | {"rank": rank_of(job, rule.order)}

    def _jobs(self, name: str, **values: Any) -> list[Job]:
        return [self._job(row) for row in self._database.rows(name, **values)]

    def _job(self, row: Row) -> Job:
        try:
            return job_of(row[0])
        except ValueError:
            raise self._database.damaged("a job's record cannot be read") from None

    def _known(self, row: Row) -> KnownFile:
        try:
            return known_file_of(row[0])
        except ValueError:
            raise self._database.damaged("the record of a known file cannot be read") from None

    def _remember(self, job: Job, event: str) -> None:
        codes = " ".join(finding.code for finding in job.findings)
        values = {"job_id": job.id, "at": self._clock(), "event": event, "state": job.state}
        self._database.run("add_history", **values, attempt=job.attempt, codes=codes)


@contextmanager
def _conflicts(job: Job) -> Iterator[None]:
    """Turn a broken constraint into an error that names the job."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        taken = error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_UNIQUE
        code = "job.source_taken" if taken else "job.duplicate"
        what = "another unfinished job has the same source" if taken else str(error)
        raise StoreError(f"job {job.id} cannot be stored: {what}", code=code) from error
