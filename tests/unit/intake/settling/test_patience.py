"""How long files wait to be taken, and when that is told."""

from __future__ import annotations

from structlog.testing import capture_logs

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


def test_thousands_of_files_that_change_again_and_again_do_not_fill_the_log() -> None:
    patience = Patience("anime", 1)
    files = [f"{number}.mkv" for number in range(1000)]
    with capture_logs() as lines:
        for now in (0, 10, 20, 30):
            patience.update(files if now % 20 else files[:1], now)
            patience.update(files, now + 5)
            for name in files:
                patience.waits_for(name, OLD, now)
        assert len(lines) == 100
        patience.update([], 35)
        patience.update(["new.mkv"], 3700)
        patience.update(["new.mkv"], 3710)
        assert lines[-1]["path"] == "new.mkv"
    finding = patience.finding(3710)
    assert finding is not None
    assert "new.mkv" in finding.message
