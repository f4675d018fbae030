"""What a try that failed had not finished: it goes at once, so that it does not take the room that is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from framewatch.errors import FramewatchError, Need, StorageError
from framewatch.jobs.ledger import tidy_unfinished
from framewatch.storage.free_space import SPARE, free_bytes
from framewatch.storage.os_errors import shown


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
