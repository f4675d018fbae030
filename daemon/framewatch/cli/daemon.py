"""`framewatch run` and `framewatch check`."""

from __future__ import annotations

from typing import Annotated

import typer

from framewatch.cli.options import ConfigOption, settings_path
from framewatch.cli.output import print_finding, print_line
from framewatch.service.daemon import Daemon
from framewatch.service.daemon import check as check_configuration
from framewatch.service.once import DEFAULT_SECONDS, OnceLimit
from framewatch.service.power import missing_sensors


def run(
    config: ConfigOption = None,
    once: Annotated[
        bool,
        typer.Option("--once", help="Process the files that are there, then exit: 0 if all are done, 1 if not."),
    ] = False,
    growing_limit: Annotated[
        float | None,
        typer.Option(
            "--growing-limit",
            metavar="SECONDS",
            min=1,
            help="With --once: how long to wait for files that keep changing, once nothing else is left to do. "
            f"Default: {DEFAULT_SECONDS:g}.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Watch the configured folders until a signal comes.

    SIGTERM or Ctrl-C stops the daemon within 10 s, a second one at once. SIGHUP reads the configuration again.

    \b
    Examples:
      framewatch run --config /etc/framewatch/framewatch.yaml
      framewatch run -c framewatch.yaml --once
      framewatch run -c framewatch.yaml --once --growing-limit 3600
    """
    if growing_limit is not None and not once:
        raise typer.BadParameter("--growing-limit goes with --once")
    limit = OnceLimit(growing_limit or DEFAULT_SECONDS) if once else None
    raise typer.Exit(Daemon(settings_path(config)).run(once=limit))


def check(config: ConfigOption = None) -> None:
    """Check the configuration, its presets, folders and tools. Lists all mistakes at once, and exits with 2 then.

    \b
    Examples:
      framewatch check --config framewatch.yaml
    """
    loaded, ready = check_configuration(settings_path(config))
    for warning in (*loaded.warnings, *missing_sensors(loaded.settings)):
        print_finding(warning, kind="warning")
    for folder in loaded.settings.folders:
        preset = ready.presets[folder.name]
        name = preset.name if preset else "the preset file in it"
        print_line(f"{folder.name}: {folder.input} -> {folder.output} ({name})")
    print_line(f"ffmpeg: {ready.tools.ffmpeg}")
    print_line("the configuration is valid")
