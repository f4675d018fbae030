"""`framewatch status`: show the daemon, its folders and its jobs."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import typer

from framewatch.cli.options import ConfigOption, JsonOption, load_configuration
from framewatch.cli.output import print_json
from framewatch.cli.status.live import live
from framewatch.cli.status.screen import Page, screen
from framewatch.cli.status.state import read_state
from framewatch.errors import ConfigError
from framewatch.settings import Settings

_DEFAULT_LIMIT = 20
_MOST_SHOWN = 100_000


def status(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh every second, until q or Ctrl-C.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            min=1,
            max=_MOST_SHOWN,
            help="How many jobs of each kind. Default: what fits the terminal, else 20; with --json, all.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show the daemon, its folders and its jobs. Exits with 1 if no daemon runs.

    Jobs that are worked on come first, then held and failed ones with the reason, then those that are next and those
    that are done. Expected times come from jobs that went before on this machine; until then they are unknown.

    \b
    Examples:
      framewatch status
      framewatch status --watch
      framewatch status --json | jq '.jobs[] | select(.status == "failed")'
    """
    settings = load_configuration(config).settings
    if watch and not as_json:
        if not sys.stdout.isatty():
            hint = "leave out --watch; `watch framewatch status` and --json work anywhere"
            raise ConfigError("--watch needs a terminal", code="usage.invalid", hint=hint)
        live(lambda width, height: _lines(settings, _page(limit, width, height)))
        return
    state = read_state(settings, limit if as_json else limit or _DEFAULT_LIMIT)
    if as_json:
        print_json(state)
    else:
        size = shutil.get_terminal_size()
        page = Page(limit=limit or _DEFAULT_LIMIT, cut=False)
        if sys.stdout.isatty():
            page = _page(limit, size.columns, size.lines - 1)
        sys.stdout.write("".join(f"{line}\n" for line in screen(state, page)))
    if state["daemon"] is None:
        raise typer.Exit(1)


def _page(limit: int | None, width: int, height: int) -> Page:
    """Return the page of a terminal; if the user says how many jobs, its height does not matter."""
    return Page(width, height if limit is None else None, limit or max(height, 1))


def _lines(settings: Settings, page: Page) -> list[str]:
    return screen(read_state(settings, page.limit), page)
