"""How long files wait to be taken, and when that is told."""

from __future__ import annotations

from framewatch.intake.settle_tracker import Snapshot
from framewatch.intake.settling.patience import Patience

OLD, NEW = Snapshot(1, 2, 30, 4), Snapshot(1, 2, 30, 5)


def test_an_unfilled_file_is_given_its_time_after_each_change() -> None:
    patience = Patience("anime", 50)
    assert patience.waits_for("a.mkv", OLD, 0)
    assert patience.waits_for("a.mkv", OLD, 49)
    assert patience.waits_for("a.mkv", NEW, 49)
    assert patience.waits_for("a.mkv", NEW, 98)
    assert not patience.waits_for("a.mkv", NEW, 99)
    finding = patience.finding(99)
    assert finding is not None
    assert finding.code == "folder.incomplete"
    patience.update((), 100)
    assert patience.finding(100) is None


def test_a_file_that_never_settles_is_told_for_as_long_as_it_waits() -> None:
    patience = Patience("anime", 50)
    for now in (0, 100):
        patience.update(("a.mkv", "b.mkv"), now)
        assert patience.finding(now) is None
    patience.update(("a.mkv", "b.mkv"), 240)
    finding = patience.finding(240)
    assert finding is not None
    assert finding.message == "a.mkv has not settled for 4 min, and 1 more"
    patience.update((), 300)
    assert patience.finding(300) is None
