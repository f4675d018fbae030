"""kill -9 of a daemon whose outputs take their sources' places, or whose sources stay."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from clips import make_clip
from harness import Harness
from kills import SEED

FILMS = 8
KILLS = 12


@pytest.fixture
def film(tmp_path: Path) -> bytes:
    return make_clip(tmp_path / "clip.mp4", frames=6, audio=True).read_bytes()


def box(number: int) -> bytes:
    """Return a box that players pass over, so that each film is another file."""
    content = b"free" + f"{number:08}".encode()
    return (len(content) + 4).to_bytes(4, "big") + content


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"replace": True}, {"done": "keep"}], ids=["replace", "keep"])
def test_a_daemon_that_is_killed_again_and_again_processes_each_file_once(
    tmp_path: Path, film: bytes, options: dict[str, object]
) -> None:
    harness = Harness(tmp_path / "site")
    harness.root.mkdir()
    share = harness.folder(**options)
    chance = random.Random(SEED)  # noqa: S311 - reproducible, not secret
    sources = {f"film {number}.mp4": film + box(number) for number in range(FILMS)}
    for name, content in sources.items():
        (share / name).write_bytes(content)
    for _ in range(KILLS):
        daemon = harness.launch()
        threading.Event().wait(chance.uniform(1.0, 4.0))
        daemon.kill()
        daemon.wait()
        _require_nothing_lost(share, sources)
    for _ in range(2):
        assert harness.once(timeout=300).returncode == 0, harness.log()
    jobs = {line["job_id"] for line in harness.events("job.queued")}
    assert len(jobs) == FILMS, "an output or a known file became a job"
    if "replace" in options:
        assert {name: (share / "done" / name).read_bytes() for name in sources} == sources
        assert not any((share / name).read_bytes() == content for name, content in sources.items())
    else:
        assert {path.name: path.read_bytes() for path in share.iterdir()} == sources
    assert not list(share.rglob(".framewatch-*.new"))


def _require_nothing_lost(share: Path, sources: dict[str, bytes]) -> None:
    for name, content in sources.items():
        done = share / "done" / name
        assert (share / name).exists(), f"neither the source nor the output is visible as {name}"
        assert content in ((share / name).read_bytes(), done.read_bytes() if done.exists() else b""), name
