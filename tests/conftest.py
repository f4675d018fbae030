"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from framewatch.domain import FileIdentity, Job
from framewatch.jobs.store.store import Store
from framewatch.upscale import host
from job_factory import MakeJob
from media_factory import make_video, remux

# A property may take as long as the machine needs: its duration is not what is tested.
settings.register_profile("framewatch", deadline=None)
settings.load_profile("framewatch")


@pytest.fixture(autouse=True)
def processor_with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of engines must not depend on the processor that the tests happen to run on."""
    monkeypatch.setattr(host, "is_float32_only", lambda *, fast: False)


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


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is made once and never changed."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def clip(media: Path) -> Path:
    """One second, 25 frames, H.264 with B-frames and AAC in MP4."""
    return make_video(media / "clip.mp4", audio=True, codec=("-c:v", "libx264", "-bf", "2"))


@pytest.fixture(scope="session")
def matroska_clip(clip: Path, media: Path) -> Path:
    """The same in Matroska."""
    return remux(clip, media / "clip.mkv")
