"""The command line, with one module for each group of commands. No traceback passes `main`."""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import suppress
from typing import TextIO

_READ_SECONDS = 2.0


def main() -> None:
    """Run the command that the arguments name, and exit with its status."""
    if sys.argv[1:2] == ["run"]:
        # The default action would end the process if a reload came before the daemon has set its own handler.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    elif signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # nohup has it ignored
        signal.signal(signal.SIGHUP, signal.default_int_handler)  # a closed terminal ends a command like Ctrl-C
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller has closed it: the output is lost, the work is still done
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 - for the life of the process
        getattr(sys, name).reconfigure(errors="backslashreplace")  # a terminal may not have a file name's characters
    status = _run()
    try:
        sys.stdout.flush()
    except OSError:  # the reader is gone, as in `framewatch status | head`, or the disk is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that the interpreter's own flush at exit succeeds
    sys.exit(status)


def _run() -> int:
    try:
        # Imported here, because Ctrl-C may come while they load.
        from framewatch.cli.output import exit_code, print_error  # noqa: PLC0415

        try:
            return _command()
        except BrokenPipeError:
            return 0
        except Exception as error:  # noqa: BLE001 - the program's boundary
            if _is_read(sys.stderr):
                with suppress(OSError):  # the terminal is closed
                    print_error(error)
            return exit_code(error)
    except KeyboardInterrupt:
        return 130


def _is_read(stream: TextIO) -> bool:
    """Return whether a line can be written to a stream: nobody may read it, or its terminal may be closed."""
    try:
        return bool(select.select([], [stream], [], _READ_SECONDS)[1])
    except (OSError, ValueError):  # it is no file, as in a test
        return True


def _command() -> int:
    from typer.exceptions import TyperException  # noqa: PLC0415

    from framewatch.cli.app import app  # noqa: PLC0415

    try:
        return app(standalone_mode=False) or 0
    except TyperException as error:
        return _usage_error(error)


def _usage_error(error: Exception) -> int:
    """Print what is wrong with the arguments in one line, or the help where there were none."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    message = message.replace(": Value error, ", ": ", 1)  # pydantic's words, for a choice that there is not
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "framewatch"
    if message.startswith("Usage:"):  # the help
        sys.stderr.write(message + "\n")
    else:
        text = " ".join(message.split()).rstrip(".")
        sys.stderr.write(f"framewatch: error: {text} (see `{command} --help`) [usage.invalid]\n")
    return 2
