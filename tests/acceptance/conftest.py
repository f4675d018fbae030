"""A harness with watched folders and a daemon for each test, and small clips to drop into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import injected
from clips import make_clip
from harness import Harness


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six small frames with sound."""
    return make_clip(tmp_path_factory.mktemp("clips") / "tiny.mp4", frames=6, audio=True)


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough that a job can be caught in the middle."""
    return make_clip(tmp_path_factory.mktemp("clips") / "long.mp4", size="128x96", frames=60)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    harness = Harness(tmp_path)
    yield harness
    if harness.daemon is not None and harness.daemon.poll() is None:
        harness.daemon.kill()
        harness.daemon.wait()


@pytest.fixture
def pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> injected.Knob:
    """Make each frame take 0.1 s, so that a job can be caught in the middle, until it is turned to 0."""
    pace = injected.delay(tmp_path / "pace", monkeypatch)
    pace.turn(0.1)
    return pace


@pytest.fixture
def slow_harness(harness: Harness, pace: injected.Knob) -> Harness:
    """Return a harness that upscales slowly, with the real network."""
    harness.settings["engine"] = "openvino"
    return harness


@pytest.fixture
def drop() -> Callable[[Path, Path], Path]:
    """Return a function that puts a complete file into a folder at once, by renaming it."""

    def _drop(source: Path, target: Path) -> Path:
        temporary = target.with_name(f".{target.name}")
        temporary.write_bytes(source.read_bytes())
        temporary.replace(target)
        return target

    return _drop
