"""The state of each file: settling, taken or refused."""

from __future__ import annotations

from framewatch.intake.file_states import FileStates
from framewatch.intake.settle_tracker import Snapshot

FILE = Snapshot(1, 10, 100, 1_000)
NEWER = FILE._replace(mtime_ns=2_000)


def settled(states: FileStates, path: str = "a", snapshot: Snapshot = FILE, now: float = 0) -> bool:
    states.observe(path, snapshot, now)
    return states.observe(path, snapshot, now + 5)


def test_a_taken_file_is_not_offered_again_while_the_same_version_is_there() -> None:
    states = FileStates(5)
    assert settled(states)
    states.taken("a", FILE)
    assert not states.observe("a", FILE, 100, rescan=True)
    assert (states.settling_count, states.refused_count, states.next_due()) == (0, 0, None)


def test_a_new_version_of_a_taken_file_settles_and_is_offered() -> None:
    states = FileStates(5)
    settled(states)
    states.taken("a", FILE)
    assert settled(states, snapshot=NEWER, now=100)


def test_a_refused_file_is_offered_again_at_a_rescan_and_only_then() -> None:
    states = FileStates(5)
    settled(states)
    states.refused("a", FILE)
    assert not states.observe("a", FILE, 6)
    assert states.due(1e9) == []
    assert states.observe("a", FILE, 7, rescan=True)


def test_a_refused_file_that_changes_settles_again() -> None:
    states = FileStates(5)
    settled(states)
    states.refused("a", FILE)
    assert not states.observe("a", NEWER, 7, rescan=True)
    assert (states.settling_count, states.refused_count) == (1, 0)


def test_files_that_a_rescan_did_not_see_are_forgotten_unless_it_could_not_look() -> None:
    states = FileStates(5)
    for path in ("gone", "there", "dark/a", "settling"):
        settled(states, path)
    states.taken("gone", FILE)
    states.taken("dark/a", FILE)
    states.refused("there", FILE)
    states.retain({"there"}, lambda path: path.startswith("dark/"))
    assert [states.knows(path) for path in ("gone", "there", "dark/a", "settling")] == [
        False,
        True,
        True,
        False,
    ]
    assert settled(states, "gone", now=50)


def test_a_file_that_was_left_alone_is_counted_and_offered_again_only_in_a_new_version() -> None:
    states = FileStates(5)
    settled(states, "a")
    states.left_alone("a", FILE)
    assert states.left_alone_count == 1
    assert not states.observe("a", FILE, 100, rescan=True)
    assert not states.observe("a", NEWER, 101)
    assert states.observe("a", NEWER, 107)
    assert states.left_alone_count == 0
