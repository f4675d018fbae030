"""A file that a job reads, named so that nobody can put another one in its place."""

from __future__ import annotations

from pathlib import Path

from framewatch.domain.record import Record
from framewatch.domain.source_clock import SourceClock


class FileIdentity(Record):
    """What distinguishes one version of a file from another."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    sample: str | None = None  # digest of some of its content, as `storage.files.content_sample` makes it


class KnownFile(Record):
    """A file that stays in the input, or was put there, as framewatch last saw it."""

    identity: FileIdentity
    sample: str  # digest of some of its content, as `framewatch.library.known_file` makes it
    made: bool = False  # it is an output that took its source's place; else it is a source
    output: Path | None = None  # of a source that has one
    other_than: tuple[str, ...] = ()  # the kinds of files that it is none of, if it was left alone for that


class InputFile(Record):
    """A file below a root. It is opened by `framewatch.storage.files.open_input`, and never by its path."""

    root: Path  # absolute and without links, as the daemon resolved it
    relative: Path
    identity: FileIdentity | None = None  # the version that is expected; None: any
    clock: SourceClock | None = None  # with which it is read; None: as it is

    @property
    def path(self) -> Path:
        """The whole path, for messages and for commands that are shown."""
        return self.root / self.relative

    @property
    def name(self) -> str:
        """The last component of the path."""
        return self.relative.name
