"""Folders whose files are exchanged with links to private files while the daemon works on them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exchanger import Exchanger, Pair
from harness import FAST_PRESET, Harness
from private_media import make_pair, private_files
from waiting import eventually

# One folder for each way that a source takes through the worker and ffmpeg.
FOLDERS = {
    "upscaled": ("film.mp4", FAST_PRESET),
    "encoded": ("film.mp4", {"ml_upscale": "none", "preset": "ultrafast"}),
    "copied": ("film.mp4", {"processing_mode": "copy", "container": "mp4"}),
    "picture": ("picture.png", {"ml_upscale": "esrgan-2x", "container": "png"}),
    "sound": ("song.m4a", {"container": "flac", "audio_codec": "flac", "audio_normalize": True}),
    "subtitled": ("film.mp4", {"ml_upscale": "none", "preset": "ultrafast", "subtitle_burn_path": "subs/words.srt"}),
}
PICTURES = 6  # in folders of their own; a picture is done so quickly that one alone may escape
ENDED = ("job.done", "job.failed", "job.skipped")


@dataclass
class Attack:
    """What one daemon goes through. All folders are on one disk, as exchanging names requires."""

    harness: Harness
    names: Sequence[str] = tuple(FOLDERS)
    exchanges: int = 0
    seconds: float = 0.0  # in which names were exchanged
    _rounds: int = 0
    _shares: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.names:
            file, preset = FOLDERS[name]
            self._shares[name] = self.harness.folder(name, preset=preset, recursive=True)
            make_pair(self.harness.root / "media" / name, file)
            if name == "subtitled":
                make_pair(self.harness.root / "media" / name, "words.srt")

    def run(self, seconds: float, pause: float = 0.0) -> None:
        """Start the daemon, exchange names while it works, at least once and for this long, and end it."""
        self.harness.start()
        self._round(pause)
        while self.seconds < seconds:
            self._round(pause)
        assert self.harness.stop() == 0

    def leaks(self) -> list[Path]:
        """Return the private media in the folders, and where they ended up."""
        places = [share.parent for share in self._shares.values()]
        return [path for place in places for path in private_files(place)]

    def _round(self, pause: float) -> None:
        self._rounds += 1
        before = self._count("job.queued")
        pairs = [pair for name in self.names for pair in self._drop(name)]
        jobs = len(pairs)
        eventually(lambda: self._count("job.queued") >= before + jobs, what="all jobs", details=self.harness.log)
        exchanger, begun = Exchanger(pairs, pause), time.monotonic()
        try:
            ended = self._count(*ENDED)
            eventually(lambda: self._count(*ENDED) >= ended + jobs // 2, what="some ends", details=self.harness.log)
            self.exchanges += exchanger.stop()
            self.seconds += time.monotonic() - begun
        finally:
            exchanger.kill()

    def _drop(self, name: str) -> list[Pair]:
        """Put files into a folder, one alone and others in subfolders; returns what is to be exchanged."""
        share, number = self._shares[name], self._rounds
        media, file = self.harness.root / "media" / name, FOLDERS[name][0]
        links = self.harness.root / "links" / name / str(number)
        links.mkdir(parents=True)
        if name == "subtitled":
            (share / f"{number}").mkdir()
            shutil.copytree(media / "public", share / f"{number}" / "subs", copy_function=shutil.copy2)
            (share / f"{number}" / "subs" / file).rename(share / f"{number}" / file)
            (links / "subs").symlink_to(media / "private")
            return [(share / f"{number}" / "subs", links / "subs")]
        alone = share / f"{number}-{file}"
        shutil.copy2(media / "public" / file, alone)
        (links / file).symlink_to(media / "private" / file)
        pairs = [(alone, links / file)]
        for copy in range(PICTURES if name == "picture" else 1):
            folder, link = share / f"{number}-{copy}", links / f"folder-{copy}"
            shutil.copytree(media / "public", folder, copy_function=shutil.copy2)
            link.symlink_to(media / "private")
            pairs.append((folder, link))
        return pairs

    def _count(self, *names: str) -> int:
        return sum(len(self.harness.events(name)) for name in names)
