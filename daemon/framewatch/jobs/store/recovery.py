"""Opens the store. A damaged one is moved aside, and its jobs are rebuilt from the backups in their work folders.

Jobs that were only queued have no backup: their files are in the watch folders and are found by the first scan.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from framewatch.domain import Job
from framewatch.errors import StorageError
from framewatch.jobs.store.database import CORRUPT
from framewatch.jobs.store.ids import is_job_id
from framewatch.jobs.store.job_backup import read_backup
from framewatch.jobs.store.store import Store, StoreError
from framewatch.jobs.work_folder import LEDGER_NAME
from framewatch.storage import files
from framewatch.storage.os_errors import storage_faults
from framewatch.storage.root import Root

FACT = "rebuilt"
KEEP_COPIES = 5  # of damaged databases
# Suffixes of the files of an SQLite database. The main file is moved first: without its log it must not be opened.
_SUFFIXES = ("", "-wal", "-shm")

_log = structlog.get_logger("framewatch.jobs")


class Found(NamedTuple):
    """What was found in the work folders."""

    jobs: tuple[str, ...]  # ids of jobs that the store did not know, or only in an earlier state
    lost: tuple[Path, ...]  # folders with finished segments of a job that nothing is known about


def open_or_rebuild(path: Path, work_dir: Path, clock: Callable[[], float] = time.time) -> Store:
    """Open the daemon's store, whatever state it is in. The caller must hold the lock of the state folder.

    Raises:
        StorageError: `store.too_new`, or an error of the disk; never `store.corrupt`.
    """
    kept_aside, why = None, "the job database was missing"
    try:
        store = _opened(path, clock)
    except StorageError as error:
        if error.finding.code != CORRUPT:
            raise
        why = error.finding.message
        kept_aside = move_aside(path, clock())
        store = Store.open(path, clock=clock)
    try:
        found = restore_jobs(store, work_dir)
        if kept_aside or found.jobs or found.lost:
            _report(store, found, kept_aside, why, clock())
    except BaseException:
        store.close()
        raise
    return store


def mark_damaged(path: Path) -> None:
    """Let the next start rebuild this store, even if SQLite's own check finds nothing wrong."""
    with suppress(OSError):
        _mark(path).touch(mode=0o600)


