"""The state of each file: settling, taken or refused."""

from __future__ import annotations

from framewatch.intake.file_states import FileStates
from framewatch.intake.settle_tracker import Snapshot

FILE = Snapshot(1, 10, 100, 1_000)
NEWER = FILE._replace(mtime_ns=2_000)


def settled(roster: FileStates, path: str = "a", snapshot: Snapshot = FILE, now: float = 0) -> bool:
    roster.observe(path, snapshot, now)
    return roster.observe(path, snapshot, now + 5)


def test_a_taken_file_is_not_offered_again_while_the_same_version_is_there() -> None:
    roster = FileStates(5)
    assert settled(roster)
    roster.taken("a", FILE)
    assert not roster.observe("a", FILE, 100, rescan=True)
    assert (roster.settling_count, roster.refused_count, roster.next_due()) == (0, 0, None)


def test_a_new_version_of_a_taken_file_settles_and_is_offered() -> None:
    roster = FileStates(5)
    settled(roster)
    roster.taken("a", FILE)
    assert settled(roster, snapshot=NEWER, now=100)


def test_a_refused_file_is_offered_again_at_a_rescan_and_only_then() -> None:
    roster = FileStates(5)
    settled(roster)
    roster.refused("a", FILE)
    assert not roster.observe("a", FILE, 6)
    assert roster.due(1e9) == []
    assert roster.observe("a", FILE, 7, rescan=True)


def test_a_refused_file_that_changes_settles_again() -> None:
    roster = FileStates(5)
    settled(roster)
    roster.refused("a", FILE)
    assert not roster.observe("a", NEWER, 7, rescan=True)
    assert (roster.settling_count, roster.refused_count) == (1, 0)


def test_files_that_a_rescan_did_not_see_are_forgotten_unless_it_could_not_look() -> None:
    roster = FileStates(5)
    for path in ("gone", "there", "dark/a", "settling"):
        settled(roster, path)
    roster.taken("gone", FILE)
    roster.taken("dark/a", FILE)
    roster.refused("there", FILE)
    roster.retain({"there"}, lambda path: path.startswith("dark/"))
    assert [roster.knows(path) for path in ("gone", "there", "dark/a", "settling")] == [
        False,
        True,
        True,
        False,
    ]
    assert settled(roster, "gone", now=50)
