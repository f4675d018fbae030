"""The command line: one file a group of commands. `main` is the boundary: no traceback goes past it."""

from __future__ import annotations

import sys

from framewatch.cli.common import exit_code, say_error


def main() -> None:
    """Run the command that the arguments name and exit with its status."""
    sys.exit(_run())


def _run() -> int:
    # Imported here, as the commands import from this package.
    from typer.exceptions import TyperException  # noqa: PLC0415

    from framewatch.cli.app import app  # noqa: PLC0415

    try:
        return app(standalone_mode=False) or 0
    except TyperException as error:
        return _usage(error)
    except BrokenPipeError:
        return 0  # `framewatch status | head`
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the program's boundary
        say_error(error)
        return exit_code(error)


def _usage(error: Exception) -> int:
    """What was wrong with the arguments, in one line; nothing given at all shows the help."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "framewatch"
    if "\n" in message:  # the help itself, shown because nothing was given
        print(message, file=sys.stderr)  # noqa: T201 - before any console exists
    else:
        line = f"framewatch: {message.rstrip('.')} (see `{command} --help`) [usage.invalid]"
        print(line, file=sys.stderr)  # noqa: T201
    return 2