def move_aside(path: Path, now: float) -> Path:
    """Rename a database, with its log, to a free name with the time; returns that name.

    Only the newest few of such files stay: a daemon that is restarted again and again on a bad disk must not fill it.

    Raises:
        StorageError: the folder cannot be written to.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = _free(path.with_name(f"{path.name}.corrupt-{stamp}"))
    with storage_faults(path):
        for suffix in _SUFFIXES:
            with suppress(FileNotFoundError):
                os.rename(f"{path}{suffix}", f"{aside}{suffix}")  # noqa: PTH104 - a Path has no suffix "-wal"
        _mark(path).unlink(missing_ok=True)
        for old in [copy for copy in _copies(path) if copy != aside][KEEP_COPIES - 1 :]:
            for suffix in _SUFFIXES:
                Path(f"{old}{suffix}").unlink(missing_ok=True)
        with Root(path.parent).opened() as folder:
            files.sync_folder(folder)
    return aside


def _copies(path: Path) -> list[Path]:
    """Return the databases that were moved aside, the newest first."""
    found = path.parent.glob(f"{path.name}.corrupt-*Z*")
    whole = {each.with_name(each.name.removesuffix("-wal").removesuffix("-shm")) for each in found}
    return sorted(whole, key=_age, reverse=True)


def _age(copy: Path) -> tuple[str, int]:
    """Return a key that sorts by age: the time in the name, and the number if there are several of one second."""
    stamp, _, number = copy.name.rpartition(".corrupt-")[2].partition("-")
    return stamp, int(number) if number.isdecimal() else 1


def restore_jobs(store: Store, work_dir: Path) -> Found:
    """Update the store from the backups in the work folders that are ahead of it.

    A backup is written after the store. So one that is ahead means that the store lost something: everything, or the
    last steps. A folder with finished segments and no readable backup, of a job that the store does not know, is
    renamed to `lost-...`. Other leftovers are removed by `JobManager.remove_leftover_work`.

    Raises:
        StorageError: the store or the work folder cannot be used.
    """
    jobs: list[str] = []
    lost: list[Path] = []
    backups = {folder: read_backup(folder) for folder in _job_folders(work_dir)}
    newest = _newest_of_each_source(filter(None, backups.values()))
    for folder, backup in sorted(backups.items(), key=_time_of):  # so that they arrive in the old order
        known = store.get(folder.name)
        if backup is not None and known is not None and known.revision >= backup.revision:
            continue
        if backup is not None and backup.id in newest and _restored(store, backup, known):
            jobs.append(backup.id)
        elif known is None and _is_regular(folder / LEDGER_NAME):
            lost.append(_rename_lost(folder))
    return Found(tuple(jobs), tuple(lost))


def _newest_of_each_source(backups: Iterable[Job]) -> set[str]:
    """Return the ids of the newest job of each source: only one job can have it."""
    newest: dict[Path, Job] = {}
    for job in sorted(backups, key=lambda job: (job.created_at, job.id)):
        newest[job.source] = job
    return {job.id for job in newest.values()}


def _time_of(found: tuple[Path, Job | None]) -> tuple[float, str]:
    folder, backup = found
    return backup.created_at if backup else 0.0, folder.name


def _opened(path: Path, clock: Callable[[], float]) -> Store:
    """Open the store; refuse as damaged what SQLite would take for a new database, or what was marked."""
    with storage_faults(path):
        left = [suffix for suffix in _SUFFIXES if os.path.lexists(f"{path}{suffix}")]
        why = ""
        if _mark(path).exists():
            why = "damage was found while the daemon ran"
        elif left and "" not in left:
            why = "its main file is missing, but its log is there"
        elif left and path.stat().st_size == 0:
            why = "the file is empty"
    if why:
        raise StorageError(f"the job database is damaged: {why}", code=CORRUPT, where=str(path))
    return Store.open(path, clock=clock)


def _restored(store: Store, backup: Job, known: Job | None) -> bool:
    """Store the job of a backup; False if another job has its source by now."""
    try:
        if known is None:
            return store.add(backup, "Rebuilt")
        store.save(backup, "Rebuilt")
    except (StoreError, OverflowError):  # a number that SQLite cannot hold was not written by framewatch
        return False
    return True


def _job_folders(work_dir: Path) -> Iterator[Path]:
    with storage_faults(work_dir), os.scandir(work_dir) as entries:
        for entry in entries:
            if is_job_id(entry.name) and entry.is_dir(follow_symlinks=False):
                yield Path(entry.path)


def _rename_lost(folder: Path) -> Path:
    aside = _free(folder.with_name(f"lost-{folder.name}"))
    with storage_faults(folder):
        return folder.rename(aside)


def _free(path: Path) -> Path:
    number, candidate = 1, path
    while any(os.path.lexists(f"{candidate}{suffix}") for suffix in _SUFFIXES):
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


def _is_regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def _report(store: Store, found: Found, kept_aside: Path | None, why: str, now: float) -> None:
    facts = {"message": why, "kept_aside": kept_aside, "jobs": len(found.jobs), "lost": found.lost}
    hint = "look for disk errors in the system's log; the files that were moved aside can be deleted"
    _log.error("store.rebuilt", **facts, job_ids=found.jobs, hint=hint)
    store.set_fact(FACT, facts | {"at": now})


def was_rebuilt(store: Store) -> bool:
    """Return whether this store was recreated after damage or loss."""
    return bool(store.get_facts().get(FACT))


def last_rebuild(store: Store) -> dict[str, Any] | None:
    """Return what the last rebuild moved aside and restored; None once the user has deleted what was moved aside."""
    facts: dict[str, Any] | None = store.get_facts().get(FACT)
    if facts is None:
        return None
    aside = [path for path in (facts["kept_aside"], *facts["lost"]) if path]
    return facts if any(os.path.lexists(f"{path}{suffix}") for path in aside for suffix in _SUFFIXES) else None
