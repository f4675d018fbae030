"""The command line: one file a group of commands. `main` is the boundary: no traceback goes past it."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command that the arguments name and exit with its status."""
    if sys.argv[1:2] == ["run"]:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a reload that comes before the daemon can heed it
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller: what is said is lost, the work is done
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 - for the life of the process
    status = _run()
    try:
        sys.stdout.flush()
    except OSError:  # the reader has gone, as in `framewatch status | head`, or a full disk
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that the interpreter's own flush finds nothing wrong
    sys.exit(status)


def _run() -> int:
    try:
        # Imported here: Ctrl-C may come while they load.
        from framewatch.cli.common import exit_code, say_error  # noqa: PLC0415

        try:
            return _command()
        except BrokenPipeError:
            return 0
        except Exception as error:  # noqa: BLE001 - the program's boundary
            say_error(error)
            return exit_code(error)
    except KeyboardInterrupt:
        return 130


def _command() -> int:
    from typer.exceptions import TyperException  # noqa: PLC0415

    from framewatch.cli.app import app  # noqa: PLC0415

    try:
        return app(standalone_mode=False) or 0
    except TyperException as error:
        return _usage(error)


def _usage(error: Exception) -> int:
    """What was wrong with the arguments, in one line; nothing given at all shows the help."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "framewatch"
    if message.startswith("Usage:"):  # the help itself, shown because nothing was given
        sys.stderr.write(message + "\n")
    else:
        said = " ".join(message.split()).rstrip(".")
        sys.stderr.write(f"framewatch: error: {said} (see `{command} --help`) [usage.invalid]\n")
    return 2
