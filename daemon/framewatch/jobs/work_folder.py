"""A job's work folder: for framewatch's user alone, and cleared of what a failed attempt left unfinished."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from framewatch.errors import FramewatchError, Need, StorageError
from framewatch.storage.free_space import SPARE, free_bytes
from framewatch.storage.os_errors import shown, storage_faults

LEDGER_NAME = "ledger.jsonl"  # of `jobs.attempt.segment_ledger`
BACKUP_NAME = "job.json"  # the job itself, of `jobs.store.job_backup`
TITLE_NAME = "title.vob"  # the source, if it was joined from several files; it stays until the job ends
_SEGMENT = "segment-"
_LAST = "last-segments"


def result_path(work: Path, extension: str) -> Path:
    """Return where the result of an attempt is written; publishing moves it from there."""
    return work / f"result.{extension}"


def rehearsal_path(work: Path, extension: str) -> Path:
    """Return where the rehearsal writes; the file is thrown away."""
    return work / f"rehearsal.{extension}"


def segment_path(work: Path, number: int, extension: str) -> Path:
    """Return where a done segment lies."""
    return work / f"{_SEGMENT}{number:05}.{extension}"


def finished_segments(work: Path) -> int:
    """Return how many done segments lie in a work folder."""
    return sum(1 for _ in work.glob(f"{_SEGMENT}*"))


def last_segments_marker(work: Path) -> Path:
    """Return the file that, while it exists, keeps workers from beginning another segment."""
    return work / _LAST


def make_work_folder(work: Path) -> Path:
    """Make a job's work folder if it is missing, for framewatch's user alone; its content is kept.

    Raises:
        StorageError: it cannot be made, or `storage.unsafe`: another user made it.
    """
    with storage_faults(work):
        if work.is_symlink() or (work.exists() and not work.is_dir()):
            work.unlink()
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        owners = (os.geteuid(), work.parent.stat().st_uid)  # some file systems give all files one owner
        if work.lstat().st_uid not in owners:
            hint = "remove it, and let no other user write to work_dir"
            raise StorageError(
                "this folder was made by another user", code="storage.unsafe", hint=hint, where=shown(work)
            )
        with suppress(PermissionError):  # of a file system without modes
            work.chmod(0o700)
    return work


@contextmanager
def cleaned_up(work: Path, reserve: int, end_tools: Callable[[], None]) -> Iterator[None]:
    """Run an attempt, and clean up after it.

    Its tools end with it. If it fails, only finished segments stay in the work folder. If the disk of `work` was
    full, the error asks for more free space than there is after that, since this much was not enough.

    Args:
        work: the job's work folder.
        reserve: bytes that are to stay free on its disk.
        end_tools: ends the processes of the attempt, before their files are removed.
    """
    try:
        try:
            yield
        finally:
            end_tools()
    except FramewatchError as error:
        with suppress(OSError):
            segments = (entry.name for entry in work.glob(f"{_SEGMENT}*"))
            clear(work, keep={LEDGER_NAME, *segments})
            if isinstance(error, StorageError) and _is_full(error, work):
                known = max((need.size for need in error.needs if need.place == "work"), default=0)
                error.with_needs(Need("work", max(known, free_bytes(work) - reserve + SPARE)))
        raise


def clear(work: Path, keep: Iterable[str] = ()) -> None:
    """Remove everything from a job's work folder but the job's backup, a joined source and `keep`.

    Links are not followed.

    Raises:
        OSError: something cannot be removed.
    """
    kept = {BACKUP_NAME, TITLE_NAME, *keep}
    for entry in work.iterdir():
        if entry.name in kept:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _is_full(error: StorageError, work: Path) -> bool:
    """Return whether the work folder's disk is full. ffmpeg does not say which it is, and writes nowhere else."""
    where = error.finding.where
    return error.finding.code == "storage.full" and (not where or Path(where).is_relative_to(shown(work)))
