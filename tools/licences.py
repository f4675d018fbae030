"""Write docs/licences.md from requirements/licences.yaml and the lock files: `python -m tools.licences`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
_LOCKS = ROOT / "requirements"
_NVIDIA = "LicenseRef-NVIDIA-Proprietary"
_INTRODUCTION = """# Licences

framewatch is licensed under Apache-2.0, the weights of its network under BSD-3-Clause (see [models](../models)). This
page lists the packages that it is used with, direct dependencies and theirs, with licences as SPDX names them.
`make licences` makes it from [requirements/licences.yaml](../requirements/licences.yaml). A test compares that file
with the lock files, with the licences that the installed packages state, and with the libraries in their wheels. A
licence that is not on its list needs a reason there."""


@dataclass(frozen=True)
class Bundled:
    """Software of others in the wheels of a package."""

    package: str
    name: str
    files: tuple[str, ...]  # patterns of file names
    licence: str  # an SPDX expression

    @property
    def key(self) -> str:
        """Its name under `accepted`."""
        return f"{self.package}/{self.name}"


@dataclass(frozen=True)
class Licences:
    """The content of requirements/licences.yaml."""

    allowed: frozenset[str]
    packages: Mapping[str, str]  # SPDX expressions
    bundled: tuple[Bundled, ...]
    accepted: Mapping[str, str]  # reasons

    def allows(self, expression: str) -> bool:
        """Return whether an SPDX expression without parentheses can be met with allowed licences."""
        choices = (choice.split(" AND ") for choice in expression.split(" OR "))
        return any(self.allowed.issuperset(together) for together in choices)

    def refused(self) -> Iterator[str]:
        """Yield what has a licence that is neither allowed nor accepted with a reason."""
        for name, expression in self.packages.items():
            key = "NVIDIA" if expression == _NVIDIA else name
            if not self.allows(expression) and key not in self.accepted:
                yield f"{name}: {expression}"
        for each in self.bundled:
            if not self.allows(each.licence) and each.key not in self.accepted:
                yield f"{each.key}: {each.licence}"


def read() -> Licences:
    """Read requirements/licences.yaml."""
    data: dict[str, Any] = yaml.safe_load((_LOCKS / "licences.yaml").read_text(encoding="utf-8"))
    bundled = tuple(
        Bundled(package, each["name"], tuple(each["files"]), each["licence"])
        for package, group in data["bundled"].items()
        for each in group
    )
    return Licences(frozenset(data["allowed"]), data["packages"], bundled, data["accepted"])


def locked(name: str) -> list[str]:
    """Return the names of the packages in a lock file."""
    text = (_LOCKS / f"{name}.lock").read_text(encoding="utf-8")
    return sorted(set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE)))


def page(licences: Licences) -> str:
    """Return the text of docs/licences.md."""
    runtime, build = locked("runtime"), locked("build")
    sections = {
        "What framewatch imports": runtime,
        "In addition, with the extra `cuda`": [name for name in locked("cuda") if name not in runtime],
        "What builds and tests framewatch": [name for name in {*locked("dev"), *build} if name not in runtime],
    }
    lines = [_INTRODUCTION]
    for heading, names in sections.items():
        lines += ["", f"## {heading}", "", "| package | licence |", "|---|---|"]
        lines += [f"| {name} | {licences.packages[name]} |" for name in sorted(names)]
    lines += ["", "## What is inside their wheels", "", "On Linux; wheels for macOS have fewer.", ""]
    lines += ["| package | contains | licence |", "|---|---|---|"]
    lines += [f"| {each.package} | {each.name} | {each.licence} |" for each in licences.bundled]
    lines += ["", "## Other licences than the allowed ones", ""]
    lines += [f"- {name}: {' '.join(reason.split())}" for name, reason in licences.accepted.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(read()), encoding="utf-8")
