"""The queue under the user's control: its order, pauses, and what is done again."""

from __future__ import annotations

from pathlib import Path

from clips import make_clip
from harness import Harness


def started(harness: Harness) -> list[str]:
    """The names of the files whose jobs were begun, in order."""
    return [Path(event["source"]).name for event in harness.events("job.started")]


def test_folders_by_priority_and_files_by_their_folders_order(harness: Harness, clip: Path, tmp_path: Path) -> None:
    harness.settings["order"] = "name"
    series, films = harness.folder("series"), harness.folder("films", priority=1, order="shortest")
    for name in ("E10.mp4", "E9.mp4", "e2.mp4"):
        (series / name).write_bytes(clip.read_bytes())
    for name, frames in (("long.mp4", 9), ("short.mp4", 3), ("middle.mp4", 6)):
        make_clip(films / name, frames=frames)
    (films / "broken.mp4").write_text("text")
    assert harness.once().returncode == 1
    assert [name for name in started(harness) if name in harness.listed(series / "done")] == [
        "e2.mp4",
        "E9.mp4",
        "E10.mp4",
    ]
    assert [name for name in started(harness) if name[0] not in "eE"] == [
        "short.mp4",
        "middle.mp4",
        "long.mp4",
        "broken.mp4",
    ]
