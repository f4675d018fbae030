"""The weights are found in order of their folders, and only the right files are used."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from framewatch.errors import ModelMissingError
from framewatch.upscale.network import weights
from framewatch.upscale.network.install import install_models
from framewatch.upscale.network.network import Network

FILE = "realesr-animevideov3.bin"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder for the user; the environment names no other."""
    monkeypatch.delenv(weights.ENVIRONMENT, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "framewatch" / "models"


def code_of(error: pytest.ExceptionInfo[ModelMissingError]) -> str:
    return error.value.finding.code


def test_every_mode_loads_the_same_network() -> None:
    networks = [weights.load(mode) for mode in weights.SCALES]
    assert [network.features for network in networks] == [64, 64, 64]
    assert {network.receptive_field for network in networks} == {18}
    assert len({network.raw for network in networks}) == 1


def test_the_error_for_missing_weights_names_the_file_and_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weights, "package_file", lambda model: None)
    with pytest.raises(ModelMissingError) as caught:
        weights.load("esrgan-2x")
    assert code_of(caught) == "models.missing"
    assert caught.value.finding.message == (
        f"ML upscaling models are missing for 'esrgan-2x': {FILE}. Run `framewatch models install`."
    )
    (status,) = weights.verify_models()
    assert status.path is None
    assert status.finding is not None


def test_the_users_file_comes_before_the_packages_and_a_wrong_one_is_an_error(folders: Path) -> None:
    (path,) = install_models()
    assert path == folders / FILE
    (status,) = weights.verify_models()
    assert (status.path, status.finding) == (path, None)
    raw = bytearray(path.read_bytes())
    raw[5000] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ModelMissingError) as caught:
        weights.load("esrgan-4x")
    assert code_of(caught) == "models.corrupt"
    for part in (str(path), hashlib.sha256(raw).hexdigest(), weights.list_models()[0].sha256):
        assert part in caught.value.finding.message
    assert weights.verify_models()[0].finding == caught.value.finding


def test_the_error_for_a_cut_off_file_names_both_sizes(folders: Path) -> None:
    (path,) = install_models()
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelMissingError, match="it has 1000 bytes, not 1247368"):
        weights.load("esrgan-2x")


def test_the_folder_in_the_environment_comes_first(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_models()
    monkeypatch.setenv(weights.ENVIRONMENT, str(tmp_path / "named"))
    assert weights.verify_models()[0].path == folders / FILE
    (path,) = install_models()
    assert path == tmp_path / "named" / FILE
    assert weights.verify_models()[0].path == path


def test_the_users_own_model_is_found_by_its_manifest(folders: Path, small_network: Network) -> None:
    folders.mkdir(parents=True)
    entry = {
        "name": "mine",
        "file": "mine.bin",
        "sha256": hashlib.sha256(small_network.raw).hexdigest(),
        "size": len(small_network.raw),
        "licence": "CC0-1.0",
        "origin": "trained here",
        "scales": [4],
        "features": 8,
        "depth": 2,
    }
    (folders / weights.MANIFEST).write_text(yaml.safe_dump({"models": [entry]}))
    (folders / "mine.bin").write_bytes(small_network.raw)
    network = weights.load("esrgan-4x", "mine")
    assert network.receptive_field == 4
    with pytest.raises(ModelMissingError) as caught:
        weights.load("esrgan-2x", "mine")
    assert code_of(caught) == "models.unknown"


@pytest.mark.parametrize(
    "text",
    ["models: 3", "models: [{name: x}]", "- 1", "models: [{", "models: [{name: a, file: ../a, scales: [2]}]"],
)
def test_the_error_for_an_invalid_manifest_names_the_file(folders: Path, text: str) -> None:
    folders.mkdir(parents=True)
    (folders / weights.MANIFEST).write_text(text)
    with pytest.raises(ModelMissingError) as caught:
        weights.list_models()
    assert code_of(caught) == "models.bad_manifest"
    assert str(folders) in caught.value.finding.message


def test_a_manifest_cannot_name_a_file_in_another_folder(folders: Path) -> None:
    folders.mkdir(parents=True)
    entry = vars_of_shipped() | {"name": "other", "file": "../other.bin"}
    (folders / weights.MANIFEST).write_text(yaml.safe_dump({"models": [entry]}))
    with pytest.raises(ModelMissingError, match="a plain file name"):
        weights.list_models()


def vars_of_shipped() -> dict[str, object]:
    path = Path(__file__).parents[4] / "models" / weights.MANIFEST
    entry: dict[str, object] = yaml.safe_load(path.read_text())["models"][0]
    return entry
