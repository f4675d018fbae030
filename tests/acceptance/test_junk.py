"""Junk, downloads and exclusions in a watched folder: left alone, counted, never in failed/."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from clips import make_clip
from harness import Harness, framewatch
from waiting import eventually

JUNK = (
    *("film.mkv.!qB", "film.mp4.!sync", "film.!bt", "film.td", "film.xltd", "film.jc!", "film.mkv.fdmdownload"),
    *("film.incomplete", "film.dtapart", "film.sync-conflict-20260101-120000-ABCDEFG.mp4", "Icon\r", "Thumbs.db"),
    *("~snapshot/film.mp4", "Network Trash Folder/film.mp4", "Temporary Items/film.mp4", "RECYCLER/film.mp4"),
    *("RECYCLED/film.mp4", "@tmp/film.mp4", "#tmp/film.mp4", "_UNPACK_film/film.mp4"),
)
# Files that look finished, and what lies beside them: aria2, yt-dlp, qBittorrent and Firefox at work.
DOWNLOADS = {
    "a.mkv": ("a.mkv.aria2",),
    "b.f137.mp4": ("b.f251.webm.part",),
    "c.f137.mp4": ("c.f251-drc.webm",),
    "c.f251-drc.webm": (),
    "d.temp.mkv": ("d.mkv",),
    "d.mkv": (),
    "e.mkv": ("e.mkv.!qB",),
    "f.mp4": ("f.mp4.ytdl",),
    "g.mp4": ("g.MP4.PART",),
}


def drop(clip: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(clip, path)


def state(harness: Harness, name: str) -> dict[str, Any]:
    printed = framewatch("status", "--json", "--config", harness.config).stdout
    found: dict[str, Any] = {folder["name"]: folder for folder in json.loads(printed)["folders"]}[name]
    return found


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", frames=3)


def test_junk_and_downloads_stay_and_are_taken_when_they_are_finished(harness: Harness, clip: Path) -> None:
    share = harness.folder(poll_seconds=0.3)
    for name in (*JUNK, *DOWNLOADS):
        drop(clip, share / name)
    for mark in (mark for marks in DOWNLOADS.values() for mark in marks):
        drop(clip, share / mark)
    (share / "empty.mp4").touch()
    drop(clip, share / "alone.f137.mp4")  # nothing else of a download is there
    drop(clip, share / "race.f1.mp4")
    before = {path for path in share.rglob("*") if path.is_file()}
    harness.start()
    for name in ("alone.f137.mp4", "race.f1.mp4"):
        harness.wait_status(share.parent / "out" / name, "done")
    found = eventually(lambda: (now := state(harness, "anime"))["waiting"] == len(DOWNLOADS) and now)
    assert (found["empty"], found["problem"]) == (1, "")
    gone = before - {path for path in share.rglob("*") if path.is_file()}
    assert {path.name for path in gone} == {"alone.f137.mp4", "race.f1.mp4"}
    for mark in ("a.mkv.aria2", "d.temp.mkv"):
        (share / mark).unlink()
    (share / "c.f137.mp4").unlink()
    (share / "c.f251-drc.webm").rename(share / "c.mp4")
    shutil.copy(clip, share / "empty.mp4")
    for name in ("a", "c", "d", "empty"):
        harness.wait_status(share.parent / "out" / f"{name}.mp4", "done")
    assert not [path for path in (share / "failed").rglob("*") if path.is_file()]
    assert len(harness.events("folder.not_taken")) == 1


def test_settings_choose_what_is_processed(harness: Harness, clip: Path) -> None:
    size = clip.stat().st_size
    share = harness.folder(only=["*S01*"], min_size=f"{size} B")
    taken = ("Show S01E01.mp4", "Show/S01/e2.mp4")
    excluded = ("Show S02E01.mp4", "Show/S02/e1.mp4", "S01 small.mp4")
    samples = ("Show/S01/Sample/e2.mp4", "Show/S02/s01-sample.mp4")
    for name in (*taken, *excluded, *samples):
        drop(clip, share / name)
    with (share / "S01 small.mp4").open("r+b") as file:
        file.truncate(size - 1)
    harness.start()
    for name in taken:
        harness.wait_status(share.parent / "out" / name, "done")
    eventually(lambda: state(harness, "anime")["excluded"] == len(excluded) + 1)
    for name in excluded:
        assert (share / name).is_file(), name
    harness.wait_for(share / "done" / "Show/S01/Sample/e2.mp4")  # it goes along with its folder's last video
    assert len(harness.events("folder.left_alone")) == 2
    assert not [path for path in (share / "failed").rglob("*") if path.is_file()]
