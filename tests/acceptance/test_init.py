"""`framewatch init` writes a configuration that works, and replaces nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from framewatch.cli.init import folder_name
from harness import framewatch


def test_a_new_configuration_passes_the_check_and_is_never_replaced_unasked(tmp_path: Path) -> None:
    made = framewatch("init", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    config = tmp_path / "framewatch.yaml"
    assert "overwrite: false" in config.read_text()
    checked = framewatch("check", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert f"{tmp_path / 'in'} -> {tmp_path / 'out'} (anime-2x)" in checked.stdout

    config.write_text("mine")
    refused = framewatch("init", cwd=tmp_path)
    assert (refused.returncode, "[config.exists]" in refused.stderr) == (2, True)
    assert config.read_text() == "mine"
    share = tmp_path / "my films: 100%" / "in"
    share.mkdir(parents=True)
    forced = framewatch("init", "--force", "-i", share, "-o", "big", "-p", "upscale-4k", cwd=tmp_path)
    assert forced.returncode == 0, forced.stderr
    (folder,) = yaml.safe_load(config.read_text())["folders"]
    assert folder == {
        "name": "my-films-100",
        "input": str(share),
        "preset": "upscale-4k",
        "output": str(tmp_path / "big"),
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["framewatch.yaml", "in", "my films: 100%"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--input", "nowhere"], "folders.no_input"),
        (["--preset", "anim"], "preset.not_found"),
        (["--config", "/proc/framewatch.yaml", "--input", "."], "config.not_written"),
        (["--name", "a b"], "config.bad_value"),
    ],
)
def test_a_configuration_that_would_not_work_is_not_written(tmp_path: Path, arguments: list[str], code: str) -> None:
    result = framewatch("init", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert f"[{code}]" in result.stderr
    assert not (tmp_path / "framewatch.yaml").exists()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/nas/anime/in", "anime"),
        ("/nas/Old Films", "Old-Films"),
        ("/in", "videos"),
        ("/nas/映画", "videos"),
        (f"/{'x' * 90}", "x" * 64),
    ],
)
def test_the_folder_gets_its_name_from_the_path(path: str, name: str) -> None:
    assert folder_name(Path(path)) == name
