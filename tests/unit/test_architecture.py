"""The rooms of the house: imports point one way, and the map in ARCHITECTURE.md is true."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "daemon" / "framewatch"

# From the ground up: each may import only what stands before it (and itself).
ROOMS = [
    "__init__",
    "errors",
    "resources",
    "text",
    "domain",
    "documents",
    "threads",
    "storage",
    "upscale",
    "media",
    "settings",
    "render",
    "jobs",
    "intake",
    "service",
    "bench",
    "cli",
    "__main__",
]


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "framewatch":
                room = parts[1] if len(parts) > 1 and parts[1] in ROOMS else "__init__"
                yield room, node.lineno


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_the_rooms_below_it(path: Path) -> None:
    own = room_of(path)
    assert own in ROOMS, f"{own} has no place in the house"
    wrong = [
        f"{path.name}:{line} imports {room}"
        for room, line in imported_rooms(path)
        if ROOMS.index(room) > ROOMS.index(own)
    ]
    assert wrong == []


def test_upscale_imports_nothing_of_the_project_but_errors_and_resources() -> None:
    """So that the engines run on a machine that has numpy and one runtime, and nothing else of ours."""
    rooms = {room for path in PACKAGE.glob("upscale/*.py") for room, _ in imported_rooms(path)}
    assert rooms <= {"upscale", "errors", "resources", "__init__"}


def test_every_room_stands_in_the_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    missing = [room for room in ROOMS if not room.startswith("__") and f"`{room}" not in text]
    assert missing == []
