"""What was measured is found in the state folder; what cannot be read was not measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from framewatch.cli.status.measured import keep_bench, speeds_of
from framewatch.domain import Measured, Speeds, Workload
from framewatch.jobs.store.speeds import write_speeds
from framewatch.jobs.store.store import Store

REPORT = {"clip": {"width": 320, "height": 180, "scale": 2}, "end_to_end": [{"fps": 4.0}, {"fps": 5.0}]}


def test_jobs_and_the_benchmark_are_both_known(tmp_path: Path) -> None:
    work = Workload(kind="upscale 2x, libx264 slow", family="upscale 2x", units=1.0)
    with Store.open(tmp_path / "framewatch.db") as store:
        write_speeds(store, Speeds().learned(work, Measured(units=10, seconds=1)))
    assert keep_bench(tmp_path, REPORT)
    found = speeds_of(tmp_path)
    assert found.kinds[work.kind].units == 10
    assert found.bench == {"upscale 2x": 320 * 180 * 5.0}


def test_the_benchmark_of_a_user_without_a_state_folder_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not keep_bench(tmp_path / "file", REPORT)


@pytest.mark.parametrize("text", [None, "{", "[]", '{"clip": {}, "end_to_end": []}'])
def test_a_benchmark_that_cannot_be_read_tells_nothing(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "bench.json").write_text(text)
    (tmp_path / "framewatch.db").write_bytes(b"no database")
    assert speeds_of(tmp_path) == Speeds()
