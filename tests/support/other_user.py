"""Run the installed command as somebody without a passwd entry, as a container with a PUID does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import COMMAND

UID = 12345  # of nobody who has a passwd entry
# Files of whoever runs the tests belong to this user as well, but without the rights of root: a folder with the mode
# 000 cannot be read.
AS_STRANGER = ("unshare", "--user", f"--map-user={UID}", f"--map-group={UID}")


def environment(home: Path | str | None, **more: str) -> dict[str, str]:
    """Return an environment with this HOME, or none, and without what else names a user or the user's folders."""
    dropped = ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME")
    kept = {name: value for name, value in os.environ.items() if name not in dropped and not name.startswith("XDG_")}
    return kept | ({} if home is None else {"HOME": str(home)}) | more


def as_stranger(
    *args: str | Path, env: Mapping[str, str], timeout: float = 120, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run `framewatch` as that user and wait for it."""
    command = [*AS_STRANGER, COMMAND, *map(str, args)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=False, env=dict(env), **options
    )
