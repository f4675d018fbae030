"""Deletes old files from done/ and failed/: those that framewatch moved there, if nobody has changed them since.

The store knows which these are. A file that is gone, or is another one by now, is forgotten and left alone.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog

from framewatch.domain import FileIdentity
from framewatch.errors import Place, StorageError
from framewatch.jobs.naming import progress_path
from framewatch.jobs.progress_file import is_own
from framewatch.jobs.store.store import Store
from framewatch.library.known_file import is_same_time
from framewatch.library.retention import EARLIEST, Limit, MovedFile, to_delete, undated
from framewatch.storage import beneath, files
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.os_errors import shown, storage_faults
from framewatch.storage.root import Root

_log = structlog.get_logger("framewatch.folders")


def delete_old_files(
    folder: str,
    places: FolderPlaces,
    limits: Mapping[Place, Limit],
    store: Store,
    stopping: Callable[[], bool],
) -> None:
    """Delete what is beyond the limits of one watch folder.

    Args:
        folder: its name.
        places: its folders.
        limits: of done/ and failed/.
        store: knows what was moved there.
        stopping: whether to stop; asked between files.

    Raises:
        StorageError: a folder cannot be opened, or a file not be deleted.
    """
    now = time.time()
    for place, limit in limits.items():
        if not limit.is_set or place not in places.roots or now < EARLIEST:
            continue
        root = places.root(place)
        root.require()  # what is not mounted must not be taken for deleted
        moved = store.moved_files(root.path)
        wrong = undated(moved, now)
        store.note_moved([file._replace(moved_at=now) for file in wrong])
        for file in to_delete([file for file in moved if file not in wrong], limit, now):
            if stopping():
                return
            if store.unfinished_with_source(file.path) is None:
                if _deleted(file, root, places):
                    _log.info("file.deleted", folder=folder, path=shown(file.path), size=file.size)
                store.forget_moved(file.path)


def _deleted(file: MovedFile, root: Root, places: FolderPlaces) -> bool:
    """Delete a file with its progress file, and the folders that are empty then; False if it is not ours any more."""
    with storage_faults(file.path), suppress(FileNotFoundError), root.open_folder(file.path.parent) as folder:
        found = beneath.find(folder, (file.path.name,))
        if found is None or not stat.S_ISREG(found.st_mode) or not _is_the_same(file, files.identity_of(found)):
            return False
        files.remove_name(folder, file.path.name)
    _delete_progress_file(file, root, places)
    for above in file.path.relative_to(root.path).parents[:-1]:
        # As long as the input has this folder, more may follow, and the folder here says that some of it was done.
        if places.root("input").exists(places.input / above) or not root.remove_folder(root.path / above):
            break
    return True


def _is_the_same(file: MovedFile, found: FileIdentity) -> bool:
    return found.size == file.size and is_same_time(file.mtime_ns, found.mtime_ns)


def _delete_progress_file(file: MovedFile, root: Root, places: FolderPlaces) -> None:
    path = progress_path(root.path, file.path, places.progress_files)
    with suppress(OSError, StorageError), root.open_folder(path.parent) as folder:  # it is harmless if it stays
        if is_own(folder, path.name, file.job_id):
            files.remove_name(folder, path.name)
