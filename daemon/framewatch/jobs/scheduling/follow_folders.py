"""Lets jobs follow a watch folder that the configuration renames, or whose input was moved.

A watch folder is known by its input. The store goes by the names of folders, so it also remembers which input each
name had last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import structlog

from framewatch.domain import Job
from framewatch.jobs.scheduling.job_manager import JobManager
from framewatch.jobs.source_check import root_above
from framewatch.jobs.store.store import Store, StoreError
from framewatch.storage.root import UNGUARDED

FACT = "watched"

_log = structlog.get_logger("framewatch.jobs")


def renamings(before: Mapping[str, Path], now: Mapping[str, Path]) -> dict[str, str]:
    """Return the new name of each watch folder whose name has changed. Pure.

    A folder that is gone loses its name if another one has it now: their jobs must not be mixed up.

    Args:
        before: the input of each folder, by its name, until now.
        now: the same of the new configuration.
    """
    names = {path: name for name, path in now.items()}
    renamed = {old: names[path] for old, path in before.items() if path in names and names[path] != old}
    pushed_out = {
        name: f"{name} at {before[name]}" for name in renamed.values() if name in before and name not in renamed
    }
    return renamed | pushed_out


def follow_names(manager: JobManager, inputs: Mapping[str, Path]) -> dict[str, str]:
    """Give everything in the store the names that the watch folders have now.

    Args:
        manager: has the jobs.
        inputs: of the configuration's folders, by their names.

    Returns:
        The new name of each folder whose name has changed, by the old one.
    """
    store = manager.store
    with manager.lock, store.transaction():
        before = _known_inputs(store)
        renamed = renamings(before, inputs)
        store.rename_folders(renamed)
        kept = {renamed.get(name, name): path for name, path in before.items()}
        _remember(store, kept | dict(inputs))
    for old, new in renamed.items():
        _log.info("folder.renamed", folder=new, before=old)
    return renamed


def follow_input(manager: JobManager, folder: str, path: Path, earlier: Collection[Path]) -> dict[str, str]:
    """Let the jobs of a folder follow its input to where it was moved.

    Args:
        manager: has the jobs.
        folder: the folder's name now.
        path: its input now.
        earlier: the paths that the same input had before, none of which is used any more.

    Returns:
        The folder's name by those that it had at these paths, if they were others.
    """
    store = manager.store
    with manager.lock, store.transaction():
        known = _known_inputs(store)
        former = {name: folder for name, old in known.items() if old in earlier and name != folder}
        store.rename_folders(former)
        _remember(store, {name: old for name, old in known.items() if name not in former} | {folder: path})
        moved = [_moved(job, folder, old, path) for old in earlier for job in store.with_source_below(old)]
        count = sum(_save(store, job) for job in moved)
        for old in earlier:
            store.follow_moved(old, path)
    if count or former:
        _log.info("folder.input_moved", folder=folder, path=path, before=sorted(earlier), jobs=count)
    return former


def _moved(job: Job, folder: str, old: Path, new: Path) -> Job:
    def there(path: Path | None) -> Path | None:
        return new / path.relative_to(old) if path is not None and path.is_relative_to(old) else path

    paths: dict[str, Any] = {key: there(getattr(job, key)) for key in ("source", "output")}
    journal = job.journal.evolve(output=there(job.journal.output), source_to=there(job.journal.source_to))
    return job.evolve(folder=folder, journal=journal, revision=job.revision + 1, **paths)


def _save(store: Store, job: Job) -> bool:
    try:
        store.save(job, "InputMoved")
    except StoreError:  # the file was queued again at its new place: that job is as good
        return False
    return True


def _known_inputs(store: Store) -> dict[str, Path]:
    """Return the input that each name had last. A store of an earlier version tells it by its jobs alone."""
    known = store.get_facts().get(FACT)
    if known is not None:
        return {name: Path(path) for name, path in known.items()}
    newest = store.newest_of_each_folder()
    return {job.folder: root_above(job.source, job.relative, UNGUARDED).path for job in newest}


def _remember(store: Store, inputs: Mapping[str, Path]) -> None:
    document = {name: str(path) for name, path in inputs.items()}
    if document != store.get_facts().get(FACT):
        store.set_fact(FACT, document)
