"""Writes and removes the file of a service; only one that framewatch wrote itself and nobody has edited."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from framewatch.cli.output import print_finding
from framewatch.cli.temporary_file import temporary_beside
from framewatch.errors import ConfigError, Finding
from framewatch.service.manager.own_text import has_mark, is_unchanged
from framewatch.text import printable

_SECONDS = 60.0  # for a command of the service manager; stopping the daemon takes up to 20


def install_file(path: Path, text: str) -> str | None:
    """Write the file of a service, complete or not at all, and return what it was before.

    Raises:
        ConfigError: it is somebody else's, or this user may not write it.
    """
    try:
        before = _own(path)
        if before != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary_beside(path, os.fsencode(text), 0o644) as temporary:
                temporary.replace(path)
    except OSError as error:
        raise _not_allowed(path, error) from None
    return before


def remove_file(path: Path, before: Sequence[Sequence[str]], after: Sequence[Sequence[str]]) -> None:
    """Remove the file of a service, between two lists of commands.

    Raises:
        ConfigError: there is none, it is somebody else's, or this user may not remove it.
    """
    try:
        if _own(path) is None:
            message, hint = "there is no service to remove", "services that were installed with --user need --user"
            raise ConfigError(message, code="service.not_installed", hint=hint, where=printable(path))
        if not os.access(path.parent, os.W_OK):
            raise PermissionError
        for command in before:
            _run(command)
        path.unlink()
    except OSError as error:
        raise _not_allowed(path, error) from None
    for command in after:
        _run(command)


def _own(path: Path) -> str | None:
    """Return the content of a file that framewatch wrote; None if there is none."""
    if not os.path.lexists(path):
        return None
    text = "" if path.is_symlink() or not path.is_file() else os.fsdecode(path.read_bytes())
    if is_unchanged(text):
        return text
    if has_mark(text):
        code, message = "service.edited", "this file was edited since framewatch wrote it"
        hint = "move it away, then try again; put changes into a drop-in: `systemctl edit framewatch`"
    else:
        code, message = "service.not_ours", "this file is not one that framewatch wrote"
        hint = "move it away, then try again"
    raise ConfigError(message, code=code, hint=hint, where=printable(path))


def _run(command: Sequence[str]) -> None:
    """Run a command of the service manager. What it complains about is shown, and ends nothing."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        problem = (ran.stderr.strip() or f"it ended with {ran.returncode}") if ran.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem:
        finding = Finding("service.command", f"`{' '.join(command)}`: {problem}", "the file is removed all the same")
        print_finding(finding, kind="warning")


def _not_allowed(path: Path, error: OSError) -> ConfigError:
    if isinstance(error, PermissionError):
        message, hint = "this user may not change it", "use sudo; or --user, for your own service manager"
        return ConfigError(message, code="service.not_allowed", hint=hint, where=printable(path))
    return ConfigError(
        f"it cannot be written: {error.strerror}",
        code="service.not_written",
        hint="name another folder with --into, or print the file",
        where=printable(path),
    )
