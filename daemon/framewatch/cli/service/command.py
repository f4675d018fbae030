"""`framewatch service`: have systemd or launchd run the daemon."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from framewatch.cli.options import ConfigOption, load_configuration
from framewatch.cli.output import print_finding, print_line
from framewatch.cli.service.files import install_file, remove_file
from framewatch.cli.service.request import Manager, ServiceRequest, disk_of
from framewatch.errors import Finding
from framewatch.service.manager.opened_folders import Use, drop_in, opened, used_paths

app = typer.Typer(
    help="Have systemd or launchd run the daemon: print, install or remove it.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

UserOption = Annotated[
    bool, typer.Option("--user", help="For your own service manager, without root; it runs as you.")
]
RunAsOption = Annotated[
    str | None,
    typer.Option(
        "--run-as",
        metavar="NAME",
        help="The user that the system's service runs as. Default: framewatch; with launchd, you.",
        show_default=False,
    ),
]
DisksOption = Annotated[
    bool,
    typer.Option(
        "--disks",
        help="Open each mounted disk that a folder lies on as a whole. Disks can then be unmounted and replaced "
        "while the service runs, and sources are renamed into done/ wherever it lies.",
    ),
]
ManagerOption = Annotated[
    Manager | None,
    typer.Option("--manager", help="Default: launchd on macOS, else systemd.", show_default=False),
]
IntoOption = Annotated[
    Path | None,
    typer.Option(
        "--into",
        metavar="FOLDER",
        help="The folder of the file, in place of the service manager's own: for packages and images.",
        show_default=False,
    ),
]


@app.callback()
def service() -> None:
    """Have systemd or launchd run the daemon: print, install or remove it."""


@app.command("print")
def print_service(
    config: ConfigOption = None,
    user: UserOption = False,
    run_as: RunAsOption = None,
    disks: DisksOption = False,
    manager: ManagerOption = None,
) -> None:
    """Print the unit of systemd, or the property list of launchd, that `install` would write.

    It runs this installation of framewatch with this configuration, and opens only the folders in it.

    \b
    Examples:
      framewatch service print --config /etc/framewatch/framewatch.yaml
      framewatch service print --user
      framewatch service print --manager launchd
    """
    made = ServiceRequest(config, user, run_as, disks, manager).make()
    typer.echo(os.fsencode(made.text), nl=False)
    _warn_of_missing(made.uses)


@app.command()
def install(
    config: ConfigOption = None,
    user: UserOption = False,
    run_as: RunAsOption = None,
    disks: DisksOption = False,
    into: IntoOption = None,
) -> None:
    """Write the unit of systemd, or the property list of launchd, for this configuration.

    It runs this installation of framewatch and opens only the folders of the configuration: install it again when
    these change. A file that framewatch did not write, or that was edited, is never replaced. Nothing is started; the
    commands for that are printed.

    \b
    Examples:
      sudo framewatch service install --config /etc/framewatch/framewatch.yaml
      sudo framewatch service install --config /etc/framewatch/framewatch.yaml --run-as media
      framewatch service install --user
    """
    made = ServiceRequest(config, user, run_as, disks).make()
    if into is None:
        made.require_user()
    folder = into or made.folder
    path, before = folder / made.name, install_file(folder / made.name, made.text)
    _warn_of_missing(made.uses)
    if before == made.text:
        print_line(f"{path} is up to date")
        return
    print_line(f"{path}: {'written' if before is None else 'replaced'}")
    if into is None:
        for line in made.after_install(again=before is not None):
            print_line(line)


@app.command()
def uninstall(
    user: UserOption = False,
    into: IntoOption = None,
) -> None:
    """Stop the service, and remove the file that `install` wrote. Jobs, folders and the configuration stay.

    \b
    Examples:
      sudo framewatch service uninstall
      framewatch service uninstall --user
    """
    place = ServiceRequest.place(user)
    path = (into or place.folder) / place.name
    remove_file(path, before=() if into else place.stop, after=() if into else place.forget)
    print_line(f"{path}: removed")


@app.command()
def systemd(config: ConfigOption = None, disks: DisksOption = False) -> None:
    """Print a drop-in that lets the unit that ships write to the configured folders.

    `install` writes a unit that needs none. Run it as the service's user: `~` in the configuration, and default
    folders, are theirs.

    \b
    Examples:
      sudo -u framewatch framewatch service systemd -c /etc/framewatch/framewatch.yaml > folders.conf
      sudo install -D -m 644 folders.conf /etc/systemd/system/framewatch.service.d/folders.conf
      sudo systemctl daemon-reload && sudo systemctl restart framewatch
    """
    loaded = load_configuration(config)
    uses = opened(used_paths(loaded), disk_of(disks))
    typer.echo(os.fsencode(drop_in(uses, loaded.folder / Path(loaded.document.source).name)), nl=False)
    _warn_of_missing(uses)


def _warn_of_missing(uses: list[Use]) -> None:
    """Name folders that the daemon would create, but cannot, because only existing folders are opened."""
    for use in uses:
        try:
            use.path.lstat()
        except FileNotFoundError:
            if use.writes and use.path.parent.is_dir():
                hint = "create it, with framewatch's user as its owner, before the service starts"
                message = f"{use.path} does not exist, and the service may not create it"
                print_finding(Finding("systemd.missing", message, hint, use.name), kind="warning")
        except OSError:  # not this user's to see, or its disk does not answer
            continue
