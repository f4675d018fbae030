"""The ledger of a job: which of its segments are done, with size and hash, so that none is rendered twice.

The ledger is a file beside the segments in the job's work folder. Its first line holds the fingerprint of everything
that decides what a segment holds; then comes one line for each segment that is complete and on the disk. Lines are
appended and synced, never changed in place. A line that a crash tore, or a segment that differs from its line, costs
that segment and nothing else.

It is a file and no table of the store, since it is right exactly when the segments are, and outlives a lost store.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from framewatch.domain import Record, Segment
from framewatch.errors import CancelledError
from framewatch.jobs.work_folder import LEDGER_NAME, clear, segment_path
from framewatch.render.messages import SegmentRendered
from framewatch.render.segment_check import size_and_digest
from framewatch.storage import files
from framewatch.storage.os_errors import storage_faults

_MAX_BYTES = 16 << 20  # of a ledger that is read; that of a whole day in segments of a second is smaller


class LedgerEntry(Record):
    """A segment that is done."""

    number: int
    frames: int
    size: int  # bytes
    digest: str  # BLAKE2b of the file, in hex
    engine: str
    upscaled: int  # source frames that went through the engine
    damaged: int  # source frames that could not be decoded

    @classmethod
    def of(cls, rendered: SegmentRendered) -> LedgerEntry:
        """Make the entry of a segment that a worker has rendered."""
        return cls(**rendered.model_dump(exclude={"event"}))


class _Dropped(Record):
    """The line that lists segments that turned out bad, by number."""

    struck: tuple[int, ...]  # a key of the file: it keeps its old name


class SegmentLedger:
    """The done segments of one job. It is opened once for each attempt."""

    def __init__(self, work: Path, extension: str, fingerprint: str) -> None:
        self.done: dict[int, LedgerEntry] = {}
        self._work = work
        self._path = work / LEDGER_NAME
        self._extension = extension
        self._fingerprint = fingerprint
        self._dropped: set[int] = set()  # segments that turned out bad: rendering them again is no progress

    @classmethod
    def open(
        cls, work: Path, fingerprint: str, segments: Sequence[Segment], extension: str, stop: threading.Event
    ) -> SegmentLedger:
        """Take up the ledger of an earlier attempt, or begin one; everything else in the folder is removed.

        Args:
            work: the job's own folder.
            fingerprint: of source, preset, model and engine; segments made under another one are useless.
            segments: those that the output is divided into.
            extension: of the segments' files.
            stop: ends the check of the segments that are there.

        Raises:
            StorageError: the folder cannot be read or written.
            CancelledError: `stop` was set.
        """
        ledger = cls(work, extension, fingerprint)
        with storage_faults(work):
            entries, ledger._dropped = _read(ledger._path, fingerprint)
            for entry in entries:
                if stop.is_set():
                    raise CancelledError("the work was stopped")
                if ledger._is_valid(entry, segments):
                    ledger.done[entry.number] = entry
            clear(work, keep={LEDGER_NAME, *(ledger.path(number).name for number in ledger.done)})
            ledger._rewrite()
        return ledger

    def path(self, number: int) -> Path:
        """Return where a done segment lies."""
        return segment_path(self._work, number, self._extension)

    def partial_path(self, number: int) -> Path:
        """Return where a segment lies while it is rendered."""
        return self._work / f"part-{number:05}.{self._extension}"

    def clear_claim(self, number: int) -> Path:
        """Return the path of a segment's claim file, which no worker has created yet.

        Raises:
            StorageError: the folder cannot be written.
        """
        path = self._work / f"claim-{number:05}"
        with storage_faults(self._work):
            path.unlink(missing_ok=True)
        return path

    def add(self, entry: LedgerEntry) -> bool:
        """Sync a segment, give it its final name, and enter it; returns False where it was dropped before.

        Raises:
            StorageError: the disk is full or gone.
        """
        with storage_faults(self._work), _opened(self._work, os.O_RDONLY | os.O_DIRECTORY) as folder:
            with _opened(self.partial_path(entry.number), files.READ) as segment:
                files.sync(segment)
            self.partial_path(entry.number).rename(self.path(entry.number))
            files.sync_folder(folder)
            with _opened(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC) as ledger:
                files.write_all(ledger, _line(entry.model_dump()))
                files.sync(ledger)
        self.done[entry.number] = entry
        return entry.number not in self._dropped

    def changed_segments(self) -> list[int]:
        """Return the numbers of done segments whose files differ from their entries: another program changed them.

        Raises:
            StorageError: the folder is gone.
        """
        with storage_faults(self._work):
            self._work.stat()
        return [number for number, entry in self.done.items() if not self._matches(entry)]

    def drop(self, numbers: Iterable[int]) -> None:
        """Remove segments that turned out bad, and remember that they did.

        Raises:
            StorageError: the disk is full or gone.
        """
        with storage_faults(self._work):
            for number in numbers:
                del self.done[number]
                self._dropped.add(number)
                self.path(number).unlink(missing_ok=True)
            self._rewrite()

    def _is_valid(self, entry: LedgerEntry, segments: Sequence[Segment]) -> bool:
        """Return whether an entry is for a segment of this output, and matches its file."""
        if not 0 <= entry.number < len(segments) or segments[entry.number].frames != entry.frames:
            return False
        return self._matches(entry)

    def _matches(self, entry: LedgerEntry) -> bool:
        path = self.path(entry.number)
        try:
            return path.lstat().st_size == entry.size and size_and_digest(path) == (entry.size, entry.digest)
        except OSError:  # gone, a link, or a bad block on the disk: the segment is rendered again
            return False

    def _rewrite(self) -> None:
        """Replace the whole ledger in one step."""
        new = self._path.with_name(f"{LEDGER_NAME}.new")
        new.unlink(missing_ok=True)
        with _opened(new, files.CREATE) as file:
            files.write_all(file, _line({"fingerprint": self._fingerprint}))
            files.write_all(file, _line({"struck": sorted(self._dropped)}))
            for number in sorted(self.done):
                files.write_all(file, _line(self.done[number].model_dump()))
            files.sync(file)
        new.rename(self._path)


def _read(path: Path, fingerprint: str) -> tuple[list[LedgerEntry], set[int]]:
    """Return the done and the dropped segments of a ledger; none where its fingerprint is another one."""
    entries: dict[int, LedgerEntry] = {}
    dropped: set[int] = set()
    head, *lines = _content(path).split(b"\n")
    if head != _line({"fingerprint": fingerprint}).rstrip():
        return [], dropped
    for line in lines:
        with suppress(ValidationError):  # torn by a crash, or garbage
            dropped.update(_Dropped.model_validate_json(line).struck)
            continue
        with suppress(ValidationError):
            entry = LedgerEntry.model_validate_json(line)
            entries[entry.number] = entry
    return list(entries.values()), dropped


def _content(path: Path) -> bytes:
    """Return the bytes of a ledger; none where there is no regular file that can be read."""
    try:
        with _opened(path, files.READ) as descriptor:
            return os.read(descriptor, _MAX_BYTES)
    except OSError:
        return b""


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _line(record: dict[str, object]) -> bytes:
    return json.dumps(record).encode() + b"\n"
