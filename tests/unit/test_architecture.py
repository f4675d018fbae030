"""The structure of the code: imports point one way, folders stay small, and ARCHITECTURE.md names every package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "daemon" / "framewatch"
MODULES_PER_FOLDER = 15

# Code that handles files of shares. There a path may lead anywhere: only `storage.root` and descriptors reach a file.
SHARES = (
    *("intake", "jobs/publishing", "jobs/reporting", "jobs/progress_file.py", "jobs/source_check.py"),
    *("jobs/known_files.py", "service/folder_gate.py"),
    *("media/preset/preset_file.py", "media/preset/subtitle_file.py"),
)
BY_PATH = {
    "os": {"access", "chmod", "lstat", "mkdir", "open", "readlink", "remove", "rename", "replace", "stat", "unlink"},
    "os.path": {"exists", "getmtime", "getsize", "isdir", "isfile", "islink", "ismount", "lexists", "realpath"},
    "": {"chmod", "glob", "hardlink_to", "is_dir", "is_file", "is_symlink", "iterdir", "lstat", "mkdir", "read_bytes"}
    | {"read_text", "rglob", "rmdir", "samefile", "stat", "symlink_to", "unlink", "write_bytes", "write_text"},
}
NOT_IN_A_SHARE = {
    ("intake/folder_checks.py", "path.mkdir"),  # the state and work folders
    ("intake/folder_checks.py", "path.stat"),
    ("intake/scanner.py", "entry.stat"),  # of an open folder
    ("media/preset/subtitle_file.py", "os.path.isfile"),  # beside a preset that does not lie in a share
    ("jobs/publishing/publish.py", "folder.is_dir"),  # above a result in the work folder
}

# From the bottom up: each unit may import only what stands before it, and itself. A unit is a folder or, in a package
# that has sub-packages, each module beside them.
ORDER = [
    "errors",
    "resources",
    "text",
    "user_folders",
    "domain",
    "safe_yaml",
    "documents",
    "threads",
    "storage",
    "library",
    "upscale.frames",
    "upscale.network",
    "upscale.engine",
    "upscale.host",
    "upscale.memory_budget",
    "upscale.checks",
    "upscale.tiled_session",
    "upscale.identity",
    "upscale.ncnn",
    "upscale.openvino",
    "upscale.torch",
    "upscale.cuda",
    "upscale.selection",
    "upscale",
    "media.heartbeat",
    "media.process_bounds",
    "media.out_of_memory",
    "media.limits",
    "media.crash_signals",
    "media.icc",
    "media.image_files",
    "media.icc_embedding",
    "media.reading_cost",
    "media.filter_graph",
    "media.siting",
    "media.colour",
    "media.timeline",
    "media.containers",
    "media.inventory",
    "media.preset",
    "media.encoders",
    "media.iso_files",
    "media.matroska_files",
    "media.damage",
    "media.bitstreams",
    "media.clock",
    "media.frame_messages",
    "media.probe",
    "media.rules",
    "media.filters",
    "media.plan",
    "media.decode",
    "media.commands",
    "media.ffmpeg",
    "media",
    "settings",
    "render",
    "jobs.naming",
    "jobs.progress_file",
    "jobs.source_check",
    "jobs.stored_preset",
    "jobs.main_title",
    "jobs.work_folder",
    "jobs.lifecycle",
    "jobs.store",
    "jobs.known_files",
    "jobs.gpu",
    "jobs.attempt",
    "jobs.publishing",
    "jobs.reporting",
    "jobs.scheduling",
    "jobs",
    "intake",
    "service",
    "bench",
    "cli",
    "__main__",
]


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def folders() -> list[Path]:
    return sorted({path.parent for path in modules()})


def name_of(path: Path) -> str:
    """A module's dotted name below `framewatch`."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


def unit_of(name: str) -> str:
    """The unit that a module belongs to: the longest beginning of its name that stands in `ORDER`."""
    parts = name.split(".")
    found = next((unit for n in range(len(parts), 0, -1) if (unit := ".".join(parts[:n])) in ORDER), None)
    assert found is not None, f"{name} has no place in ORDER"
    return found


KNOWN = {name_of(path) for path in modules()}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """The modules of the project that a module imports, with the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("framewatch."):
                inner = name.removeprefix("framewatch.")
                while inner and inner not in KNOWN:
                    inner = inner.rpartition(".")[0]
                if inner:
                    yield inner, node.lineno


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_units_below_its_own(path: Path) -> None:
    name = name_of(path)
    if not name:  # the package itself imports nothing of the project
        assert list(imports(path)) == []
        return
    own = unit_of(name)
    wrong = [
        f"{path.name}:{line} imports {imported}"
        for imported, line in imports(path)
        if ORDER.index(unit_of(imported)) > ORDER.index(own)
    ]
    assert wrong == []


def test_modules_of_one_unit_import_each_other_without_a_cycle() -> None:
    graph = {name_of(path): {imported for imported, _ in imports(path)} for path in modules()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"import cycle: {' -> '.join((*way, name))}"
        if name not in done:
            for other in graph.get(name, set()) - {name}:
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_every_place_in_the_order_exists() -> None:
    names = {name_of(path) for path in modules()} | {name_of(path / "__init__.py") for path in folders()}
    assert set(ORDER) <= names


def test_upscale_needs_nothing_of_the_project_but_these_modules() -> None:
    """So that the engines run on a machine that has numpy and one runtime, and nothing else of ours."""
    found = {imported for path in PACKAGE.glob("upscale/**/*.py") for imported, _ in imports(path)}
    assert {name.split(".")[0] for name in found} <= {"upscale", "errors", "resources", "user_folders"}


def calls_by_path(path: Path) -> Iterator[str]:
    """The calls in a module that look for a file by its path."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, name = ast.unparse(node.func.value), node.func.attr
            by_descriptor = {"dir_fd", "src_dir_fd"} & {keyword.arg for keyword in node.keywords}
            if name in BY_PATH.get(owner, BY_PATH[""]) and not by_descriptor:
                yield f"{owner}.{name}"


def test_files_of_shares_are_never_reached_by_a_path() -> None:
    found = {
        (relative, call)
        for path in modules()
        if (relative := path.relative_to(PACKAGE).as_posix()).startswith(SHARES)
        for call in calls_by_path(path)
    }
    assert found == NOT_IN_A_SHARE


@pytest.mark.parametrize("folder", folders(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_folder_has_at_most_15_modules(folder: Path) -> None:
    found = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(found) <= MODULES_PER_FOLDER


def test_architecture_md_names_every_package() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    packages = {unit.split(".")[0] for unit in ORDER if not unit.startswith("__")}
    assert [name for name in sorted(packages) if f"`{name}" not in text] == []
