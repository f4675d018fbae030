"""The folders of the user who runs framewatch, who may have none, as in a service or a container.

HOME may be missing, empty or relative, and the user may have no passwd entry. What is not known is None here, and no
error: most of these folders are optional.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

APPLICATION = "framewatch"
Purpose = Literal["state", "cache", "config", "data"]


def home() -> Path | None:
    """Return the home folder: $HOME if it is absolute, else what passwd says; None where neither is known."""
    given = Path(os.environ.get("HOME", ""))
    return given if given.is_absolute() else _home_of(os.getuid())


def expanded(path: Path) -> Path | None:
    """Return a path with the home folder in the place of a leading `~` or `~user`; None if there is none.

    `Path.expanduser` raises where a home is not known, and takes an empty HOME for the root of the file system.
    """
    first, *rest = path.parts or (".",)
    if not first.startswith("~"):
        return path
    folder = home() if first == "~" else _home_of(first[1:])
    return None if folder is None else folder.joinpath(*rest)


def user_folder(purpose: Purpose) -> Path | None:
    """Return framewatch's own folder for a purpose, as the platform or XDG variables say; None without a home."""
    try:
        # Only here: engines must run where nothing else is installed.
        from platformdirs import PlatformDirs  # noqa: PLC0415

        return Path(getattr(PlatformDirs(APPLICATION), f"user_{purpose}_dir"))
    except (RuntimeError, ImportError):
        return None


def name_user_for_libraries() -> None:
    """Set $LOGNAME where the user has no name: libraries such as torch ask for one to name their caches, or fail."""
    import getpass  # noqa: PLC0415 - as above

    try:
        getpass.getuser()
    except (KeyError, OSError):  # KeyError until Python 3.12
        os.environ["LOGNAME"] = str(os.getuid())


def _home_of(user: int | str) -> Path | None:
    import pwd  # noqa: PLC0415 - the same

    try:
        entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    except (KeyError, ValueError):  # ValueError: a name with a null character
        return None
    folder = Path(entry.pw_dir)
    return folder if folder.is_absolute() else None
