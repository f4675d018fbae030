"""What the commands share: where the configuration lies, how errors are said, how JSON is printed."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from framewatch.errors import AlreadyRunningError, CancelledError, ConfigError, Finding, FramewatchError
from framewatch.jobs.store.store import StoreError
from framewatch.settings import LoadedSettings, load_settings
from framewatch.text import printable
from framewatch.upscale.network.weights import PRECISIONS, Precision
from framewatch.upscale.selection import ENGINE_NAMES

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="FRAMEWATCH_CONFIG",
        help="The daemon file. Default: ./framewatch.yaml, then ~/.config/framewatch/, then /etc/framewatch/.",
        show_default=False,
    ),
]
EngineOption = Annotated[str, typer.Option("--engine", help=f"One of {', '.join(ENGINE_NAMES)}.")]
PrecisionOption = Annotated[
    str,
    typer.Option("--precision", help="exact, or fast: in 8 bits where the processor is faster so, at about 42 dB."),
]
FfmpegOption = Annotated[Path | None, typer.Option("--ffmpeg", help="The ffmpeg program to use.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def places() -> list[Path]:
    """Where the daemon file is looked for when none is named."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    folders = [Path(), home / "framewatch", Path("/etc/framewatch")]
    return [folder / "framewatch.yaml" for folder in folders]


def settings_path(config: Path | None) -> Path:
    """The named configuration file, or the first that lies in one of the usual places.

    Raises:
        ConfigError: none was named and there is none.
    """
    if config is not None:
        return config
    found = next((place for place in places() if place.is_file()), None)
    if found is not None:
        return found
    looked = ", ".join(str(place) for place in places())
    raise ConfigError(
        "no configuration was named and none was found",
        code="config.not_found",
        hint=f"name it with --config FILE (looked at {looked}; see `framewatch run --help`)",
    )


def settings_of(config: Path | None) -> LoadedSettings:
    """The settings in that file.

    Raises:
        ConfigError: there is none, or it is wrong.
    """
    return load_settings(settings_path(config))


def console(*, stderr: bool = False) -> Console:
    """A console that wraps nothing when its output is read by a program."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 200
    soft = not stream.isatty()  # no emoji: rich would make a hand of the `:v:` in a command
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, width=width, soft_wrap=soft)


def progress_bar(*, transient: bool = False, disable: bool = False) -> Progress:
    """A bar on stderr for one file; its tasks have the fields `fps` (a number) and `engine` (text)."""
    return Progress(
        TextColumn("{task.description:10}"),
        BarColumn(),
        TextColumn("{task.percentage:>5.1f}%  {task.fields[fps]:.1f} fps  {task.fields[engine]}"),
        TimeRemainingColumn(),
        console=console(stderr=True),
        transient=transient,
        disable=disable,
    )


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """A stop event that Ctrl-C and SIGTERM set, so that the work is ended in good order."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_engine(name: str) -> str:
    """Return the name if it is one that `engine:` may have.

    Raises:
        ConfigError: `engine.unknown`.
    """
    if name not in ENGINE_NAMES:
        hint = f"one of: {', '.join(ENGINE_NAMES)}"
        raise ConfigError(f'there is no engine "{name}"', code="engine.unknown", hint=hint)
    return name


def check_precision(name: str) -> Precision:
    """Return the name if it is one that `precision:` may have.

    Raises:
        ConfigError: it is none.
    """
    found = next((each for each in PRECISIONS if each == name), None)
    if found is None:
        raise ConfigError(f'there is no precision "{name}"', code="config.bad_value", hint="exact or fast")
    return found


def say(text: object) -> None:
    """One line on stdout, never wrapped, fit for any terminal."""
    console().print(printable(text), soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=True, default=str) + "\n")


def say_finding(finding: Finding, *, kind: str = "error") -> None:
    """One finding as one line on stderr."""
    sys.stderr.write(f"framewatch: {kind}: {printable(finding)}\n")


def say_error(error: Exception) -> None:
    """An error as one line a finding on stderr; a bug in framewatch as one line too, unless it is asked about."""
    if isinstance(error, FramewatchError):
        for finding in error.findings:
            say_finding(finding)
        return
    if os.environ.get("FRAMEWATCH_DEBUG"):
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror:
        say_finding(Finding("system.error", error.strerror, where=str(error.filename or "")))
        return
    hint = "please report this; FRAMEWATCH_DEBUG=1 shows where it happened"
    say_finding(Finding("internal.bug", f"{type(error).__name__}: {error}", hint))


def exit_code(error: Exception) -> int:
    """2 where the user has to change what was asked for, 130 where Ctrl-C ended the work, 1 where it failed."""
    if isinstance(error, CancelledError):
        return 130
    return 2 if isinstance(error, (ConfigError, AlreadyRunningError, StoreError)) else 1
