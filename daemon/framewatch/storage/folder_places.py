"""Where the files of one watch folder are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from framewatch.domain import FileIdentity
from framewatch.errors import Place, StorageError
from framewatch.storage.os_errors import SYMLINK
from framewatch.storage.root import UNGUARDED, Guard, Root

CompanionsMode = Literal["copy", "move", "leave"]
"""What happens to the files that belong to a source, as the setting `companions` says."""

ProgressFiles = Literal["keep", "while_running", "folder"]
"""Where progress files are and how long, as the setting `progress_files` says."""

OnMoved = Callable[[Path, FileIdentity], None]
"""Hears of a file that was moved along with a source: where it is now, and what it was."""


@dataclass(frozen=True, slots=True)
class FolderPlaces:
    """The folders of one watch folder, as absolute paths, and the rules for writing to them.

    `input`, `output`, `done` and `failed` are its roots: they belong to users, and their disks may come and go.
    """

    input: Path
    output: Path
    done: Path | None  # None: sources stay where they are, and nothing is written to the input
    failed: Path | None  # None only if sources stay where they are
    work: Path  # framewatch's own: the parent of all jobs' work folders
    companions: CompanionsMode = "copy"  # what happens to the files that belong to a source
    progress_files: ProgressFiles = "keep"
    remove_empty_dirs: bool = True  # subfolders of the input that are empty once their videos were moved
    keep_mtime: bool = False  # outputs get the times of their sources
    replace: bool = False  # outputs take the places of their sources in the input
    overwrite: bool = False  # the output replaces an older file of its planned name
    patience: float = 0.0  # seconds that a file is given that another machine may still be writing
    output_mode: int | None = None  # of outputs and progress files; None: by the umask
    reserve: int = 0  # bytes that are to stay free on each disk
    on_moved: OnMoved = lambda _path, _identity: None
    guard: Guard = UNGUARDED  # knows whether the disks of the roots are mounted

    @property
    def roots(self) -> dict[str, Path]:
        """The folders of users, by the keys of the configuration."""
        roots = {"input": self.input, "output": self.output, "done": self.done, "failed": self.failed}
        if self.replace:
            del roots["output"]
        return {key: path for key, path in roots.items() if path is not None}

    @property
    def keeps_sources(self) -> bool:
        """Whether sources stay where they are."""
        return self.done is None

    def root(self, place: Place | Literal["input"]) -> Root:
        """Return a folder as what opens the files below it; it must be one that there is."""
        if place == "work":
            return Root(self.work)
        path = self.output if place == "output" else self.roots[place]
        return Root(path, self.guard, None if place == "input" else self.output_mode)

    def require_no_links(self) -> None:
        """Check that no root was replaced by a link. A root that is missing is no matter here.

        Raises:
            StorageError: `storage.symlink`.
        """
        for path in self.roots.values():
            try:
                Root(path, self.guard).require()
            except StorageError as error:
                if error.finding.code == SYMLINK:
                    raise

    @property
    def mounted(self) -> dict[Place, Root]:
        """The folders that a job fills, without those whose disk is not mounted now."""
        filled: tuple[Place, ...] = ("work", "output", "done") if self.done else ("work", "output")
        return {place: self.root(place) for place in filled if place == "work" or self.is_mounted(place)}

    def is_mounted(self, place: Place) -> bool:
        """Return whether the disk of a root is mounted, as far as it can be told."""
        try:
            self.root(place).require()
        except StorageError:
            return False
        return True
