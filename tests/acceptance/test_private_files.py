"""Files of the host that a link in a share leads to reach no output, whatever is exchanged while framewatch works."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from exchange_attack import FOLDERS, Attack
from exchanger import exchange
from harness import Harness
from private_media import make_pair, private_files
from waiting import eventually

CODES = ("source.changed", "source.vanished", "media.not_a_file", "storage.symlink", "subtitle.burn_kind")


def test_names_that_are_exchanged_all_the_time_publish_no_private_file(harness: Harness) -> None:
    attack = Attack(harness, ("copied", "picture", "subtitled"))
    attack.run(seconds=0)
    assert attack.exchanges > 1000
    assert attack.leaks() == []


def is_command(process: psutil.Process) -> bool:
    """Return whether a process, which may have ended since it was listed, is the ffmpeg of a job."""
    with suppress(psutil.NoSuchProcess):
        return process.name() == "ffmpeg" and "-progress" in process.cmdline()
    return False


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
            return [each for each in family if is_command(each)]

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


def require_descriptors(process: psutil.Process, shares: list[Path]) -> None:
    """Check that a command has its source as a descriptor, no other file of a share, and no path in one."""
    command = process.cmdline()
    assert not [word for word in command if any(os.fspath(share) in word for share in shares)]
    sources = [word for word in command if word.startswith("file:/dev/fd/")]
    assert [command[command.index(source) - 1] for source in sources] == ["-i"]
    descriptors = Path(f"/proc/{process.pid}/fd")
    if descriptors.is_dir():  # on Linux
        read = descriptors.joinpath(sources[0].rpartition("/")[2]).readlink()
        opened = [link.readlink() for link in descriptors.iterdir()]
        assert [path for path in opened if any(path.is_relative_to(share) for share in shares)] == [read]


def test_a_folder_that_is_or_becomes_a_link_is_not_followed(harness: Harness, slow_ffmpeg: SlowFfmpeg) -> None:
    """One job that needs a GPU and one that does not have ffmpeg waiting; the others are queued."""
    names = ("upscaled", "encoded", "copied", "sound", "subtitled")
    folders = {name: place(harness, name) for name in names}
    media, linked = harness.root / "media", harness.folder("linked", preset=FOLDERS["subtitled"][1])
    (linked / "subs").symlink_to(media / "subtitled" / "private")
    shutil.copy(media / "subtitled" / "public" / "film.mp4", linked / "film.mp4")
    harness.settings["log"] = {"level": "debug"}
    harness.write()
    harness.start()
    for process in slow_ffmpeg.wait(2):
        require_descriptors(process, [harness.root / name for name in names])
    shown = [each["line"] for each in harness.events("ffmpeg.command")]
    assert any(f" -i file:{folders['upscaled'] / 'film.mp4'} " in line for line in shown)
    eventually(lambda: len(harness.events("job.queued")) > len(names), what="all jobs", details=harness.log)
    for name, folder in folders.items():
        replace_by_link(folder / "subs" if name == "subtitled" else folder, media / name / "private")
    slow_ffmpeg.release()
    ended = ("job.done", "job.failed", "job.held")
    eventually(
        lambda: sum(len(harness.events(name)) for name in ended) > len(names), what="all ends", details=harness.log
    )
    assert harness.stop() == 0
    assert {*private_files(media)} == {*media.glob("*/private/*.m*")}
    assert [path for name in (*names, "linked") for path in private_files(harness.root / name)] == []
    assert {each["code"] for name in ended[1:] for each in harness.events(name)} <= set(CODES)
    failed = {each["folder"]: each["code"] for each in harness.events("job.failed")}
    assert failed["linked"] == "subtitle.burn_kind"
