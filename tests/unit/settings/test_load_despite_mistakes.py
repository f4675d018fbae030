"""What `framewatch check` says about the rest of a configuration that has mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from framewatch.errors import ConfigError
from framewatch.service.daemon import check
from framewatch.settings.load import load_despite_mistakes

PRESET = {"preset": "upscale-4k"}


def write(tmp_path: Path, *folders: object, **keys: object) -> Path:
    path = tmp_path / "framewatch.yaml"
    own = {"state_dir": str(tmp_path / "state"), "work_dir": str(tmp_path / "work")}
    path.write_text(yaml.safe_dump(own | {"folders": list(folders)} | keys))
    return path


def findings(path: Path) -> set[tuple[str, str]]:
    """What is wrong: the code, and the key path."""
    with pytest.raises(ConfigError) as caught:
        check(path)
    return {(finding.code, finding.where.rpartition(": ")[2]) for finding in caught.value.findings}


def test_wrong_keys_do_not_hide_what_is_wrong_with_folders_and_presets(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    gone = {"name": "gone", "input": str(tmp_path / "gone" / "in"), "recursiv": True, "preset": "no-such"}
    here = {"name": "no name!", "input": str(tmp_path / "here"), "settle_seconds": "x", "preset": {"crf": "!"}}
    wrong = {
        ("config.unknown_key", "folders[0].recursiv"),
        ("config.bad_value", "folders[1].name"),
        ("config.bad_value", "folders[1].settle_seconds"),
        ("config.bad_value", "lanes"),
    }
    beside = {
        ("folders.no_input", "folders[0].input"),
        ("folders.no_parent", "folders[0].output"),
        ("preset.not_found", "folders[0].preset"),
        ("config.bad_value", "folders[1].preset.crf"),
    }
    assert findings(write(tmp_path, gone, here, lanes="many")) == wrong | beside


def test_nothing_is_said_about_what_a_mistake_leaves_open(tmp_path: Path) -> None:
    gone = {"name": "gone", "input": str(tmp_path / "gone" / "in"), "output": 5} | PRESET
    found = findings(write(tmp_path, {"name": "a"} | PRESET, gone, {"name": "b", "input": 7} | PRESET))
    assert {where for _, where in found} == {
        *("folders[0].input", "folders[1].output", "folders[1].input", "folders[2].input")
    }


@pytest.mark.parametrize("folders", ["none", [], [5], {}])
def test_a_document_without_folders_is_left_at_its_mistakes(tmp_path: Path, folders: object) -> None:
    path = write(tmp_path, folders=folders)
    assert load_despite_mistakes(path) is None
    assert {where.partition("[")[0] for _, where in findings(path)} == {"folders"}
