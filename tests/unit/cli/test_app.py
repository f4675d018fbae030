"""The command line imports what a command needs, and no more."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from framewatch.cli.app import app

HEAVY = ("numpy", "av", "openvino", "ncnn", "torch", "watchdog")


def imported_by(*arguments: str) -> set[str]:
    """Return the modules that are loaded after a command has run."""
    code = "import sys; from framewatch.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    argv = [sys.executable, "-c", code, *arguments]
    return set(subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stderr.split())


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["status", "--config", "config/framewatch.yaml"], ["statu"]]
)
def test_a_light_command_does_not_import_what_rendering_needs(arguments: list[str]) -> None:
    found = imported_by(*arguments)
    assert "framewatch.cli.app" in found
    assert found.isdisjoint(HEAVY)


def test_the_help_lists_every_command_with_the_first_sentence_of_its_help() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    listing = " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())
    for name, command in group.commands.items():
        sentence = " ".join((command.help or "").split()).split(". ")[0].rstrip(".")
        assert f"{name} {sentence}." in listing


def test_a_mistyped_command_is_answered_with_the_right_one() -> None:
    result = CliRunner().invoke(app, ["statu"])
    assert result.exit_code == 2
    assert "status" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["schema", "foo"], "Invalid value for 'kind': 'foo' is not one of 'config', 'preset', 'progress', 'bench'"),
        (["presets", "keys", "nosuch"], 'no key has "nosuch" in its name or description'),
    ],
)
def test_a_wrong_word_is_an_error_in_plain_words(arguments: list[str], said: str) -> None:
    code = "import sys; from framewatch.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert done.stderr.endswith("[usage.invalid]\n")
