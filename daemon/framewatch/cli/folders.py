"""`framewatch folders`: how the watch folders and their disks are doing, and taking another disk on purpose."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from framewatch.cli.common import ConfigOption, JsonOption, console, print_json, say, settings_of
from framewatch.cli.jobs import daemon_of
from framewatch.errors import ConfigError, StorageError
from framewatch.jobs.store.recovery import was_rebuilt
from framewatch.jobs.store.store import Store
from framewatch.settings import FolderSettings, Settings
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.mount_marker import MountState
from framewatch.storage.mounts import Mounts
from framewatch.text import printable

ANSWER_SECONDS = 3.0  # for one root; a dead share may never answer

app = typer.Typer(
    help="Show the watch folders and their disks, or take another disk on purpose.",
    rich_markup_mode=None,
    invoke_without_command=True,
)


@app.callback()
def folders(context: typer.Context, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show how each watch folder is doing, and whether its disks are mounted.

    \b
    Examples:
      framewatch folders
      framewatch folders --json
      framewatch folders trust anime
    """
    if context.invoked_subcommand is not None:
        return
    state = _state(settings_of(config).settings)
    if as_json:
        print_json({"folders": state})
    else:
        console().print(_table(state))


@app.command()
def trust(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The watch folder's name.", show_default=False)],
    config: ConfigOption = None,
) -> None:
    """Take a folder's disks as they are now for the right ones: after a disk was replaced, or a folder emptied.

    \b
    Examples:
      framewatch folders trust anime
    """
    settings = settings_of(config).settings
    folder = next((each for each in settings.folders if each.name == name), None)
    if folder is None:
        known = ", ".join(each.name for each in settings.folders)
        raise ConfigError(f'there is no folder "{name}"', code="folders.unknown", hint=f"there are: {known}")
    if not settings.store_path.exists():
        say(f"{name}: nothing is known of its disks yet; they are taken as they are when the daemon starts")
        return
    with Store.open(settings.store_path) as store:
        if daemon_of(store) is None:
            Mounts(store, settings.places, rebuilt=was_rebuilt(store)).trust(name)
            say(f"{name}: its disks are taken as they are now")
        else:
            _require_there(folder)
            store.request("trust", name)
            say(f"{name}: asked the daemon to take its disks as they are now")


def _require_there(folder: FolderSettings) -> None:
    """Tell what the daemon would otherwise write into its log alone."""
    for path in (folder.input, folder.output):
        if not path.is_dir():
            hint = "mount its disk, or make the folder"
            raise ConfigError("this folder is not there", code="folders.missing", hint=hint, where=str(path))


# --- looking -------------------------------------------------------------------------------------------------


def _state(settings: Settings) -> list[dict[str, Any]]:
    if not settings.store_path.exists():
        return [_folder(name, places, None, {}) for name, places in settings.places.items()]
    with Store.open(settings.store_path, readonly=True) as store:
        roots = Mounts(store, settings.places, rebuilt=was_rebuilt(store))
        told = store.get_facts().get("folders") or [] if daemon_of(store) else []
        health = {each["folder"]: each for each in told}
        return [_folder(name, places, roots, health.get(name, {})) for name, places in settings.places.items()]


def _folder(name: str, places: FolderPlaces, roots: Mounts | None, health: dict[str, Any]) -> dict[str, Any]:
    found = {role: {"path": str(path), "disk": _answered(path, roots)} for role, path in places.roots.items()}
    told = {key: value for key, value in health.items() if key not in ("folder", "input")}
    return {"name": name, "places": found, **({"state": "not watched"} | told)}


def _answered(path: Path, roots: Mounts | None) -> str:
    """How a root stands, in a word. A dead share may never answer: a thread asks it, which can be left behind."""
    if roots is None:
        return str(MountState.NEW)
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_standing(path, roots)), daemon=True).start()
    try:
        return answers.get(timeout=ANSWER_SECONDS)
    except queue.Empty:
        return "no answer"


def _standing(path: Path, roots: Mounts) -> str:
    try:
        return str(roots.state(path))
    except StorageError as error:
        return error.finding.message


def _table(state: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("folder", "state", "place", "path", "disk"):
        table.add_column(heading, overflow="fold")
    for folder in state:
        name, doing = folder["name"], folder.get("problem") or folder["state"]
        for role, place in folder["places"].items():
            table.add_row(*map(printable, (name, doing, role, place["path"], place["disk"])))
            name = doing = ""
    return table
