"""`framewatch presets`: list, show and validate presets, and list the keys that they can have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from framewatch.cli import completion
from framewatch.cli.options import ConfigOption, JsonOption, load_configuration
from framewatch.cli.output import console, plain_table, print_finding, print_json, print_line
from framewatch.errors import ConfigError, Finding, FramewatchError
from framewatch.media.preset.library import PresetLibrary
from framewatch.media.preset.loader import load_file, load_preset
from framewatch.media.preset.preset import Preset
from framewatch.media.preset.schema import key_reference
from framewatch.media.rules.image_rules import is_image_preset
from framewatch.media.rules.preset_rules import check_preset
from framewatch.resources import shipped
from framewatch.text import printable

app = typer.Typer(
    help="List, show and validate presets, and list their keys.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_all(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List all presets, yours and the shipped ones.

    Yours are in presets/, or in the presets_dir of the configuration.

    \b
    Examples:
      framewatch presets list
      framewatch presets list --config framewatch.yaml --json
    """
    library = _library(config)
    rows = [_row(name, path, library) for name, path in sorted(library.by_name().items())]
    if as_json:
        print_json(rows)
        return
    cells = [(row["name"], row["source"], row["summary"]) for row in rows]
    console().print(plain_table(("preset", "source", "summary"), cells))


@app.command()
def keys(
    word: Annotated[str, typer.Argument(help="List only keys with this word in their name or description.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List the keys of presets, with defaults, allowed values and descriptions.

    \b
    Examples:
      framewatch presets keys
      framewatch presets keys audio
    """
    rows = [row for row in key_reference() if word.lower() in f"{row['key']} {row['description']}".lower()]
    if not rows:
        raise typer.BadParameter(f'no key has "{printable(word)}" in its name or description')
    if as_json:
        print_json(rows)
        return
    cells = [(row["key"], row["default"], row["values"], row["description"]) for row in rows]
    console().print(plain_table(("key", "default", "values", "what it does"), cells))


@app.command()
def show(
    preset: Annotated[
        str, typer.Argument(help="A preset's name or path.", show_default=False, autocompletion=completion.presets)
    ],
    config: ConfigOption = None,
    every: Annotated[bool, typer.Option("--all", help="Show the defaults too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a preset as YAML, merged with the presets that it extends. The output is a valid preset.

    \b
    Examples:
      framewatch presets show upscale-4k
      framewatch presets show ./mine.yaml --all
    """
    named = load_preset(preset, library=_library(config), base=Path(), where=printable(preset))
    document = as_document(named.preset, every=every)
    if as_json:
        print_json({"name": named.name, "source": named.source, "preset": document})
    else:
        print_line(f"# {named.name}, from {named.source}")
        console().print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), end="", soft_wrap=True)


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="Preset files.", metavar="FILE...", show_default=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check preset files. Lists all mistakes in them, and exits with 2 then.

    \b
    Examples:
      framewatch presets validate presets/*.yaml
      framewatch presets validate mine.yaml --json
    """
    library = _library(config)
    found = {path: _mistakes(path, library) for path in files}
    if as_json:
        print_json(
            [{"file": printable(path), "findings": [_document(each) for each in found[path]]} for path in found]
        )
    else:
        for path, findings in found.items():
            for finding in findings:
                print_finding(finding)
            if not findings:
                print_line(f"{path}: valid")
    if any(found.values()):
        raise typer.Exit(2)


def as_document(preset: Preset, *, every: bool = False) -> dict[str, Any]:
    """Return a preset as a user would write it; with `every`, with its defaults."""
    keys = preset.model_dump(mode="json", exclude={"extends", "else_"}, exclude_defaults=not every)
    kept = {key: value for key, value in keys.items() if value is not None}
    if preset.else_ is not None:
        kept["else"] = as_document(preset.else_, every=every)
    return kept


def summary(preset: Preset) -> str:
    """Describe in one line what a preset does."""
    parts: list[str]
    if is_image_preset(preset):
        parts = [preset.container, preset.ml_upscale]
    elif preset.processing_mode == "copy":
        parts = [preset.container, "copy"]
    else:
        parts = [preset.container, preset.ml_upscale, preset.video_codec, preset.audio_codec]
    if preset.only_if is not None:
        parts.append("some files only" if preset.else_ is None else "other files by another preset")
    return ", ".join(part for part in parts if part != "none")


def _library(config: Path | None) -> PresetLibrary:
    folder = Path("presets") if config is None else load_configuration(config).settings.presets_dir
    return PresetLibrary([folder])


def _row(name: str, path: Path, library: PresetLibrary) -> dict[str, str]:
    own = not path.is_relative_to(shipped("config/presets"))
    try:
        text = summary(load_file(path, library).preset)
    except ConfigError as error:
        text = f"invalid: {error.finding.message} [{error.finding.code}]"
    return {"name": name, "source": str(path) if own else "shipped", "summary": text}


def _mistakes(path: Path, library: PresetLibrary) -> list[Finding]:
    try:
        named = load_file(path, library)
    except FramewatchError as error:
        return list(error.findings)
    return [named.locate(finding) for finding in check_preset(named.preset)]


def _document(finding: Finding) -> dict[str, str]:
    return {
        "code": finding.code,
        "message": printable(finding.message),
        "hint": printable(finding.hint),
        "where": printable(finding.where),
    }
