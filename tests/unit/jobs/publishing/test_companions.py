"""Companions go with their video: copied beside the output, moved with the source, never overwriting."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from framewatch.domain import JobState
from framewatch.errors import StorageError
from framewatch.jobs.publishing.carry import Carrier, Spot
from framewatch.storage.folder_places import CompanionsMode
from framewatch.storage.root import Root
from mounts import tmpfs
from publish_world import COMPANIONS, NAME, RESULT, SOURCE, STEM, World

S = JobState
POSTER = "poster.jpg"
SIDECAR = ".progress.json"


def world_with(
    tmp_path: Path, companions: dict[str, bytes], mode: CompanionsMode = "copy", source: str = "film.mkv"
) -> World:
    world = World(tmp_path / "home", companions=companions)
    world.places = replace(world.places, companions=mode)
    if source != NAME:
        world.source = world.source.rename(world.source.with_name(source))
    return world


def publish(world: World, outcome: JobState = S.DONE) -> dict[str, bytes]:
    """Publish the job; returns all files but progress files."""
    relative = world.source.relative_to(world.places.input)
    output = (world.places.output / relative).with_suffix(".mp4")
    world.job(outcome, relative=relative, source=world.source, output=output)
    assert world.publish().state == outcome
    return {name: content for name, content in world.files().items() if not name.endswith(SIDECAR)}


def test_companions_are_copied_beside_the_output_and_moved_with_the_source(tmp_path: Path) -> None:
    world = World(tmp_path / "home", companions=COMPANIONS)
    world.job()
    assert world.publish().state == S.DONE
    assert world.files() == world.expected(S.DONE)
    assert not world.source.with_name(f"{STEM}.trickplay").exists()


def test_companions_follow_the_numbers_that_output_and_source_get(tmp_path: Path) -> None:
    world = world_with(tmp_path, {"film.en.srt": b"new"})
    for taken in ("out/s1/film.mp4", "done/s1/film.mkv"):
        path = world.home / taken
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"older")
        path.with_name("film.en.srt").write_bytes(b"older")
    files = publish(world)
    assert files["out/s1/film (2).mp4"] == RESULT
    assert files["done/s1/film (2).mkv"] == SOURCE
    assert files["out/s1/film (2).en.srt"] == files["done/s1/film (2).en.srt"] == b"new"
    assert files["out/s1/film.en.srt"] == files["done/s1/film.en.srt"] == b"older"
    assert len(files) == 8


def test_a_companion_whose_name_is_taken_gets_a_free_one_and_the_same_content_is_not_doubled(tmp_path: Path) -> None:
    world = world_with(tmp_path, {"film.en.srt": b"new", "film.nfo": b"same"})
    beside = world.places.output / "s1"
    beside.mkdir()
    (beside / "film.en.srt").write_bytes(b"older")
    (beside / "film.nfo").write_bytes(b"same")
    files = publish(world)
    assert files["out/s1/film.en.srt"] == b"older"
    assert files["out/s1/film.en (2).srt"] == b"new"
    assert [name for name in files if name.endswith(".nfo")] == ["out/s1/film.nfo", "done/s1/film.nfo"]


def test_shared_companions_are_copied_for_each_video_and_move_with_the_last(tmp_path: Path) -> None:
    world = world_with(tmp_path, {"film.srt": b"text", "film.mp4": b"another video"})
    files = publish(world)
    assert files["out/s1/film.srt"] == files["in/s1/film.srt"] == b"text"
    assert "done/s1/film.srt" not in files
    second = world_with(tmp_path / "second", {"film.srt": b"text"})
    assert "in/s1/film.srt" not in publish(second)


@pytest.mark.parametrize("outcome", [S.FAILED, S.SKIPPED])
def test_without_an_output_companions_only_move_with_the_source(tmp_path: Path, outcome: JobState) -> None:
    world = world_with(tmp_path, {"film.srt": b"text", POSTER: b"poster"})
    place = "failed" if outcome == S.FAILED else "done"
    assert publish(world, outcome) == {
        f"{place}/s1/film.mkv": SOURCE,
        f"{place}/s1/film.srt": b"text",
        f"in/s1/{POSTER}": b"poster",
    }


def test_move_leaves_nothing_but_checksums_beside_the_source(tmp_path: Path) -> None:
    world = world_with(tmp_path, {"film.srt": b"text", "film.mkv.md5": b"sum", POSTER: b"poster"}, "move")
    files = publish(world)
    assert {name for name in files if not name.endswith((".mkv", ".mp4"))} == {
        "out/s1/film.srt",
        "done/s1/film.mkv.md5",
        f"in/s1/{POSTER}",
    }


def test_leave_touches_no_companion(tmp_path: Path) -> None:
    world = world_with(tmp_path, {"film.srt": b"text", POSTER: b"poster"}, "leave")
    files = publish(world)
    assert {name for name in files if not name.endswith((".mkv", ".mp4"))} == {"in/s1/film.srt", f"in/s1/{POSTER}"}


def test_files_of_the_folder_are_copied_with_its_first_video(tmp_path: Path) -> None:
    world = world_with(tmp_path, {POSTER: b"poster", "Subs/film/2_English.srt": b"text", "readme.txt": b"text"})
    files = publish(world)
    assert files[f"out/s1/{POSTER}"] == files[f"in/s1/{POSTER}"] == b"poster"
    assert files["out/s1/Subs/film/2_English.srt"] == b"text"
    assert "out/s1/readme.txt" not in files


def test_of_pictures_that_are_processed_none_is_taken_for_a_poster(tmp_path: Path) -> None:
    world = world_with(tmp_path, {POSTER: b"another picture", "tvshow.nfo": b"text"}, source="photo.jpg")
    files = publish(world)
    assert f"out/s1/{POSTER}" not in files
    assert files["out/s1/tvshow.nfo"] == b"text"


def test_no_link_is_followed_and_nothing_that_is_no_file_is_taken(tmp_path: Path) -> None:
    world = world_with(tmp_path, {})
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "0.jpg").write_bytes(b"secret")
    beside = world.source.parent
    (beside / "film.srt").symlink_to(secret / "0.jpg")
    (beside / "film.trickplay").symlink_to(secret)
    (beside / "Subs").symlink_to(secret)
    os.mkfifo(beside / "film.ass")
    (world.places.output / "s1").mkdir()
    (world.places.output / "s1" / "film.nfo").symlink_to(secret / "new")
    (beside / "film.nfo").write_bytes(b"about")
    files = publish(world)
    assert not (secret / "new").exists()
    assert files["out/s1/film (2).nfo"] == b"about"
    assert b"secret" not in (content for name, content in files.items() if not name.startswith("in/"))
    assert {path.name for path in beside.iterdir()} == {"film.srt", "film.trickplay", "Subs", "film.ass"}


def test_the_subtitle_file_that_a_preset_burns_in_stays_while_other_videos_need_it(tmp_path: Path) -> None:
    world = world_with(tmp_path, {"film.srt": b"text", "other.mkv": b"video"})
    relative = world.source.relative_to(world.places.input)
    output = world.places.output / "s1/film.mp4"
    world.job(relative=relative, source=world.source, output=output, preset='{"subtitle_burn_path": "film.srt"}')
    world.publish()
    files = world.files()
    assert files["in/s1/film.srt"] == files["out/s1/film.srt"] == b"text"
    assert "done/s1/film.srt" not in files


def test_a_video_in_a_folder_of_companions_has_a_job_of_its_own(tmp_path: Path) -> None:
    own = ("film.trickplay/other.mkv", "Subs/other.mkv")
    companions = {"film.trickplay/0.jpg": b"tiles", "Subs/2_English.srt": b"text", **dict.fromkeys(own, b"video")}
    files = publish(world_with(tmp_path, companions))
    assert {name for name in files if name.endswith("other.mkv")} == {f"in/s1/{name}" for name in own}
    assert files["out/s1/film.trickplay/0.jpg"] == files["done/s1/film.trickplay/0.jpg"] == b"tiles"
    assert files["out/s1/Subs/2_English.srt"] == b"text"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who writes")
def test_a_companion_that_is_being_written_is_not_moved_to_another_disk(tmp_path: Path) -> None:
    source = tmp_path / "in" / "film.srt"
    source.parent.mkdir()
    source.write_text("half")
    write = "import sys; file = open(sys.argv[1], 'ab'); print(flush=True); sys.stdin.read(); file.write(b' done')"
    with tmpfs(tmp_path / "disk", 1) as disk:
        spots = Spot(source, Root(source.parent)), Spot(disk / source.name, Root(disk))
        carrier = Carrier("1", "films")
        command = [sys.executable, "-c", write, source]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as it:
            assert it.stdout is not None
            it.stdout.readline()
            with pytest.raises(StorageError) as caught:
                carrier.file(*spots, keep=False)
            assert caught.value.finding.code == "source.in_use"
        assert carrier.file(*spots, keep=False)
        assert (disk / source.name).read_text() == "half done"
