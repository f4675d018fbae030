"""The ledger of a job: which of its segments are done, proven by size and hash, so that none is rendered twice.

It lies beside the segments in the job's work folder: a head line with the fingerprint of all that decides what a
segment holds, then a line for each segment that is whole and on the disk. Lines are only ever appended, and synced. A
line that a crash tore, or a segment that is not what its line says, costs that segment and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from framewatch.domain import Record, Segment
from framewatch.errors import CancelledError
from framewatch.jobs.faults import storage_faults
from framewatch.render.messages import Pieced
from framewatch.render.seal import digest_of

NAME = "ledger.jsonl"
RECORD_NAME = "job.json"  # the job itself, which the desk keeps there
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
    def of(cls, pieced: Pieced) -> Entry:
        """What a worker said of a piece that it has made."""
        return cls(**pieced.model_dump(exclude={"event"}))


class Ledger:
    """Open it once for each attempt at a job."""

    def __init__(self, work: Path, extension: str) -> None:
        self._work = work
        self._path = work / NAME
        self._extension = extension
        self._fingerprint = ""
        self.done: dict[int, Entry] = {}

    @classmethod
    def open(
        cls, work: Path, fingerprint: str, segments: Sequence[Segment], extension: str, stop: threading.Event
    ) -> Ledger:
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
            for entry in _read(ledger._path, fingerprint):
                if stop.is_set():
                    raise CancelledError("the work was stopped")
                if ledger._holds(entry, segments):
                    ledger.done[entry.number] = entry
            tidy(work, keep={NAME, *(ledger.path(number).name for number in ledger.done)})
            ledger._rewrite()
        return ledger

    def path(self, number: int) -> Path:
        """Where a finished segment lies."""
        return self._work / f"segment-{number:05}.{self._extension}"

    def part(self, number: int) -> Path:
        """Where a segment is written."""
        return self._work / f"part-{number:05}.{self._extension}"

    def add(self, entry: Entry) -> None:
        """Enter a segment that lies under its name, synced.

        Raises:
            StorageError: the disk is full or gone.
        """
        with storage_faults(self._path):
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.write(descriptor, _line(entry.model_dump()))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self.done[entry.number] = entry

    def drop(self, numbers: Iterable[int]) -> None:
        """Strike out segments that turned out bad."""
        with storage_faults(self._work):
            for number in numbers:
                del self.done[number]
                self.path(number).unlink(missing_ok=True)
            self._rewrite()

    def _holds(self, entry: Entry, segments: Sequence[Segment]) -> bool:
        """Whether an entry is of a segment of this output, whose file is what the entry says."""
        if not 0 <= entry.number < len(segments) or segments[entry.number].frames != entry.frames:
            return False
        path = self.path(entry.number)
        try:
            found = path.lstat()
            return stat.S_ISREG(found.st_mode) and found.st_size == entry.size and digest_of(path) == entry.digest
        except FileNotFoundError:
            return False

    def _rewrite(self) -> None:
        """The whole ledger anew, in one step."""
        new = self._path.with_name(f"{NAME}.new")
        new.unlink(missing_ok=True)
        with new.open("xb") as file:
            file.write(_line({"fingerprint": self._fingerprint}))
            for number in sorted(self.done):
                file.write(_line(self.done[number].model_dump()))
            file.flush()
            os.fsync(file.fileno())
        new.rename(self._path)


def tidy(work: Path, keep: Iterable[str] = ()) -> None:
    """Remove from a job's work folder what is not to be kept; links are removed, never followed.

    Raises:
        OSError: something does not go.
    """
    kept = {RECORD_NAME, *keep}
    for entry in work.iterdir():
        if entry.name in kept:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _read(path: Path, fingerprint: str) -> list[Entry]:
    """What a ledger says, line by line; nothing where it was begun for something else, or is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return []
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return []
        head, *lines = file.read(_MAX_BYTES).split(b"\n")
    if head != _line({"fingerprint": fingerprint}).rstrip():
        return []
    entries: dict[int, Entry] = {}
    for line in lines:
        with suppress(ValidationError):  # torn by a crash, or garbage
            entry = Entry.model_validate_json(line)
            entries[entry.number] = entry
    return list(entries.values())


def _line(record: dict[str, object]) -> bytes:
    return json.dumps(record).encode() + b"\n"
