"""Files and folders that are exchanged with links to private ones, thousands of times a second, while jobs run."""

from __future__ import annotations

import pytest

from exchange_attack import Attack
from fault_harness import FaultHarness
from report import Survived


@pytest.mark.slow
def test_no_byte_of_a_private_file_is_read_in_100_000_exchanges(harness: FaultHarness, survived: Survived) -> None:
    attack = Attack(harness)
    attack.run(seconds=12)
    assert attack.exchanges > 100_000
    assert attack.leaks() == []
    survived(
        "sources exchanged with links",
        "a file, or the folder around it, exchanged with a link to a private one all the time; films, pictures, "
        "sound and subtitles",
        "nothing of the private files was read, whatever the jobs ended with",
        attack.exchanges,
    )
