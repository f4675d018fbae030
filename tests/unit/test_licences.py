"""Every dependency's licence is known, is what the package itself states, and is one of the allowed ones."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tools import licences

KNOWN = licences.read()
LOCKED = sorted({name for lock in ("runtime", "cuda", "dev", "build") for name in licences.locked(lock)})
INSTALLED = {canonicalize_name(each.metadata["Name"]): each for each in distributions()}

# How packages without an SPDX expression state their licence, in a field or a classifier.
MEANING = {
    "Apache 2.0": "Apache-2.0",
    "OSI Approved :: Apache Software License": "Apache-2.0",
    "BSD-3": "BSD-3-Clause",
    "ISC License": "ISC",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


def stated(package: Distribution) -> str | None:
    metadata = package.metadata
    classifiers = [each for each in metadata.get_all("Classifier", []) if each.startswith("License ::")]
    found = [*metadata.get_all("License-Expression", []), *metadata.get_all("License", []), *classifiers]
    return MEANING.get(found[0], found[0]) if found else None


def foreign_files(package: Distribution) -> list[str]:
    """The names of shared libraries and programs in a wheel that are no extension modules of Python."""
    names = [Path(str(file)) for file in package.files or []]
    libraries = [path.name for path in names if re.search(r"^lib.*\.(so|dylib)\b", path.name)]
    programs = [path.name for path in names if path.parent.name == "binaries" and path.name.startswith("ffmpeg-")]
    return libraries + programs


def test_every_locked_package_is_listed_and_no_other() -> None:
    assert sorted(KNOWN.packages) == LOCKED


def test_every_licence_is_allowed_or_has_a_reason() -> None:
    assert list(KNOWN.refused()) == []


def test_nothing_else_under_the_gpl_is_imported_than_what_has_a_reason() -> None:
    refused = {each.key for each in KNOWN.bundled if not KNOWN.allows(each.licence)}
    assert refused == {"av/x264", "av/x265", "imageio-ffmpeg/the program ffmpeg"}


def test_no_reason_is_left_of_something_that_is_gone() -> None:
    assert set(KNOWN.accepted) <= {"NVIDIA", *KNOWN.packages, *(each.key for each in KNOWN.bundled)}


@pytest.mark.parametrize("name", sorted(set(LOCKED) & set(INSTALLED)))
def test_an_installed_package_states_the_listed_licence(name: str) -> None:
    assert stated(INSTALLED[name]) == KNOWN.packages[name]


@pytest.mark.parametrize("name", sorted(set(licences.locked("runtime")) & set(INSTALLED)))
def test_every_library_in_an_installed_wheel_is_listed(name: str) -> None:
    patterns = [pattern for each in KNOWN.bundled if each.package == name for pattern in each.files]
    unlisted = [file for file in foreign_files(INSTALLED[name]) if not any(fnmatch(file, each) for each in patterns)]
    assert unlisted == []


def test_the_libraries_of_a_wheel_are_found() -> None:
    assert any(file.startswith("libavcodec") for file in foreign_files(INSTALLED["av"]))
    assert any(file.startswith("ffmpeg-") for file in foreign_files(INSTALLED["imageio-ffmpeg"]))


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("MIT OR GPL-3.0-only AND Zlib", True),
        ("GPL-2.0-or-later", False),
    ],
)
def test_an_expression_is_allowed_if_allowed_licences_meet_it(expression: str, allowed: bool) -> None:
    assert KNOWN.allows(expression) is allowed


def test_the_page_is_up_to_date() -> None:
    assert licences.PAGE.read_text() == licences.page(KNOWN), "run `make licences`"
