"""Output for people and for scripts, errors, and Ctrl-C.

Results go to stdout. Errors, warnings and progress go to stderr, so that stdout can be read by a program.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from framewatch.errors import (
    AlreadyRunningError,
    CancelledError,
    ConfigError,
    Finding,
    FramewatchError,
)
from framewatch.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress

_PIPE_WIDTH = 200  # columns of a table that is not printed on a terminal


def console(*, stderr: bool = False) -> Console:
    """Return a console that wraps nothing when a program reads its output."""
    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()
    # Names come from files: rich must neither read markup in them nor replace `:v:` by an emoji.
    return Console(
        stderr=stderr,
        highlight=False,
        markup=False,
        emoji=False,
        width=None if terminal else _PIPE_WIDTH,
        soft_wrap=not terminal,
    )


def plain_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table without lines, whose cells are fit for any terminal."""
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(printable, row))
    return table


def progress_bar(*, transient: bool = False, disable: bool = False) -> Progress:
    """Return a progress bar on stderr for one file. Its tasks have the fields `fps` (float) and `engine` (str)."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - few commands

    return Progress(
        TextColumn("{task.description:10}"),
        BarColumn(),
        TextColumn("{task.percentage:>5.1f}%  {task.fields[fps]:.1f} fps  {task.fields[engine]}"),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=transient,
        disable=disable,
    )


def print_line(text: object) -> None:
    """Print one line on stdout. It is never wrapped, and fit for any terminal."""
    console().print(printable(text), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=True, default=str) + "\n")


def print_finding(finding: Finding, *, kind: str = "error") -> None:
    """Print a finding as one line on stderr."""
    sys.stderr.write(f"framewatch: {kind}: {printable(finding)}\n")


def print_note(text: object) -> None:
    """Print what is worth knowing, and no result, as one line on stderr."""
    sys.stderr.write(f"framewatch: {printable(text)}\n")


def print_error(error: Exception) -> None:
    """Print an error on stderr, one line for each finding.

    A bug in framewatch is one line too. With FRAMEWATCH_DEBUG set, its traceback comes first.
    """
    if isinstance(error, FramewatchError):
        for finding in error.findings:
            print_finding(finding)
        return
    if os.environ.get("FRAMEWATCH_DEBUG"):
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror:
        print_finding(Finding("system.error", error.strerror, where=str(error.filename or "")))
        return
    hint = "please report this; FRAMEWATCH_DEBUG=1 shows where it happened"
    print_finding(Finding("internal.bug", f"{type(error).__name__}: {error}", hint))


def exit_code(error: Exception) -> int:
    """Return 2 where the user has to change something, 130 after Ctrl-C, and 1 where the work failed."""
    if isinstance(error, CancelledError):
        return 130
    # Imported only after an error.
    from framewatch.jobs.lifecycle.errors import ImpossibleTransitionError  # noqa: PLC0415
    from framewatch.jobs.store.store import StoreError  # noqa: PLC0415

    users_own = (ConfigError, AlreadyRunningError, StoreError, ImpossibleTransitionError)
    return 2 if isinstance(error, users_own) else 1


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, SIGTERM and a closed terminal set, so that the work can be ended cleanly."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    if before[signal.SIGHUP] == signal.SIG_IGN:  # by nohup: the work goes on without a terminal
        del before[signal.SIGHUP]
    for number in before:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
