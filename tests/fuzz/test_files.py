"""Mutated media files, read by a real worker."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from examine import Examiner
from figures import Fuzzed
from fuzz_settings import FILES, again, chunks
from media_fuzz import mutated


@pytest.mark.parametrize("numbers", chunks(FILES), ids=str)
def test_a_worker_survives_any_file(
    numbers: range, examiner: Examiner, seeds: dict[str, bytes], fuzzed: Fuzzed, tmp_path: Path
) -> None:
    outcomes: Counter[str] = Counter()
    slowest = most = 0.0
    for number in numbers:
        path = tmp_path / "a.mp4"
        path.write_bytes(content := mutated(list(seeds.values()), number))
        outcome = examiner.examine(path)
        assert outcome.flaw is None, f"file {number}: {outcome.flaw}\n{again('test_files', 'FILES', number)}"
        assert path.read_bytes() == content
        outcomes[outcome.code] += 1
        slowest, most = max(slowest, outcome.seconds), max(most, outcome.peak_bytes)
    assert not examiner.children()
    fuzzed("media file, read by a worker", outcomes, slowest, int(most))
