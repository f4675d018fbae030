"""A screen that is refreshed every second, until q or Ctrl-C. The terminal is afterwards as it was before."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_REFRESH_SECONDS = 1.0
# xterm's control sequences: the alternate screen, which leaves what was there before, and the cursor.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _CLEAR_LINE, _CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def live(lines: Callable[[int, int], list[str]]) -> None:
    """Show what `lines` returns for the width and height of the terminal, again and again."""
    with _keys() as keys, _screen():
        while True:
            size = shutil.get_terminal_size()
            _show(lines(size.columns, size.lines - 1)[: size.lines - 1], "q quits"[: size.columns])
            if _pressed(keys) in (b"q", b"Q"):
                return


def _show(lines: list[str], last: str) -> None:
    # Line by line over the old ones: a screen that is cleared first flickers.
    text = "".join(f"{line}{_CLEAR_LINE}\r\n" for line in lines)
    sys.stdout.write(f"{_HOME}{text}{last}{_CLEAR_BELOW}")
    sys.stdout.flush()


def _pressed(keys: int | None) -> bytes:
    """Return the key that is pressed within a second, or nothing."""
    ready, _, _ = select.select([] if keys is None else [keys], [], [], _REFRESH_SECONDS)
    return os.read(keys, 1) if keys is not None and ready else b""


@contextmanager
def _keys() -> Iterator[int | None]:
    """Yield the terminal that keys come from, one by one and unseen; None if nobody types there."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield None
        return
    keys = sys.stdin.fileno()
    before = termios.tcgetattr(keys)
    tty.setcbreak(keys)  # Ctrl-C stays a signal
    try:
        yield keys
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


@contextmanager
def _screen() -> Iterator[None]:
    """Use the alternate screen, also if the command is ended by a signal."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    sys.stdout.write(_ENTER)
    try:
        yield
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()
        for number, handler in before.items():
            signal.signal(number, handler)
