"""A season that is moved into a watched folder at once comes out whole, and nothing stays behind."""

from __future__ import annotations

import shutil
from pathlib import Path

from clips import make_picture, make_sound
from harness import Harness

EPISODES = [f"Show S01E{number:02}" for number in range(1, 25)]
SEASON = "Show/Season 01"
JUNK = ("Thumbs.db", ".DS_Store", f"._{EPISODES[0]}.mp4", "release.nfo", "RARBG.txt", "setup.exe", "screens.zip")


def make_season(folder: Path, clip: Path) -> dict[str, bytes]:
    """Make the files of a season; returns their content by path."""
    season = folder / SEASON
    (season / "Sample").mkdir(parents=True)
    (season / "@eaDir").mkdir()
    picture = make_picture(folder.parent / "picture.jpg").read_bytes()
    sound = make_sound(folder.parent / "theme.m4a").read_bytes()
    data = clip.read_bytes()
    for number, name in enumerate(EPISODES):
        # Different from each other, and still the same video: bytes behind the last box do no harm.
        (season / f"{name}.mp4").write_bytes(data + b"\0\0\0\x09free" + bytes([number]))
        (season / f"{name}.en.srt").write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{name}\n")
        (season / f"{name}.nfo").write_text(name)
        (season / f"{name}-thumb.jpg").write_bytes(picture + bytes([number]))
    trickplay = season / f"{EPISODES[0]}.trickplay" / "320 - 10x10"
    trickplay.mkdir(parents=True)
    (trickplay / "0.jpg").write_bytes(picture)
    for name in JUNK:
        (season / name).write_text(name)
    (season / "@eaDir" / "SYNOINDEX").write_text("index")
    (season / "Sample" / "sample.txt").write_text("about the sample")
    (season / "Sample" / "show.s01e01-sample.mp4").write_bytes(data + b"sample")
    for name in ("poster.jpg", "season01-poster.jpg", "fanart.jpg"):
        (folder / "Show" / name).write_bytes(picture + name.encode())
    (folder / "Show" / "tvshow.nfo").write_text("show")
    (folder / "Show" / "theme.mp3").write_bytes(sound)
    return content(folder)


def content(folder: Path) -> dict[str, bytes]:
    """Return the content of all files in a folder by path, without framewatch's own."""
    own = (".framewatch", ".framewatch.lock")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in own and not path.name.endswith(".progress.json")
    }


def test_a_season_comes_out_whole_and_leaves_nothing_behind(harness: Harness, clip: Path) -> None:
    share = harness.folder(preset={"processing_mode": "copy", "container": "mkv"}, settle_seconds=0.5)
    outside = harness.root / "outside"
    season = make_season(outside, clip)
    (outside / "Show").rename(share / "Show")
    (share / "holiday.jpg").write_bytes(b"a picture of somebody else")
    assert harness.once(timeout=300).returncode == 0

    assert sorted(path.name for path in share.iterdir() if not path.name.startswith(".")) == [
        "done",
        "failed",
        "holiday.jpg",
    ]
    assert content(share / "failed") == {}
    assert content(share / "done") == season
    made = content(harness.root / "anime" / "out")
    companions = {
        path: data
        for path, data in season.items()
        if path.startswith(f"{SEASON}/Show S01") and not path.endswith(".mp4")
    } | {f"Show/{name}": season[f"Show/{name}"] for name in season_pictures(season)}
    assert {path: data for path, data in made.items() if not path.endswith(".mkv")} == companions
    assert sorted(path for path in made if path.endswith(".mkv")) == [f"{SEASON}/{name}.mkv" for name in EPISODES]
    assert len(harness.events("job.done")) == len(EPISODES)
    assert [event["files"] for event in harness.events("folder.left_alone")]
    assert harness.once().returncode == 0  # nothing is processed twice
    assert len(harness.events("job.done")) == len(EPISODES)


def season_pictures(season: dict[str, bytes]) -> list[str]:
    return [path.removeprefix("Show/") for path in season if path.startswith("Show/") and path.count("/") == 1]


def test_a_category_folder_keeps_videos_that_are_not_done_and_their_companions(harness: Harness, clip: Path) -> None:
    share = harness.folder(ignore=["*later*"], settle_seconds=0.3)
    films = share / "films"
    (films / "one").mkdir(parents=True)
    shutil.copy(clip, films / "one" / "film.mp4")
    (films / "one" / "readme.txt").write_text("one")
    shutil.copy(clip, films / "later.mp4")
    (films / "one" / "cover").write_bytes(make_picture(harness.root / "cover.jpg").read_bytes())
    (share / "notes").write_text("its name does not say what it is")
    (films / "two.mkv.part").write_bytes(b"half")
    (films / "two.srt").write_text("subtitles before their film")
    assert harness.once().returncode == 0
    assert sorted(path.relative_to(films).as_posix() for path in films.rglob("*")) == [
        "later.mp4",
        "two.mkv.part",
        "two.srt",
    ]
    assert set(content(share / "done")) == {"films/one/film.mp4", "films/one/readme.txt", "films/one/cover"}
    assert content(share / "failed") == {}
    out = harness.root / "anime" / "out"
    assert [path.name for path in out.rglob("*.json")] == ["film.mp4.progress.json"]
    assert {event["code"] for event in harness.events("job.skipped")} == {"media.picture", "media.not_media"}

    assert harness.once().returncode == 0
    assert len(harness.events("job.queued")) == 3  # a file that was left alone is known after a restart
    assert (share / "notes").exists()
