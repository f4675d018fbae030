"""`framewatch service`: what a service manager has to know of the configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from framewatch.cli.options import ConfigOption, load_configuration
from framewatch.cli.output import print_finding
from framewatch.errors import Finding
from framewatch.service.systemd_unit import Use, drop_in, opened, used_paths
from framewatch.storage.filesystem_type import mount_of, mounts

app = typer.Typer(
    help="Print what the service manager has to know of the configuration.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@app.callback()
def service() -> None:
    """Print what the service manager has to know of the configuration."""


@app.command()
def systemd(
    config: ConfigOption = None,
    disks: Annotated[
        bool,
        typer.Option(
            "--disks",
            help="Open each mounted disk that a folder lies on as a whole. Disks can then be unmounted and replaced "
            "while the service runs, and sources are renamed into done/ wherever it lies.",
        ),
    ] = False,
) -> None:
    """Print the drop-in that lets the systemd service write to the configured folders.

    Run it as the service's user: `~` in the configuration, and default folders, are theirs.

    \b
    Examples:
      sudo -u framewatch framewatch service systemd -c /etc/framewatch/framewatch.yaml > folders.conf
      sudo install -D -m 644 folders.conf /etc/systemd/system/framewatch.service.d/folders.conf
      sudo systemctl daemon-reload && sudo systemctl restart framewatch
    """
    loaded = load_configuration(config)
    mounted = mounts() if disks else []

    def disk_of(path: Path) -> Path | None:
        mount = mount_of(path, mounted)
        return Path(mount.point) if mount and mount.point != "/" else None

    uses = opened(used_paths(loaded), disk_of)
    typer.echo(os.fsencode(drop_in(uses, loaded.folder / Path(loaded.document.source).name)), nl=False)
    for use in uses:
        _warn_of_missing(use)


def _warn_of_missing(use: Use) -> None:
    """Name a folder that the daemon would create, but cannot, because only existing folders are opened."""
    try:
        use.path.lstat()
    except FileNotFoundError:
        if use.writes and use.path.parent.is_dir():
            hint = "create it, with framewatch's user as its owner, before the service starts"
            message = f"{use.path} does not exist, and the service may not create it"
            print_finding(Finding("systemd.missing", message, hint, use.name), kind="warning")
    except OSError:  # not this user's to see, or its disk does not answer
        return
