"""Which moved files are to be deleted."""

from __future__ import annotations

from pathlib import Path

from framewatch.library.retention import EARLIEST, Limit, MovedFile, to_delete, undated

NOW = EARLIEST + 1000
DAY = 86_400.0


def moved(name: str, age: float, size: int = 10) -> MovedFile:
    return MovedFile(Path(f"/done/{name}"), size, 0, NOW - age, "id")


def names(files: list[MovedFile]) -> list[str]:
    return [file.path.name for file in files]


def test_files_go_by_age_and_then_the_oldest_by_size() -> None:
    files = [moved("new", 1), moved("old", 9), moved("older", 20), moved("middle", 5)]
    assert names(to_delete(files, Limit(), NOW)) == []
    assert names(to_delete(files, Limit(seconds=8), NOW)) == ["older", "old"]
    assert names(to_delete(files, Limit(size=20), NOW)) == ["older", "old"]
    assert names(to_delete(files, Limit(seconds=8, size=10), NOW)) == ["older", "old", "middle"]
    assert names(to_delete(files, Limit(seconds=0, size=0), NOW)) == ["older", "old", "middle", "new"]


def test_a_time_that_cannot_be_right_says_nothing_about_age() -> None:
    files = [moved("right", 1), moved("1970", NOW - 5), moved("future", -3 * DAY)]
    assert names(undated(files, NOW)) == ["1970", "future"]
