"""When a file is settled, from snapshots, events and a clock that the tests control."""

from __future__ import annotations

from itertools import dropwhile, takewhile

from hypothesis import given
from hypothesis import strategies as st

from framewatch.intake.settle_tracker import SettleTracker, Snapshot

SETTLE = 5.0
FILE = Snapshot(device=1, inode=10, size=100, mtime_ns=1_000)


def test_a_file_settles_when_it_stays_the_same_for_the_settle_time() -> None:
    tracker = SettleTracker(SETTLE)
    assert not tracker.observe("a", FILE, 0)
    assert not tracker.observe("a", FILE, 4.9)
    assert tracker.observe("a", FILE, 5.0)


def test_a_single_snapshot_never_settles_a_file() -> None:
    assert not SettleTracker(0.1).observe("a", FILE, 1e9)


def test_each_change_of_size_time_or_inode_restarts_the_settle_time() -> None:
    changes = [{"size": 101}, {"mtime_ns": 999}, {"inode": 11}, {"device": 2}]
    for change in changes:
        tracker = SettleTracker(SETTLE)
        tracker.observe("a", FILE, 0)
        changed = FILE._replace(**change)
        assert not tracker.observe("a", changed, 6), change
        assert not tracker.observe("a", changed, 10.9), change
        assert tracker.observe("a", changed, 11), change


def test_an_mtime_in_the_future_or_the_past_does_not_matter() -> None:
    for mtime in (-1, 0, 2**62):
        tracker = SettleTracker(SETTLE)
        file = FILE._replace(mtime_ns=mtime)
        tracker.observe("a", file, 0)
        assert tracker.observe("a", file, 5)


def test_an_event_restarts_the_settle_time() -> None:
    tracker = SettleTracker(SETTLE)
    tracker.observe("a", FILE, 0)
    tracker.touch("a", 4)
    assert not tracker.observe("a", FILE, 8.9)
    assert tracker.observe("a", FILE, 9)


def test_an_event_about_an_unknown_file_changes_nothing() -> None:
    tracker = SettleTracker(SETTLE)
    tracker.touch("a", 3)
    assert len(tracker) == 0


def test_files_settle_independently() -> None:
    tracker = SettleTracker(SETTLE)
    for number in range(10):
        tracker.observe(str(number), FILE, number)
    assert tracker.next_due() == 5
    assert tracker.due(7) == ["0", "1", "2"]
    for path in tracker.due(7):
        tracker.forget(path)
    assert tracker.next_due() == 8


def test_a_forgotten_file_starts_again_and_leaves_nothing_behind() -> None:
    tracker = SettleTracker(SETTLE)
    tracker.observe("a", FILE, 0)
    tracker.forget("a")
    assert (len(tracker), tracker.next_due()) == (0, None)
    assert not tracker.observe("a", FILE, 100)


def test_a_snapshot_is_the_identity_that_jobs_keep() -> None:
    identity = FILE.identity()
    assert (identity.device, identity.inode, identity.size, identity.mtime_ns) == tuple(FILE)


STEPS = st.lists(
    st.tuples(
        st.floats(0, 4),  # seconds since the step before
        st.one_of(
            st.builds(
                lambda size, mtime: FILE._replace(size=size, mtime_ns=mtime),
                st.integers(0, 2),
                st.integers(0, 1),
            ),
            st.sampled_from(["touch", "forget"]),
        ),
    ),
    max_size=30,
)


@given(STEPS, st.floats(0.1, 6))
def test_settled_means_unchanged_and_without_events_for_the_whole_time(
    steps: list[tuple[float, Snapshot | str]], settle: float
) -> None:
    """Compare with the definition, evaluated over the whole history at each snapshot."""
    tracker = SettleTracker(settle)
    now = 0.0
    details: list[tuple[float, Snapshot | str]] = []
    for passed, step in steps:
        now += passed
        details.append((now, step))
        if step == "touch":
            tracker.touch("a", now)
        elif step == "forget":
            tracker.forget("a")
        elif isinstance(step, Snapshot):
            assert tracker.observe("a", step, now) == _settled(details, settle)


def _settled(details: list[tuple[float, Snapshot | str]], settle: float) -> bool:
    """The definition: since the first of the same looks, and since the last event after it."""
    now, last = details[-1]
    assert isinstance(last, Snapshot)
    same = list(takewhile(lambda step: step[1] in (last, "touch"), reversed(details)))[::-1]
    since_first_look = list(dropwhile(lambda step: step[1] == "touch", same))
    first_look, *_ = since_first_look
    events = [time for time, step in since_first_look if step == "touch"]
    quiet_since = max([first_look[0], *events])
    return now >= quiet_since + settle
