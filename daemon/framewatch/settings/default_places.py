"""Where state, unfinished work and logs are if the configuration does not say: as systemd or the platform has it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from framewatch.user_folders import APPLICATION, user_folder

STORE_NAME = "framewatch.db"
Purpose = Literal["state", "cache"]

_SERVICE = {"state": "STATE_DIRECTORY", "cache": "CACHE_DIRECTORY"}  # systemd.exec(5)
_LINUX = {"state": Path("/var/lib"), "cache": Path("/var/cache")}
_MACOS = {"state": Path("/Library/Application Support"), "cache": Path("/Library/Caches")}


def default_folder(purpose: Purpose) -> Path:
    """Return the default state_dir ("state") or work_dir ("cache").

    It is the first of these that framewatch has used before, so that an update finds what is there; else the first:

    - the folder that systemd made for the service: $STATE_DIRECTORY or $CACHE_DIRECTORY, in a list the first. The
      user's own, if it is below these: an older version used it, where the first is the service user's home;
    - for root: /var/lib/framewatch or /var/cache/framewatch, on macOS in /Library;
    - for others: the user's own, as XDG or macOS has it; and root's, if it is the user's, since a service made it for
      this user, or if the user has no home.
    """
    places = list(_places(purpose))
    return next((place for place in places if _was_used(purpose, place)), places[0])


def default_log_file() -> Path | None:
    """Return the log file in the folder that systemd made for logs, $LOGS_DIRECTORY; None if it made none."""
    folder = service_folder("LOGS_DIRECTORY")
    return folder and folder / f"{APPLICATION}.log"


def service_folder(variable: str) -> Path | None:
    """Return the first folder of a variable that systemd sets, such as STATE_DIRECTORY; None if it is not set."""
    first = Path(os.environ.get(variable, "").partition(":")[0])
    return first if first.is_absolute() else None


def _places(purpose: Purpose) -> Iterator[Path]:
    shared = (_MACOS if sys.platform == "darwin" else _LINUX)[purpose] / APPLICATION
    own = user_folder(purpose)
    service = service_folder(_SERVICE[purpose])
    if service is not None:
        yield service
        tops = filter(None, map(service_folder, _SERVICE.values()))
        if own is not None and any(own.is_relative_to(top) for top in tops):
            yield own
    elif os.geteuid() == 0:
        yield shared
    else:
        if own is not None:
            yield own
        if own is None or _is_ours(shared):
            yield shared


def _was_used(purpose: Purpose, place: Path) -> bool:
    try:
        return (place / STORE_NAME).exists() if purpose == "state" else any(place.iterdir())
    except OSError:  # it is not there, or may not be read
        return False


def _is_ours(folder: Path) -> bool:
    try:
        return folder.stat().st_uid == os.geteuid()
    except OSError:
        return False
