"""Model files are checked before they are installed, and installed in one step."""

from __future__ import annotations

from pathlib import Path

import pytest

from framewatch.errors import ModelMissingError, StorageError
from framewatch.upscale.network import weights
from framewatch.upscale.network.install import install_models

FILE = "realesr-animevideov3.bin"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty data folder for the user; the environment names no other."""
    monkeypatch.delenv(weights.ENVIRONMENT, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def test_a_file_or_folder_is_checked_before_anything_is_installed_from_it(tmp_path: Path) -> None:
    (origin,) = install_models(into=tmp_path / "origin")
    into = tmp_path / "into"
    assert install_models(origin, into) == install_models(origin.parent, into) == (into / FILE,)
    wrong = tmp_path / "wrong.bin"
    wrong.write_bytes(origin.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelMissingError) as caught:
        install_models(wrong, into)
    assert caught.value.finding.code == "models.corrupt"
    assert [path.name for path in into.iterdir()] == [FILE]
    assert (into / FILE).read_bytes() == origin.read_bytes()


def test_the_error_for_an_empty_folder_names_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match=f"{FILE} is not in"):
        install_models(tmp_path, tmp_path / "into")


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError):
        install_models(into=tmp_path / "file")
