"""The daemon's own files are damaged while it is down."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fault_harness import FaultHarness
from invariants import check
from report import Survived
from sources import RATE, MakeSource

pytestmark = pytest.mark.slow


def _torn(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes()[:-20])


def _garbage(ledger: Path) -> None:
    ledger.write_bytes(bytes(range(256)) * 8)


def _wrong_digest(ledger: Path) -> None:
    text = ledger.read_text()
    digests = [part for part in text.replace('"', " ").split() if len(part) >= 32 and _is_hex(part)]
    ledger.write_text(text.replace(digests[-1], digests[-1][::-1]))


def _segment_damaged(ledger: Path) -> None:
    segment = sorted(ledger.parent.glob("segment-*"))[0]
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(data)


def _segment_missing(ledger: Path) -> None:
    sorted(ledger.parent.glob("segment-*"))[0].unlink()


def _is_hex(text: str) -> bool:
    return all(letter in "0123456789abcdef" for letter in text)


DAMAGES: dict[
    str, tuple[Callable[[Path], None], int]
] = {  # with the number of segments that may be rendered again, at most
    "its last line torn": (_torn, 1),
    "garbage instead": (_garbage, 4),
    "a wrong digest in it": (_wrong_digest, 1),
    "a segment damaged": (_segment_damaged, 1),
    "a segment deleted": (_segment_missing, 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_after_damage_to_the_ledger_only_unproven_segments_are_rendered_again(
    harness: FaultHarness, source: MakeSource, survived: Survived, damage: str
) -> None:
    inject, most = DAMAGES[damage]
    harness.open()
    harness.turn("delay", 0.02)
    harness.drop(source(1, 6))
    with harness.watcher:
        harness.start()
        harness.wait_event("segment.done", 3)
        harness.kill_daemon()
        before = len(harness.events("segment.done"))
        (ledger,) = harness.work.glob("*/ledger.jsonl")
        inject(ledger)
        harness.turn("delay", 0)
        harness.start()
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    redone = len(harness.events("segment.done")) - 6
    assert redone <= max(most, before if most == 4 else 0)
    survived("ledger damaged", damage, "proven segments kept, the others rendered again")


def _header_gone(store: Path) -> None:
    store.write_bytes(bytes(100) + store.read_bytes()[100:])


def _cut(store: Path) -> None:
    store.write_bytes(store.read_bytes()[: store.stat().st_size // 2])


def _no_database(store: Path) -> None:
    store.write_bytes(b"This is not a database.\n" * 500)


STORE_DAMAGES = {"header zeroed": _header_gone, "cut in half": _cut, "garbage instead": _no_database}


@pytest.mark.parametrize("damage", STORE_DAMAGES)
def test_a_damaged_database_is_kept_aside_and_its_jobs_are_recovered(
    harness: FaultHarness, source: MakeSource, survived: Survived, damage: str
) -> None:
    harness.open()
    harness.turn("delay", 0.02)
    with harness.watcher:
        harness.start()
        harness.drop(source(1, 4))
        harness.drop(source(2, 3))
        harness.wait_event("segment.done", 2)
        harness.kill_daemon()
        done = len(harness.events("segment.done"))
        store = Path(harness.settings["state_dir"]) / "framewatch.db"
        with closing(sqlite3.connect(store)) as database:  # the write-ahead log is merged, so that it is damaged too
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        STORE_DAMAGES[damage](store)
        harness.turn("delay", 0)
        harness.start()
        harness.wait_event("store.rebuilt")
        harness.wait_done()
        assert harness.stop() == 0
    check(harness)
    assert list(store.parent.glob("framewatch.db.corrupt-*"))
    assert len(harness.events("segment.done")) == 7 >= done
    assert len(harness.upscaled()) <= (7 + 1) * RATE + 15  # a worker outlives its daemon for a moment
    survived("database damaged", damage, "kept aside; jobs recovered with their finished segments")
