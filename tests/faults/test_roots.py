"""Roots, and framewatch's own files in shares, that are exchanged with links thousands of times a second."""

from __future__ import annotations

import pytest

from fault_harness import FaultHarness
from report import Survived
from root_attack import RootAttack
from sources import MakeSource
from waiting import eventually


@pytest.mark.slow
def test_nothing_outside_the_roots_is_touched_in_100_000_exchanges(
    harness: FaultHarness, source: MakeSource, survived: Survived
) -> None:
    attack = RootAttack(harness, source(1, 1).path)
    attack.run(seconds=12)
    assert attack.exchanges > 100_000
    eventually(lambda: not attack.lost(), timeout=120, what="all files", details=lambda: str(attack.lost()))
    assert attack.end() == []
    assert attack.outputs() == {".mp4"}
    survived(
        "roots exchanged with links",
        "input, output, done, failed, a subfolder, lock, marker, preset and progress file exchanged with links to a "
        "private folder all the time",
        "nothing in it was opened, read or changed; every file was processed once the links were gone",
        attack.exchanges,
    )
