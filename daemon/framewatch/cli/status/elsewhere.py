"""Which store a command reads, and where the daemon is if it uses another one, or runs as another user."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from pwd import getpwuid
from typing import Any

from framewatch.errors import StorageError
from framewatch.service.daemon_search import DaemonProcess, find_daemons, user_of
from framewatch.settings import STORE_NAME, Settings
from framewatch.storage.os_errors import storage_faults
from framewatch.user_folders import home

_ROOT = 0


def has_store(settings: Settings) -> bool:
    """Return whether a daemon has created a job store yet.

    Raises:
        StorageError: this user may not know; the hint names the user who may.
    """
    try:
        with storage_faults(settings.store_path):
            return settings.store_path.exists()
    except StorageError as error:
        finding = error.finding
        owner = owner_of(settings.state_dir)
        if finding.code == "storage.denied" and owner != user_of(os.getpid()):
            finding = replace(finding, hint=f"it belongs to another user{_as_user(owner)}")
        raise StorageError.of([finding]) from None


def owner_of(path: Path) -> str:
    """Return the owner of a path, or of the nearest folder above it that can be seen: a name, or a number."""
    for each in (path, *path.parents):
        with suppress(OSError):
            number = each.stat().st_uid
            with suppress(KeyError):
                return getpwuid(number).pw_name
            return str(number)
    return str(_ROOT)


def other_daemons(settings: Settings) -> list[DaemonProcess]:
    """Return the daemons that run and use another store, as far as this user may see."""
    return [daemon for daemon in find_daemons() if daemon.store != settings.store_path]


def other_stores(settings: Settings) -> list[Path]:
    """Return the stores in the places where services and users have them, except the one of these settings."""
    service = Path("/var/lib/framewatch")
    homes = filter(None, (service, home()))
    places = [service, *(each / ".local" / "state" / "framewatch" for each in homes)]
    stores = [place / STORE_NAME for place in places]
    return [path for path in stores if path != settings.store_path and _is_there(path)]


def notes(state: dict[str, Any]) -> Iterator[str]:
    """Yield what a user should know who may have asked the wrong store, for a state as `read_state` returns it."""
    daemon = state["daemon"]
    if daemon is None:
        yield from missing_daemon([DaemonProcess(**other) for other in state["elsewhere"]], state["other_stores"])
    elif (note := foreign_daemon(daemon["pid"])) is not None:
        yield note


def foreign_daemon(pid: int) -> str | None:
    """Return that the daemon with this store runs as another user; None if it does not."""
    user, own = user_of(pid), user_of(os.getpid())
    return None if user in (None, own) else f"the daemon runs as user {user}, not as {own}"


def missing_daemon(others: Sequence[DaemonProcess], stores: Sequence[str | Path]) -> Iterator[str]:
    """Yield where another daemon, or at least another store, is."""
    for pid, user, store in others:
        uses = "another store" if store is None else str(store)
        yield f"a daemon of user {user} (process {pid}) uses {uses}{_as_user(user, store)}"
    for path in map(Path, () if others else stores):
        yield f"there is another store, {path}{_as_user(owner_of(path), path)}"


def _as_user(user: str, store: Path | None = None) -> str:
    """Return how to run a command with that store, as the end of a sentence; nothing if it is run so already."""
    setting = "" if store is None else f"FRAMEWATCH_STATE_DIR={shlex.quote(str(Path(store).parent))} "
    name = user if not user.isdecimal() else f"'#{user}'"
    is_other = user != user_of(os.getpid()) and (os.geteuid() != _ROOT or store is None)
    start = f"sudo -u {name} {setting}" if is_other else setting
    return f": run `{start}framewatch ...`" if start else ""


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # it is not this user's
        return False
