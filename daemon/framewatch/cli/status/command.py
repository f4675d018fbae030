"""`framewatch status`: show the daemon, its folders and its jobs."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.live import Live

from framewatch.cli.options import ConfigOption, JsonOption, load_configuration
from framewatch.cli.output import console, print_json
from framewatch.cli.status.screen import screen
from framewatch.cli.status.state import read_state

_REFRESH_SECONDS = 1.0
_DEFAULT_LIMIT = 20
_MOST_SHOWN = 100_000


def status(
    config: ConfigOption = None,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh until Ctrl-C.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=_MOST_SHOWN, help="How many jobs to show.")
    ] = _DEFAULT_LIMIT,
) -> None:
    """Show the daemon, its folders and the newest jobs. Exits with 1 if no daemon runs.

    \b
    Examples:
      framewatch status
      framewatch status --watch
      framewatch status --json | jq '.jobs[] | select(.status == "failed")'
    """
    settings = load_configuration(config).settings
    if watch and not as_json:
        with Live(screen(read_state(settings, limit)), console=console(), auto_refresh=False) as live:
            while True:
                time.sleep(_REFRESH_SECONDS)
                live.update(screen(read_state(settings, limit)), refresh=True)
    state = read_state(settings, limit)
    if as_json:
        print_json(state)
    else:
        console().print(screen(state))
    if state["daemon"] is None:
        raise typer.Exit(1)
