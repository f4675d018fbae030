"""Files of the host that a link in a share leads to reach no output, whatever is exchanged while framewatch works."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from imageio_ffmpeg import get_ffmpeg_exe

from exchange_attack import FOLDERS, Attack
from exchanger import exchange
from harness import Harness, framewatch
from private_media import make_pair, private_files
from waiting import eventually

CODES = ("source.changed", "source.vanished", "media.not_a_file", "storage.symlink", "subtitle.burn_kind")


def test_names_that_are_exchanged_all_the_time_publish_no_private_file(harness: Harness) -> None:
    attack = Attack(harness, ("copied", "picture", "subtitled"))
    attack.run(seconds=0)
    assert attack.exchanges > 1000
    assert attack.leaks() == []


class SlowFfmpeg:
    """Let ffmpeg wait with its arguments before it begins, until it is released."""

    def __init__(self, harness: Harness) -> None:
        self._released = harness.root / "released"
        waiting = f'while [ ! -e "{self._released}" ]; do sleep 0.05; done'
        script = harness.root / "ffmpeg"
        script.write_text(f'#!/bin/sh\ncase "$*" in *-progress*) {waiting};; esac; exec "{get_ffmpeg_exe()}" "$@"\n')
        script.chmod(0o755)
        harness.settings["ffmpeg"] = str(script)
        self._harness = harness

    def wait(self, jobs: int) -> list[psutil.Process]:
        """Wait until this many commands wait; returns their processes."""
        daemon = self._harness.daemon
        assert daemon is not None

        def waiting() -> list[psutil.Process]:
            family = psutil.Process(daemon.pid).children(recursive=True)
            return [each for each in family if each.name() == "ffmpeg" and "-progress" in each.cmdline()]

        eventually(lambda: len(waiting()) >= jobs, what="ffmpeg", details=self._harness.log)
        return waiting()

    def release(self) -> None:
        self._released.touch()


@pytest.fixture
def slow_ffmpeg(harness: Harness) -> SlowFfmpeg:
    return SlowFfmpeg(harness)


def place(harness: Harness, name: str) -> Path:
    """Put a folder with public files into a share of its own; returns the folder, and makes the private files."""
    file, preset = FOLDERS[name]
    share, media = harness.folder(name, preset=preset, recursive=True), harness.root / "media" / name
    make_pair(media, file)
    if name == "subtitled":
        make_pair(media, "words.srt")
        (media / "public" / "subs").mkdir()
        (media / "public" / "words.srt").rename(media / "public" / "subs" / "words.srt")
    shutil.copytree(media / "public", share / "sub", copy_function=shutil.copy2)
    return share / "sub"


def replace_by_link(folder: Path, target: Path) -> None:
    """Exchange a folder and a link to another one; the folder keeps its files elsewhere."""
    link = target.with_name(f"{folder.name}-of-{target.name}")
    link.symlink_to(target)
    exchange(folder, link)


def test_a_folder_that_becomes_a_link_while_its_files_wait_or_are_worked_on_is_not_followed(
    harness: Harness, slow_ffmpeg: SlowFfmpeg
) -> None:
    """One job that needs a GPU and one that does not have ffmpeg waiting; the others are queued."""
    names = ("upscaled", "encoded", "copied", "sound", "subtitled")
    folders = {name: place(harness, name) for name in names}
    harness.start()
    slow_ffmpeg.wait(2)
    eventually(lambda: len(harness.events("job.queued")) == len(names), what="all jobs", details=harness.log)
    for name, folder in folders.items():
        private = harness.root / "media" / name / "private"
        replace_by_link(folder / "subs" if name == "subtitled" else folder, private)
    slow_ffmpeg.release()
    ended = ("job.done", "job.failed", "job.held")
    eventually(
        lambda: sum(len(harness.events(name)) for name in ended) >= len(names),
        what="all ends",
        details=harness.log,
    )
    assert harness.stop() == 0
    media = harness.root / "media"
    assert {*private_files(media)} == {*media.glob("*/private/*.m*")}
    assert [path for name in names for path in private_files(harness.root / name)] == []
    assert {each["code"] for name in ended[1:] for each in harness.events(name)} <= set(CODES)


def test_subtitles_in_a_linked_folder_beside_the_video_are_refused(tmp_path: Path) -> None:
    film, _ = make_pair(tmp_path, "film.mp4")
    _, words = make_pair(tmp_path, "words.srt")
    (film.parent / "subs").symlink_to(words.parent)
    (tmp_path / "preset.yaml").write_text(yaml.safe_dump(FOLDERS["subtitled"][1]))
    result = framewatch("plan", film, "--preset", tmp_path / "preset.yaml", "--json")
    assert result.returncode == 1
    assert "[subtitle.burn_kind]" in result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_ffmpeg_gets_its_source_as_a_descriptor_and_no_path_in_a_share(
    harness: Harness, slow_ffmpeg: SlowFfmpeg
) -> None:
    film = place(harness, "encoded") / "film.mp4"
    harness.settings["log"] = {"level": "debug"}
    harness.write()
    harness.start()
    (process,) = slow_ffmpeg.wait(1)
    command = process.cmdline()
    (source,) = [each for each in command if each.startswith("file:/dev/fd/")]
    assert command[command.index(source) - 1] == "-i"
    assert Path(f"/proc/{process.pid}/fd", source.rpartition("/")[2]).readlink() == film
    assert not any(os.fspath(harness.root / "encoded") in each for each in command)
    shared = [link.readlink() for link in Path(f"/proc/{process.pid}/fd").iterdir()]
    assert [path for path in shared if path.is_relative_to(harness.root / "encoded")] == [film]
    assert any(f"-i file:{film} " in each["line"] for each in harness.events("ffmpeg.command"))
    slow_ffmpeg.release()
    harness.wait_status(harness.root / "encoded" / "out" / "sub" / "film.mp4", "done")
