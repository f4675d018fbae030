"""`framewatch folders`: the state of the watch folders and their disks, and accepting another disk."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from framewatch.cli import completion
from framewatch.cli.options import ConfigOption, JsonOption, load_configuration
from framewatch.cli.output import console, plain_table, print_json, print_line
from framewatch.cli.status.elsewhere import has_store
from framewatch.cli.status.state import daemon_of
from framewatch.errors import ConfigError, StorageError
from framewatch.jobs.store.recovery import was_rebuilt
from framewatch.jobs.store.store import Store
from framewatch.settings import FolderSettings, Settings
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.mount_marker import MountState
from framewatch.storage.mounts import Mounts
from framewatch.storage.root import Root

_ANSWER_SECONDS = 3.0  # for one folder; a dead share may never answer

app = typer.Typer(
    help="Show the watch folders and their disks, or accept another disk.",
    rich_markup_mode=None,
    invoke_without_command=True,
)


@app.callback()
def folders(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the state of each watch folder, and whether its disks are mounted.

    \b
    Examples:
      framewatch folders
      framewatch folders --json
      framewatch folders trust anime
    """
    if context.invoked_subcommand is not None:
        return
    state = _state(load_configuration(config).settings)
    if as_json:
        print_json({"folders": state})
    else:
        console().print(_table(state))


@app.command()
def trust(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The watch folder's name.", show_default=False, autocompletion=completion.folders
        ),
    ],
    config: ConfigOption = None,
) -> None:
    """Accept a folder's disks as they are now, after you have replaced a disk or emptied a folder.

    \b
    Examples:
      framewatch folders trust anime
    """
    settings = load_configuration(config).settings
    folder = next((each for each in settings.folders if each.name == name), None)
    if folder is None:
        known = ", ".join(each.name for each in settings.folders)
        raise ConfigError(f'there is no folder "{name}"', code="folders.unknown", hint=f"use one of: {known}")
    if not has_store(settings):
        print_line(f"{name}: its disks are not known yet; the daemon accepts them when it starts")
        return
    with Store.open(settings.store_path) as store:
        if daemon_of(store) is None:
            Mounts(store, settings.places, rebuilt=was_rebuilt(store)).trust(name)
            print_line(f"{name}: its disks are accepted as they are now")
        else:
            _require_folders(folder)
            store.request("trust", name)
            print_line(f"{name}: asked the daemon to accept its disks as they are now")


def _require_folders(folder: FolderSettings) -> None:
    """Report a missing folder here: the daemon could only write it into its log."""
    for path in (folder.input, folder.output):
        try:
            Root(path).require()
        except StorageError as error:
            if error.finding.code != "storage.unavailable":
                raise
            message, hint = "this folder does not exist", "mount its disk, or create the folder"
            raise ConfigError(message, code="folders.missing", hint=hint, where=str(path)) from None


# --- state ---------------------------------------------------------------------------------------------------


def _state(settings: Settings) -> list[dict[str, Any]]:
    if not has_store(settings):
        return [_folder(name, places, None, {}) for name, places in settings.places.items()]
    with Store.open(settings.store_path, readonly=True) as store:
        roots = Mounts(store, settings.places, rebuilt=was_rebuilt(store))
        reported = store.get_facts().get("folders") or [] if daemon_of(store) else []
        health = {each["folder"]: each for each in reported}
        return [_folder(name, places, roots, health.get(name, {})) for name, places in settings.places.items()]


def _folder(name: str, places: FolderPlaces, roots: Mounts | None, health: dict[str, Any]) -> dict[str, Any]:
    found = {role: {"path": str(path), "disk": _disk_state(path, roots)} for role, path in places.roots.items()}
    reported = {key: value for key, value in health.items() if key not in ("folder", "input")}
    return {"name": name, "places": found, **({"state": "not watched"} | reported)}


def _disk_state(path: Path, roots: Mounts | None) -> str:
    """Return the state of a folder's disk in a word.

    A thread asks, because a dead share may never answer. Then the thread is left behind.
    """
    if roots is None:
        return str(MountState.NEW)
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_ask_disk(path, roots)), daemon=True).start()
    try:
        return answers.get(timeout=_ANSWER_SECONDS)
    except queue.Empty:
        return "no answer"


def _ask_disk(path: Path, roots: Mounts) -> str:
    try:
        return str(roots.state(path))
    except StorageError as error:
        return error.finding.message


def _table(state: list[dict[str, Any]]) -> Table:
    rows = []
    for folder in state:
        name, folder_state = folder["name"], folder.get("problem") or folder["state"]
        for role, place in folder["places"].items():
            rows.append((name, folder_state, role, place["path"], place["disk"]))
            name = folder_state = ""  # once for each folder
    return plain_table(("folder", "state", "role", "path", "disk"), rows)
