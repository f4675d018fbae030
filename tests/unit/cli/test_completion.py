"""The shell is offered presets, jobs, folders and engines, and nothing where something is wrong."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest
import typer
import yaml

from framewatch.cli import completion
from framewatch.cli.options import offered
from framewatch.domain import JobState
from framewatch.jobs.store.store import Store
from framewatch.settings.fields import EngineName
from harness import COMMAND
from job_factory import MakeJob


@pytest.fixture
def config(tmp_path: Path, make_job: MakeJob) -> Path:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "anime-mine.yaml").write_text("extends: anime\n")
    path = tmp_path / "framewatch.yaml"
    folders = [{"name": name, "input": str(tmp_path / name)} for name in ("anime", "films")]
    path.write_text(yaml.safe_dump({"state_dir": str(tmp_path), "folders": folders}))
    with Store.open(tmp_path / "framewatch.db") as store:
        store.add(make_job(id="aaaa", state=JobState.FAILED, relative=Path("a.mkv"), ended_at=1.0))
        store.add(make_job(id="aabb", source=Path("/in/b.mkv"), relative=Path("b.mkv")))
    return path


def context(command: str, config: Path | None, **params: Any) -> typer.Context:
    return cast("typer.Context", SimpleNamespace(info_name=command, params={"config": config} | params))


def test_presets_are_offered_by_name_and_by_path(config: Path) -> None:
    offered = completion.presets(context("upscale", config), "anime")
    assert sorted(map(str, offered)) == ["anime", "anime-2x", "anime-mine"]
    folder = config.parent / "presets"
    assert completion.presets(context("upscale", config), f"{folder}/") == [f"{folder}/anime-mine.yaml"]
    assert completion.presets(context("upscale", config), f"{config.parent}/p") == [f"{folder}/"]


def test_a_command_is_offered_the_jobs_that_it_is_for(config: Path) -> None:
    assert completion.jobs(context("retry", config), "a") == [("aaaa", "failed: a.mkv")]
    assert completion.jobs(context("cancel", config), "a") == [("aabb", "queued: b.mkv")]
    assert completion.jobs(context("cancel", config, jobs=["aabb"]), "a") == []
    assert completion.jobs(context("retry", config), "x") == []


def test_no_name_of_a_file_makes_the_shell_run_something(config: Path, make_job: MakeJob) -> None:
    name = "a\\$(touch x)\\`id`\x1b]0;\n'\"{1..9}\u202e\udce9.mkv"
    with Store.open(config.parent / "framewatch.db") as store:
        store.add(make_job(id="bbbb", source=Path("/in/c.mkv"), relative=Path(name)))
    [(word, shown)] = completion.jobs(context("cancel", config), "b")
    assert word == "bbbb"
    assert not set(shown) & set("\\$`()'\"{}\x1b\n;\u202e\udce9")
    (config.parent / "presets" / "x$(id).yaml").write_text("extends: anime\n")
    assert completion.presets(context("upscale", config), f"{config.parent}/presets/x") == []
    assert not any("$" in str(offer) for offer in completion.presets(context("upscale", config), ""))


def test_folders_and_engines_are_offered(config: Path) -> None:
    assert [name for name, _ in completion.folders(context("pause", config), "f")] == ["films"]
    assert offered("o", get_args(EngineName)) == ["openvino"]


@pytest.mark.parametrize("text", [None, "folders: [", "\0"])
def test_what_cannot_be_read_offers_nothing(config: Path, text: str | None) -> None:
    wrong = config.with_name("wrong.yaml")
    if text is not None:
        wrong.write_text(text)
    assert completion.jobs(context("retry", wrong), "") == []
    assert completion.folders(context("pause", wrong), "") == []
    assert "film" in completion.presets(context("upscale", wrong), "")
    (config.parent / "framewatch.db").write_bytes(b"no database")
    assert completion.jobs(context("retry", config), "") == []


def test_the_installed_command_answers_the_shell_and_prints_no_error(config: Path) -> None:
    def ask(line: str) -> tuple[list[str], str]:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        environment = os.environ | {"_FRAMEWATCH_COMPLETE": "complete_bash"} | words
        ran = subprocess.run([COMMAND], env=environment, capture_output=True, text=True, timeout=60, check=False)
        return ran.stdout.split(), ran.stderr

    assert ask("framewatch stat") == (["status"], "")
    assert ask(f"framewatch retry --config {config} ") == (["aaaa"], "")
    assert ask("framewatch retry --config /nowhere ") == ([], "")
