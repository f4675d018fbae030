"""The ledger of a job: which of its segments are done, proven by size and hash, so that none is rendered twice.

It lies beside the segments in the job's work folder: a head line with the fingerprint of all that decides what a
segment holds, then a line for each segment that is whole and on the disk. Lines are only ever appended, and synced. A
line that a crash tore, or a segment that is not what its line says, costs that segment and nothing else.
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
from framewatch.jobs.work_folder import LEDGER_NAME, clear
from framewatch.render.messages import SegmentRendered
from framewatch.render.segment_check import size_and_digest
from framewatch.storage import files
from framewatch.storage.os_errors import storage_faults

_MAX_BYTES = 16 << 20  # of a ledger that is read: a segment a second, for a day and a night, has less


class Entry(Record):
    """A segment that is done."""

    number: int
    frames: int
    size: int  # bytes
    digest: str  # BLAKE2b of the file, in hex
    engine: str
    upscaled: int  # source frames that went through the engine
    damaged: int  # source frames that could not be decoded

    @classmethod
    def of(cls, pieced: SegmentRendered) -> Entry:
        """What a worker said of a piece that it has made."""
        return cls(**pieced.model_dump(exclude={"event"}))


class _Struck(Record):
    """Segments that turned out bad, by number."""

    struck: tuple[int, ...]


class SegmentLedger:
    """Open it once for each attempt at a job."""

    def __init__(self, work: Path, extension: str) -> None:
        self._work = work
        self._path = work / LEDGER_NAME
        self._extension = extension
        self._fingerprint = ""
        self._struck: set[int] = set()  # segments that turned out bad: rendering them again is no progress
        self.done: dict[int, Entry] = {}

    @classmethod
    def open(
        cls, work: Path, fingerprint: str, segments: Sequence[Segment], extension: str, stop: threading.Event
    ) -> SegmentLedger:
        """Take up what an earlier attempt has left, or begin anew; all else in the folder is removed.

        Args:
            work: the job's own folder.
            fingerprint: of source, preset, model and engine; segments made under another one are of no use.
            segments: what the output is divided into.
            extension: the ending of a piece's name.
            stop: gives up the check of what is there.

        Raises:
            StorageError: the folder cannot be read or written.
            CancelledError: `stop` was set.
        """
        ledger = cls(work, extension)
        ledger._fingerprint = fingerprint
        with storage_faults(work):
            entries, ledger._struck = _read(ledger._path, fingerprint)
            for entry in entries:
                if stop.is_set():
                    raise CancelledError("the work was stopped")
                if ledger._holds(entry, segments):
                    ledger.done[entry.number] = entry
            clear(work, keep={LEDGER_NAME, *(ledger.path(number).name for number in ledger.done)})
            ledger._rewrite()
        return ledger

    def path(self, number: int) -> Path:
        """Where a finished segment lies."""
        return self._work / f"segment-{number:05}.{self._extension}"

    def part(self, number: int) -> Path:
        """Where a segment is written."""
        return self._work / f"part-{number:05}.{self._extension}"

    def claim(self, number: int) -> Path:
        """Whoever makes this file writes the segment, where several workers might; there is none yet.

        Raises:
            StorageError: the folder cannot be written.
        """
        path = self._work / f"claim-{number:05}"
        with storage_faults(self._work):
            path.unlink(missing_ok=True)
        return path

    def add(self, entry: Entry) -> bool:
        """Bring a segment onto the disk and under its name, and enter it; False where it was struck out before.

        Raises:
            StorageError: the disk is full or gone.
        """
        with storage_faults(self._work), _opened(self._work, os.O_RDONLY | os.O_DIRECTORY) as folder:
            with _opened(self.part(entry.number), files.READ) as piece:
                files.sync(piece)
            self.part(entry.number).rename(self.path(entry.number))
            files.sync_folder(folder)
            with _opened(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC) as ledger:
                files.write_all(ledger, _line(entry.model_dump()))
                files.sync(ledger)
        self.done[entry.number] = entry
        return entry.number not in self._struck

    def spoiled(self) -> list[int]:
        """The numbers of segments that are not what was entered any more: somebody was at them.

        Raises:
            StorageError: the folder is gone.
        """
        with storage_faults(self._work):
            self._work.stat()
        return [number for number, entry in self.done.items() if not self._is(entry)]

    def drop(self, numbers: Iterable[int]) -> None:
        """Strike out segments that turned out bad."""
        with storage_faults(self._work):
            for number in numbers:
                del self.done[number]
                self._struck.add(number)
                self.path(number).unlink(missing_ok=True)
            self._rewrite()

    def _holds(self, entry: Entry, segments: Sequence[Segment]) -> bool:
        """Whether an entry is of a segment of this output, whose file is what the entry says."""
        if not 0 <= entry.number < len(segments) or segments[entry.number].frames != entry.frames:
            return False
        return self._is(entry)

    def _is(self, entry: Entry) -> bool:
        """Whether a segment's file is what its entry says."""
        path = self.path(entry.number)
        try:
            known = path.lstat().st_size == entry.size
            return known and size_and_digest(path) == (entry.size, entry.digest)
        except OSError:  # gone, a link, or a bad spot on the disk: it is rendered again
            return False

    def _rewrite(self) -> None:
        """The whole ledger anew, in one step."""
        new = self._path.with_name(f"{LEDGER_NAME}.new")
        new.unlink(missing_ok=True)
        with _opened(new, files.CREATE) as file:
            files.write_all(file, _line({"fingerprint": self._fingerprint}))
            files.write_all(file, _line({"struck": sorted(self._struck)}))
            for number in sorted(self.done):
                files.write_all(file, _line(self.done[number].model_dump()))
            files.sync(file)
        new.rename(self._path)


def _read(path: Path, fingerprint: str) -> tuple[list[Entry], set[int]]:
    """What a ledger says is done, and what was struck out; nothing where it was begun for something else."""
    entries: dict[int, Entry] = {}
    struck: set[int] = set()
    head, *lines = _content(path).split(b"\n")
    if head != _line({"fingerprint": fingerprint}).rstrip():
        return [], struck
    for line in lines:
        with suppress(ValidationError):  # torn by a crash, or garbage
            struck.update(_Struck.model_validate_json(line).struck)
            continue
        with suppress(ValidationError):
            entry = Entry.model_validate_json(line)
            entries[entry.number] = entry
    return list(entries.values()), struck


def _content(path: Path) -> bytes:
    """The bytes of a ledger; none where there is no regular file that can be read."""
    try:
        with _opened(path, files.READ) as descriptor:
            return os.read(descriptor, _MAX_BYTES)
    except OSError:
        return b""


@contextmanager
def _opened(path: Path, how: int) -> Iterator[int]:
    descriptor = os.open(path, how, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _line(record: dict[str, object]) -> bytes:
    return json.dumps(record).encode() + b"\n"
