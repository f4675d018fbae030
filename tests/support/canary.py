"""A private folder that tells whether anybody opened, read or changed anything in it. Linux only."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from pathlib import Path

# From linux/inotify.h: IN_ACCESS, _MODIFY, _ATTRIB, _CLOSE_WRITE, _CLOSE_NOWRITE, _OPEN, _MOVED_FROM, _MOVED_TO,
# _CREATE, _DELETE.
_NAMES = ("read", "changed", "attributes", "closed", "closed", "opened", "moved away", "moved in", "made", "removed")
_MASK = 0x3FF
_HEADER = struct.Struct("iIII")


class Canary:
    """A folder with private files. What happens in it from now on is noted by the kernel."""

    def __init__(self, folder: Path, contents: dict[str, bytes]) -> None:
        """Make the folder with these files; folders in their names are made, and watched as well."""
        self.folder = folder
        for name, content in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._before = self._state()
        libc = ctypes.CDLL(None, use_errno=True)
        self._file = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._file >= 0
        self._folders: dict[int, Path] = {}
        for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            watch = libc.inotify_add_watch(self._file, os.fsencode(place), _MASK)
            assert watch >= 0
            self._folders[watch] = place

    def events(self) -> list[str]:
        """Return what happened since the last call, as "opened private/film.mp4". A look inside is noted as well."""
        found: list[str] = []
        while data := self._read():
            while data:
                watch, mask, _, length = _HEADER.unpack_from(data)
                name = os.fsdecode(data[_HEADER.size : _HEADER.size + length].rstrip(b"\0"))
                path = self._folders.get(watch, self.folder) / name
                found += [f"{each} {path}" for bit, each in enumerate(_NAMES) if mask & (1 << bit)]
                data = data[_HEADER.size + length :]
        return sorted(set(found))

    def changes(self) -> list[str]:
        """Return the names of whatever is not as it was made."""
        now = self._state()
        return sorted(name for name in now.keys() | self._before.keys() if now.get(name) != self._before.get(name))

    def close(self) -> None:
        os.close(self._file)

    def _read(self) -> bytes:
        try:
            return os.read(self._file, 1 << 16)
        except BlockingIOError:
            return b""

    def _state(self) -> dict[str, tuple[int, int, bytes]]:
        paths = (self.folder, *self.folder.rglob("*"))
        found = {}
        for path in paths:
            status = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
            found[str(path.relative_to(self.folder))] = (status.st_mode, status.st_mtime_ns, content)
        return found
