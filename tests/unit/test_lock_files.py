"""The lock files name one version of every package, with hashes, that pyproject.toml allows."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
BUILD = [*PROJECT["build-system"]["requires"], *PROJECT["dependency-groups"]["build"]]
RUNTIME = PROJECT["project"]["dependencies"]
WANTED = {
    "runtime": RUNTIME,
    "cuda": [*RUNTIME, *EXTRAS["cuda"]],
    "dev": [*RUNTIME, *EXTRAS["dev"], *BUILD],
    "build": BUILD,
}
ENVIRONMENTS = [
    {"python_version": version, "python_full_version": f"{version}.0", "sys_platform": system}
    for version in ("3.11", "3.12", "3.13", "3.14")
    for system in ("linux", "darwin")
]


class Pin(NamedTuple):
    requirement: Requirement
    hashes: list[str]

    @property
    def version(self) -> str:
        (specifier,) = self.requirement.specifier
        assert specifier.operator == "=="
        return specifier.version


def pins(name: str) -> Iterator[Pin]:
    text = (ROOT / "requirements" / f"{name}.lock").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement, *hashes = re.split(r" +--hash=", line)
            yield Pin(Requirement(requirement), hashes)


@pytest.mark.parametrize("name", WANTED)
def test_every_package_has_one_version_and_the_hashes_of_its_files(name: str) -> None:
    found = list(pins(name))
    assert found
    for pin in found:
        assert pin.version
        assert pin.hashes, pin.requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in pin.hashes), pin.requirement


@pytest.mark.parametrize(
    "environment", ENVIRONMENTS, ids=lambda each: f"{each['python_version']}-{each['sys_platform']}"
)
@pytest.mark.parametrize("name", WANTED)
def test_what_pyproject_asks_for_is_there_in_a_version_that_it_allows(name: str, environment: dict[str, str]) -> None:
    locked: dict[str, str] = {}
    for pin in pins(name):
        if pin.requirement.marker is None or pin.requirement.marker.evaluate(environment):
            assert pin.requirement.name not in locked, "two versions for one environment"
            locked[pin.requirement.name] = pin.version
    for wanted in map(Requirement, WANTED[name]):
        version = locked.get(canonicalize_name(wanted.name))
        assert version is not None, f"{wanted.name} is missing: run `make lock`"
        assert wanted.specifier.contains(version), f"{wanted} is locked at {version}: run `make lock`"


def test_all_lock_files_agree() -> None:
    versions: dict[str, set[str]] = {}
    for name in ("runtime", "build", "cuda"):
        for pin in pins(name):
            versions.setdefault(str(pin.requirement).replace(pin.version, "VERSION"), set()).add(pin.version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", WANTED)
def test_no_package_index_is_named(name: str) -> None:
    assert "://" not in (ROOT / "requirements" / f"{name}.lock").read_text()
