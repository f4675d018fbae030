"""Overlapping folders are rejected, by whatever path they are configured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from framewatch.intake.folder_overlap import OVERLAP, find_overlaps, locate, split_overlaps
from framewatch.settings import FolderSettings, Settings


@pytest.fixture
def nas(tmp_path: Path) -> Path:
    """/nas with two inputs that exist, and one link to the first."""
    for name in ("a", "b"):
        (tmp_path / name / "in").mkdir(parents=True)
    (tmp_path / "alias").symlink_to(tmp_path / "a" / "in")
    return tmp_path


def settings(nas: Path, *folders: dict[str, Any], **own: str) -> Settings:
    return Settings(
        **{"state_dir": Path("/srv/state"), "work_dir": Path("/srv/work")}
        | {key: nas / value for key, value in own.items()},
        folders=tuple(
            FolderSettings(
                name=f"f{number}",
                **{key: nas / value if isinstance(value, str) else value for key, value in folder.items()},
            )
            for number, folder in enumerate(folders)
        ),
    )


A = {"input": "a/in"}
B = {"input": "b/in"}


@pytest.mark.parametrize(
    ("folders", "own"),
    [
        ([A], {}),
        ([A, B], {}),
        ([A, B | {"output": "a/out"}], {}),  # one output for two inputs: free names are chosen
        ([A | {"done": "done", "failed": "failed"}, B | {"done": "done", "failed": "failed"}], {}),
        ([A | {"output": "a/in-2x"}], {}),  # a common beginning is not inside
        ([A | {"output": "a/out", "done": "a/out/originals"}], {}),
        ([A | {"recursive": False}, {"input": "a/in/sub", "output": "b/out"}], {}),
        ([A | {"recursive": False, "output": "a"}], {}),  # nothing written there can come below a/in
        ([A], {"state_dir": "a/state", "work_dir": "a/work"}),
    ],
)
def test_separate_folders_are_accepted(nas: Path, folders: list[dict[str, Any]], own: dict[str, str]) -> None:
    assert find_overlaps(settings(nas, *folders, **own)) == ()


# Folders, daemon folders, and what is said: code, where, and the other key in the message.
REFUSED: list[tuple[list[dict[str, Any]], dict[str, str], str, str, str]] = [
    ([A, A], {}, "folders.same_input", "folders[1].input", "folders[0].input"),
    ([A, {"input": "alias"}], {}, "folders.same_input", "folders[1].input", "folders[0].input"),
    (
        [A, {"input": "a/in/sub", "output": "b/out", "done": "b/d", "failed": "b/f"}],
        {},
        "folders.nested_input",
        "folders[1].input",
        "folders[0].input",
    ),
    (
        [{"input": "alias/sub", "output": "b/out", "done": "b/d", "failed": "b/f"}, A],
        {},
        "folders.nested_input",
        "folders[0].input",
        "folders[1].input",
    ),
    ([A | {"output": "a/in"}], {}, "folders.overlap", "folders[0].output", "folders[0].input"),
    ([A | {"output": "a/in/out"}], {}, "folders.overlap", "folders[0].output", "folders[0].input"),
    (
        [A | {"output": "alias/out", "recursive": False}],
        {},
        "folders.overlap",
        "folders[0].output",
        "folders[0].input",
    ),
    ([A | {"output": "a"}], {}, "folders.overlap", "folders[0].output", "folders[0].input"),
    ([A | {"done": "alias"}], {}, "folders.overlap", "folders[0].done", "folders[0].input"),
    ([A | {"failed": "a/in"}], {}, "folders.overlap", "folders[0].failed", "folders[0].input"),
    ([A | {"done": "a/out"}], {}, "folders.overlap", "folders[0].done", "folders[0].output"),
    ([A | {"failed": "a/out"}], {}, "folders.overlap", "folders[0].failed", "folders[0].output"),
    ([A | {"failed": "a/in/done"}], {}, "folders.overlap", "folders[0].failed", "folders[0].done"),
    ([A, B | {"output": "alias/deep"}], {}, "folders.overlap", "folders[1].output", "folders[0].input"),
    ([A, B | {"output": "a/in"}], {}, "folders.overlap", "folders[1].output", "folders[0].input"),
    ([A, B | {"done": "a/in/done2"}], {}, "folders.overlap", "folders[1].done", "folders[0].input"),
    ([A | {"failed": "b/in/x"}, B], {}, "folders.overlap", "folders[0].failed", "folders[1].input"),
    ([A | {"output": "b"}, B], {}, "folders.overlap", "folders[0].output", "folders[1].input"),
    ([A], {"state_dir": "a/in/state"}, "folders.overlap", "state_dir", "folders[0].input"),
    (
        [A | {"recursive": False}],
        {"work_dir": "alias/w"},
        "folders.overlap",
        "work_dir",
        "folders[0].input",
    ),
    ([A], {"work_dir": "a/out"}, "folders.overlap", "folders[0].output", "work_dir"),
    (
        [A | {"failed": "b/s/x"}],
        {"state_dir": "b/s"},
        "folders.overlap",
        "folders[0].failed",
        "state_dir",
    ),
]


@pytest.mark.parametrize(("folders", "own", "said"), [(case[0], case[1], case[2:]) for case in REFUSED])
def test_overlapping_folders_are_rejected_with_both_keys(
    nas: Path, folders: list[dict[str, Any]], own: dict[str, str], said: tuple[str, str, str]
) -> None:
    code, where, other = said
    found = find_overlaps(settings(nas, *folders, **own))
    hit = [finding for finding in found if finding.where == where and other in finding.message]
    assert [finding.code for finding in hit] == [code], "\n".join(map(str, found))
    assert hit[0].hint


def test_all_overlaps_are_reported_at_once_with_their_lines(nas: Path) -> None:
    wrong = settings(nas, A | {"output": "a/in/out"}, B | {"done": "b/out"}, A, work_dir="b/in/work")
    found = find_overlaps(wrong, where=lambda path: f"file.yaml:{len(path)}: {path[-1]}")
    expected = {"file.yaml:3: output", "file.yaml:3: done", "file.yaml:1: work_dir"}
    assert {finding.where for finding in found} >= expected
    assert {finding.code for finding in found} == {"folders.overlap", "folders.same_input"}


def test_an_overlap_concerns_the_folder_with_the_link_whether_or_not_a_third_answers(nas: Path) -> None:
    (nas / "b" / "out").symlink_to(nas / "a" / "in")
    places = [{key: f"{name}/{key}" for key in ("output", "done", "failed")} for name in ("a", "b", "dead")]
    folders = settings(nas, A | places[0], B | places[1] | {"output": "b/out"}, {"input": "dead/in"} | places[2])
    located = [locate(number, folders.folders[number]) for number in (0, 1)]
    plain, linked = split_overlaps(located, folders)
    assert plain == []
    assert {number: {finding.code for finding in found} for number, found in linked.items()} == {1: {OVERLAP}}


def test_an_overlap_by_name_is_found_though_the_other_folder_does_not_answer(nas: Path) -> None:
    folders = settings(nas, A, B | {"output": "a/in/out"})
    plain, _ = split_overlaps([locate(1, folders.folders[1])], folders)
    assert {finding.code for finding in plain} == {OVERLAP}
