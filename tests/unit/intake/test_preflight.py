"""Which findings keep the daemon from starting, and which only hold a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from framewatch.errors import ConfigError
from framewatch.intake.preflight import Ready, preflight
from framewatch.settings import load_settings


def check(tmp_path: Path, *folders: dict[str, Any], known: frozenset[Path] = frozenset(), **options: Any) -> Ready:
    entries = []
    for number, folder in enumerate(folders):
        share = tmp_path / f"f{number}" / "in"
        share.mkdir(parents=True, exist_ok=True)
        entries.append({"name": f"f{number}", "input": str(share), "preset": "upscale-4k"} | folder)
    path = tmp_path / "framewatch.yaml"
    settings = {"state_dir": str(tmp_path / "state"), "work_dir": str(tmp_path / "work"), "folders": entries}
    path.write_text(yaml.safe_dump(settings))
    return preflight(load_settings(path), known=known, **options)


def refusal(tmp_path: Path, *folders: dict[str, Any], **options: Any) -> set[str]:
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, *folders, **options)
    return {finding.code for finding in caught.value.findings}


MISSING = {"preset": "no-such-preset"}


def test_a_named_preset_that_is_missing_holds_its_folder_unless_no_folder_can_run(tmp_path: Path) -> None:
    ready = check(tmp_path, {}, MISSING)
    assert (ready.presets["f0"] is not None, ready.presets["f1"]) == (True, None)
    assert refusal(tmp_path, MISSING, MISSING) == {"preset.not_found"}
    assert refusal(tmp_path, {}, MISSING, strict=True) == {"preset.not_found"}


def test_a_preset_in_the_configuration_is_a_part_of_it(tmp_path: Path) -> None:
    assert refusal(tmp_path, {}, {"preset": {"crf": "!"}}) == {"config.bad_value"}


def test_an_input_that_was_never_there_refuses_the_start_only_of_a_daemon_without_another_folder(
    tmp_path: Path,
) -> None:
    gone = tmp_path / "gone"
    assert refusal(tmp_path, {"input": str(gone / "in"), "output": str(tmp_path / "out")}) >= {"folders.no_input"}
    check(tmp_path, {}, {"input": str(gone / "in"), "output": str(tmp_path / "out")})


@pytest.mark.parametrize("kind", ["path", "extended"])
def test_what_is_missing_is_waited_for_while_the_daemon_runs_and_in_a_folder_that_was_in_use(
    tmp_path: Path, kind: str
) -> None:
    away = tmp_path / "away"
    preset = {"path": str(away / "preset.yaml"), "extended": {"extends": str(away / "preset.yaml")}}[kind]
    folder = {"input": str(away / "in"), "output": str(away / "out"), "preset": preset}
    assert refusal(tmp_path, folder) == {"folders.no_input", "folders.no_parent", "config.not_found"}
    assert check(tmp_path, folder, running=True).presets == {"f0": None}
    assert check(tmp_path, folder, known=frozenset({away / "in", away / "out"})).presets == {"f0": None}
    assert refusal(tmp_path, folder | MISSING, running=True) >= {"preset.not_found"}
    assert refusal(tmp_path, {}, folder | {"preset": {"crf": "!"}}, running=True) == {"config.bad_value"}


def test_what_a_stranger_puts_into_the_only_share_refuses_nothing(tmp_path: Path) -> None:
    share = tmp_path / "f0" / "in"
    share.mkdir(parents=True)
    (share / "framewatch-preset.yaml").write_text("crf: !!bool abc")
    check(tmp_path, {"preset": None})
    (tmp_path / "private").mkdir()
    (share / "done").symlink_to(tmp_path / "private")
    check(tmp_path, {"preset": None}, known=frozenset({share}))
    assert refusal(tmp_path, {"preset": None}, strict=True) == {"config.not_yaml", "folders.symlink"}


def test_a_preset_in_a_share_that_is_named_through_a_link_cannot_refer_to_files(tmp_path: Path) -> None:
    share = tmp_path / "f0" / "in"
    share.mkdir(parents=True)
    (share / "p.yaml").write_text("extends: /private/secret.yaml")
    (tmp_path / "presets").symlink_to(share)
    for spec in ("./presets/p.yaml", "p", str(share / "p.yaml")):
        assert refusal(tmp_path, {"preset": spec}) == {"preset.path_not_allowed"}


def test_an_overlap_that_a_link_makes_refuses_the_start_only_of_a_strict_check(tmp_path: Path) -> None:
    (tmp_path / "f1").mkdir()
    (tmp_path / "f1" / "out").symlink_to(tmp_path / "f0" / "in")
    check(tmp_path, {}, {})
    assert refusal(tmp_path, {}, {}, strict=True) == {"folders.overlap"}
    inside = {"output": str(tmp_path / "f0" / "in" / "out")}
    assert refusal(tmp_path, {}, {}, inside) == {"folders.overlap"}
