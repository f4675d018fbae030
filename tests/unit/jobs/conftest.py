"""What the tests of the jobs room share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jobs_making import MakeJob

from framewatch.domain import FileIdentity, Job
from framewatch.jobs.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "jobs.db") as opened:
        yield opened


@pytest.fixture
def make_job() -> MakeJob:
    """Makes jobs of one folder; what is given replaces the defaults."""

    def make(number: int = 1, **changes: Any) -> Job:
        name = changes.pop("name", f"clip{number}.mkv")
        values: dict[str, Any] = {
            "id": f"id{number:04}",
            "folder": "anime",
            "relative": Path(name),
            "source": Path("/in") / name,
            "identity": FileIdentity(device=1, inode=number, size=3, mtime_ns=4),
            "preset_name": "4k",
            "preset": "{}",
            "output": (Path("/out") / name).with_suffix(".mp4"),
            "created_at": float(number),
        }
        return Job(**(values | changes))

    return make
