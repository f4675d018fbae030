"""`framewatch upscale` keeps what it has finished, and writes where the user says."""

from __future__ import annotations

from pathlib import Path

import yaml

from harness import framewatch

ENGINE = ("--engine", "identity")


def preset(folder: Path) -> Path:
    path = folder / "preset.yaml"
    path.write_text(yaml.safe_dump({"ml_upscale": "esrgan-2x", "preset": "ultrafast"}))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_restart_begins_anew_and_leaves_nothing(tmp_path: Path, clip: Path) -> None:
    command = ("upscale", clip, "-p", preset(tmp_path), *ENGINE, "-o", tmp_path / "b.mp4")
    assert framewatch(*command, "--restart", "--resume").returncode == 2
    assert framewatch(*command, "--restart").returncode == 0
    assert sorted(path for path in names(tmp_path) if path.startswith((".", "b"))) == ["b.mp4"]


def test_a_relative_output_is_written_where_the_user_says(tmp_path: Path, clip: Path) -> None:
    here, out = tmp_path / "here", tmp_path / "out"
    here.mkdir()
    out.mkdir()
    (tmp_path / "link").symlink_to(out)
    arguments = ("upscale", clip, "-p", preset(tmp_path), *ENGINE, "-o", "../link/-x.mp4")
    result = framewatch(*arguments, cwd=here)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(out / "-x.mp4"))
    assert names(out) == ["-x.mp4"]
