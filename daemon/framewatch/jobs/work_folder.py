"""A job's work folder: made for framewatch's user alone, and cleared of what a failed attempt left unfinished."""

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
BACKUP_NAME = "job.json"  # the job itself, written by `jobs.store.job_backup`


@contextmanager
def tidied(work: Path, reserve: int, end_tools: Callable[[], None]) -> Iterator[None]:
    """Run a try. Its tools end with it and, where it fails, all that is no finished segment leaves the work folder.

    Where the disk of `work` was full, more has to be free than there is once that is gone: so much did not do.

    Args:
        work: the job's work folder.
        reserve: bytes that are to stay free on its disk.
        end_tools: ends what the try has left running, before its files are removed.
    """
    try:
        try:
            yield
        finally:
            end_tools()
    except FramewatchError as error:
        with suppress(OSError):
            tidy_unfinished(work)
            if isinstance(error, StorageError) and _full(error, work):
                known = max((need.size for need in error.needs if need.place == "work"), default=0)
                error.with_needs(Need("work", max(known, free_bytes(work) - reserve + SPARE)))
        raise


def _full(error: StorageError, work: Path) -> bool:
    """Whether it is the work folder's disk that is full; ffmpeg does not say which, and writes nowhere else."""
    where = error.finding.where
    return error.finding.code == "storage.full" and (not where or Path(where).is_relative_to(shown(work)))


def tidy(work: Path, keep: Iterable[str] = ()) -> None:
    """Remove from a job's work folder what is not to be kept; links are removed, never followed.

    Raises:
        OSError: something does not go.
    """
    kept = {BACKUP_NAME, *keep}
    for entry in work.iterdir():
        if entry.name in kept:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def tidy_unfinished(work: Path) -> None:
    """Remove from a job's work folder what is neither a finished segment nor needed to know them again.

    Raises:
        OSError: as for `tidy`.
    """
    tidy(work, keep={LEDGER_NAME, *(entry.name for entry in work.glob("segment-*"))})


def work_folder(work: Path) -> Path:
    """Make a job's work folder if it is missing, for framewatch's user alone; what lies in it is kept.

    Raises:
        StorageError: it cannot be made, or `storage.unsafe`: somebody else has made it.
    """
    with storage_faults(work):
        if work.is_symlink() or (work.exists() and not work.is_dir()):
            work.unlink()
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        owners = (os.geteuid(), work.parent.stat().st_uid)  # some file systems give all files one owner
        if work.lstat().st_uid not in owners:
            hint = "remove it, and let nobody else write to work_dir"
            raise StorageError(
                "this folder was made by somebody else", code="storage.unsafe", hint=hint, where=shown(work)
            )
        with suppress(PermissionError):  # of a file system without modes
            work.chmod(0o700)
    return work
