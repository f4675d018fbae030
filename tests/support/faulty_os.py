"""An `os` module that counts calls, by default those that change the disk, and fails or kills the process at one."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection
from typing import Any

CHANGING = ("mkdir", "open", "write", "rename", "link", "unlink", "fsync", "fchmod", "utime", "rmdir")
KILLED = 77

Hook = Callable[[int, str], None]


class FaultyOs:
    """Passes every call to `os`; `before` and `after` are called around each one that is watched."""

    def __init__(
        self, before: Hook | None = None, after: Hook | None = None, watched: Collection[str] = CHANGING
    ) -> None:
        self.calls = 0
        self.watched = watched
        self.before = before or (lambda number, name: None)
        self.after = after or (lambda number, name: None)

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in self.watched:
            return real

        def watched(*args: Any, **kwargs: Any) -> Any:
            return self.watch(name, lambda: real(*args, **kwargs))

        return watched

    def watch(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls += 1
        number = self.calls
        self.before(number, name)
        result = call()
        self.after(number, name)
        return result


def failing(name: str, code: int, *, since: int = 1) -> FaultyOs:
    """An `os` in which one function always fails, or from the call of this number on."""

    def before(number: int, _: str) -> None:
        if number >= since:
            raise OSError(code, os.strerror(code))

    return FaultyOs(before, watched=(name,))


def killing(at: int) -> FaultyOs:
    """An `os` in which the process dies, without any clean-up, right after the `at`th change."""

    def after(number: int, _: str) -> None:
        if number >= at:  # a call that failed changed nothing and does not get here
            os._exit(KILLED)

    return FaultyOs(after=after)


def crossing() -> OSError:
    """The error of a rename across file systems."""
    return OSError(errno.EXDEV, os.strerror(errno.EXDEV))
