"""The hidden folder beside an output, in which finished segments are kept when the work ends before its time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framewatch.errors import CancelledError, ConfigError, Finding, FramewatchError
from framewatch.jobs.attempt.request import Tools
from framewatch.jobs.work_folder import clear, finished_segments, make_work_folder
from framewatch.media.preset.loader import NamedPreset
from framewatch.storage.os_errors import storage_faults
from framewatch.text import printable

_HOW = "the same command with --resume goes on from there, with --restart it begins anew"


def work_key(source: Path, named: NamedPreset, tools: Tools) -> str:
    """Return what distinguishes the work on a source with these settings, whatever the source is called.

    It only finds the folder. Whether a segment in it is used is decided by the fingerprint in the ledger.

    Raises:
        ConfigError: the source cannot be read.
    """
    try:
        found = source.stat()
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        raise ConfigError(message, code="file.unreadable", where=printable(source)) from None
    parts = (found.st_size, found.st_mtime_ns, named.preset.model_dump_json(), tools.engine, tools.precision)
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@contextmanager
def kept_work(parent: Path, key: str, *, resume: bool, restart: bool) -> Iterator[Path]:
    """Yield the work folder. It is removed at the end, unless the work fails and segments are finished.

    Args:
        parent: the folder of the output, so that the result only has to be renamed.
        key: of the work.
        resume: finished segments have to be there.
        restart: remove those that are there.

    Raises:
        ConfigError: the folder cannot be made, another process works in it, or there is nothing to resume.
        FramewatchError: the work failed; the last finding says what is kept.
    """
    folder = _made(parent, key)
    with _locked(folder):
        if restart:
            with storage_faults(folder):
                clear(folder)
        try:
            if resume:
                _require_segments(folder)
            yield folder
        except FramewatchError as error:
            if kept := finished_segments(folder):
                raise _with_note(error, folder, kept) from None
            shutil.rmtree(folder, ignore_errors=True)
            raise
        except BaseException:
            if not finished_segments(folder):
                shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)


def _require_segments(folder: Path) -> None:
    if not finished_segments(folder):
        message = f"there is nothing to resume in {folder.parent}: no segments of this file with these settings"
        hint = "leave out --resume to begin; file, preset, --engine and --precision have to be the same"
        raise ConfigError(message, code="upscale.nothing_kept", hint=hint)


def _made(parent: Path, key: str) -> Path:
    if not parent.is_dir():
        message, hint = "the output's folder does not exist", "create the folder first"
        raise ConfigError(message, code="output.not_writable", hint=hint, where=printable(parent))
    try:
        return make_work_folder(parent / f".framewatch-{key}")
    except FramewatchError as error:
        message = f"the output's folder cannot be written: {error.finding.message}"
        hint = "give this user write permission there"
        raise ConfigError(message, code="output.not_writable", hint=hint, where=printable(parent)) from None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the lock ends with it, however it ends."""
    with storage_faults(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        message = "another `framewatch upscale` processes this file with these settings into this folder"
        raise ConfigError(
            message, code="upscale.already_running", hint="wait for it", where=printable(folder)
        ) from None
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(descriptor)


def _with_note(error: FramewatchError, folder: Path, kept: int) -> FramewatchError:
    number = "1 finished segment is" if kept == 1 else f"{kept} finished segments are"
    if isinstance(error, CancelledError):
        return CancelledError(f"stopped; {number} kept in {folder}", code=error.finding.code, hint=_HOW)
    note = Finding("upscale.kept", f"{number} kept in {folder}", _HOW)
    return type(error).of([*error.findings, note])
