"""kill -9 of the daemon while a season with subtitles, pictures and descriptions is processed."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from fault_harness import OURS, FaultHarness
from kills import KILLS, SEED
from report import Survived
from sources import MakeSource
from waiting import eventually

SEASON = Path("Show/Season 01")


def make_season(folder: Path, source: MakeSource, episodes: int) -> dict[str, bytes]:
    """Make the files of a season; returns their content by path below `folder`."""
    files = {"Show/poster.jpg": b"poster", "Show/tvshow.nfo": b"show", f"{SEASON}/readme.txt": b"text"}
    for number in range(episodes):
        name = f"{SEASON}/e{number:02}"
        # A free box behind the last one makes each file another one, and does no harm.
        files[f"{name}.mp4"] = source(100, 0.4).path.read_bytes() + b"\0\0\0\x09free" + bytes([number])
        files |= {f"{name}.en.srt": name.encode(), f"{name}-thumb.jpg": f"{name}.jpg".encode()}
        files[f"{name}.trickplay/320/0.jpg"] = f"{name} tiles".encode()
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return files


def content(folder: Path) -> dict[str, bytes]:
    """Return the content of all files in a folder by path, without progress files and the daemon's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in OURS and not path.name.endswith(".progress.json")
    }


@pytest.mark.parametrize("how", ["one disk", pytest.param("two disks", marks=pytest.mark.slow)])
def test_kills_while_a_season_is_published_neither_lose_nor_double_a_companion(
    harness: FaultHarness, source: MakeSource, survived: Survived, tmp_path: Path, how: str
) -> None:
    kills = max(2, KILLS // 6)
    chance = random.Random(f"{SEED}/{how}")  # noqa: S311 - reproducible, not secret
    shared = Path("/dev/shm") / tmp_path.name
    elsewhere = {"output": str(shared / "out"), "done": str(shared / "done")} if how == "two disks" else {}
    shared.mkdir(exist_ok=True)
    try:
        harness.open(**elsewhere)
        season = make_season(tmp_path / "outside", source, episodes=2 * kills + 1)
        (tmp_path / "outside" / "Show").rename(harness.share / "Show")
        for _ in range(kills):
            before = len(harness.events("job.publishing"))
            harness.launch()
            eventually(
                lambda before=before: len(harness.events("job.publishing")) > before,
                timeout=30,
                what="a job to be published",
                details=harness.log,
            )
            threading.Event().wait(chance.uniform(0, 0.15))
            harness.kill_daemon()
            everywhere = [*content(harness.done).values(), *content(harness.share / "Show").values()]
            assert all(data in everywhere for data in season.values())
        assert harness.once().returncode == 0
        assert content(harness.done) == season
        assert not (harness.share / "Show").exists()
        assert content(harness.failed) == {}
        beside = {path: data for path, data in season.items() if not path.endswith((".mp4", "readme.txt"))}
        made = content(harness.out)
        assert {path: data for path, data in made.items() if not path.endswith(".mp4")} == beside
        assert len(made) - len(beside) == 2 * kills + 1
    finally:
        harness.end()
        for path in sorted(shared.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        shared.rmdir()
    survived(
        f"daemon killed while a season is published, {how}",
        "SIGKILL within 0.15 s after a job begins to be published, and a restart",
        "each companion once beside its output and once beside its source; the input empty",
        kills,
    )
