"""`framewatch presets`: which there are, what one says when it is put together, and whether files are right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.table import Table

from framewatch.cli.common import (
    ConfigOption,
    JsonOption,
    console,
    print_json,
    say,
    say_finding,
    settings_of,
)
from framewatch.errors import ConfigError, Finding, FramewatchError
from framewatch.media.preset.loader import list_presets, load_file, load_preset
from framewatch.media.preset.preset import Preset
from framewatch.media.preset.schema import key_reference
from framewatch.media.rules.image_rules import is_image_preset
from framewatch.media.rules.preset_rules import check_preset
from framewatch.resources import shipped
from framewatch.text import printable

app = typer.Typer(
    help="The presets: list, show, validate; and the keys that they are made of.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_all(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List all presets: yours (in presets/, or the presets_dir of a configuration), then those that ship.

    \b
    Examples:
      framewatch presets list
      framewatch presets list --config framewatch.yaml --json
    """
    search = _search(config)
    rows = [_row(name, path, search) for name, path in sorted(list_presets(search).items())]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("preset", "source", "summary"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(printable(row[key]) for key in ("name", "source", "summary")))
    console().print(table)


@app.command()
def keys(
    word: Annotated[str, typer.Argument(help="Only keys that this stands in, or in what they do.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List every key that a preset may have, with its default and what it does.

    \b
    Examples:
      framewatch presets keys
      framewatch presets keys audio
    """
    rows = [row for row in key_reference() if word.lower() in " ".join(row.values()).lower()]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("key", "default", "what it does"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(row["key"], row["default"], row["description"])
    console().print(table)


@app.command()
def show(
    preset: Annotated[str, typer.Argument(help="A preset's name, or a path to one.", show_default=False)],
    config: ConfigOption = None,
    every: Annotated[bool, typer.Option("--all", help="The defaults too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a preset as YAML, with all that it extends put together. What is shown is a preset itself.

    \b
    Examples:
      framewatch presets show upscale-4k
      framewatch presets show ./mine.yaml --all
    """
    named = load_preset(preset, search=_search(config), base=Path(), where=printable(preset))
    document = as_document(named.preset, every=every)
    if as_json:
        print_json({"name": named.name, "source": named.source, "preset": document})
    else:
        say(f"# {named.name}, from {named.source}")
        console().print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), end="", soft_wrap=True)


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="Preset files.", metavar="FILE...", show_default=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check preset files and tell everything that is wrong with them. Exit 2 then.

    \b
    Examples:
      framewatch presets validate presets/*.yaml
      framewatch presets validate mine.yaml --json
    """
    search = _search(config)
    found = {path: _wrong(path, search) for path in files}
    if as_json:
        print_json([{"file": printable(path), "findings": [_facts(each) for each in found[path]]} for path in found])
    else:
        for path, findings in found.items():
            for finding in findings:
                say_finding(finding)
            if not findings:
                say(f"{path}: right")
    if any(found.values()):
        raise typer.Exit(2)


def as_document(preset: Preset, *, every: bool = False) -> dict[str, Any]:
    """A preset as a user would write it; with `every`, its defaults too."""
    keys = preset.model_dump(mode="json", exclude={"extends", "else_"}, exclude_defaults=not every)
    kept = {key: value for key, value in keys.items() if value is not None}
    if preset.else_ is not None:
        kept["else"] = as_document(preset.else_, every=every)
    return kept


def summary(preset: Preset) -> str:
    """What a preset does, in one line."""
    parts: list[str]
    if is_image_preset(preset):
        parts = [preset.container, preset.ml_upscale]
    elif preset.processing_mode == "copy":
        parts = [preset.container, "copy"]
    else:
        parts = [preset.container, preset.ml_upscale, preset.video_codec, preset.audio_codec]
    if preset.only_if is not None:
        parts.append("some files only" if preset.else_ is None else "others otherwise")
    return ", ".join(part for part in parts if part != "none")


def _search(config: Path | None) -> list[Path]:
    return [Path("presets")] if config is None else [settings_of(config).settings.presets_dir]


def _row(name: str, path: Path, search: list[Path]) -> dict[str, str]:
    own = not path.is_relative_to(shipped("config/presets"))
    try:
        says = summary(load_file(path, search).preset)
    except ConfigError as error:
        says = f"wrong: {error.finding.message} [{error.finding.code}]"
    return {"name": name, "source": str(path) if own else "shipped", "summary": says}


def _wrong(path: Path, search: list[Path]) -> list[Finding]:
    try:
        named = load_file(path, search)
    except FramewatchError as error:
        return list(error.findings)
    return [named.locate(finding) for finding in check_preset(named.preset)]


def _facts(finding: Finding) -> dict[str, str]:
    return {
        "code": finding.code,
        "message": printable(finding.message),
        "hint": printable(finding.hint),
        "where": printable(finding.where),
    }
