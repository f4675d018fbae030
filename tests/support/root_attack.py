"""Watch folders whose roots, and framewatch's own files in them, are exchanged with links while the daemon works."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from canary import Canary
from exchanger import Exchanger, Pair
from harness import Harness

PRESET = {"processing_mode": "copy", "container": "mp4"}
PRIVATE_PRESET = {"processing_mode": "copy", "container": "mkv"}  # shows in the names of outputs

# What is exchanged with a link to the private folder, or to its file of the same name; below the share.
TARGETS = {
    "input": "in",
    "output": "out",
    "done": "in/done",
    "failed": "in/failed",
    "subfolder": "in/sub",
    "lock": "in/.framewatch.lock",
    "marker": "in/.framewatch",
    "preset": "in/framewatch-preset.yaml",
    "sidecar": "out/1.mp4.progress.json",  # of a file that is dropped during the attack
}


@dataclass
class RootAttack:
    """A daemon with a watch folder for each target. All are on one disk, as exchanging names requires."""

    harness: Harness
    clip: Path
    targets: Sequence[str] = tuple(TARGETS)
    exchanges: int = 0
    canary: Canary = field(init=False)
    _folders: dict[str, tuple[int, int]] = field(default_factory=dict)  # each share and its subfolder, open
    _dropped: int = 0

    def __post_init__(self) -> None:
        film = self.clip.read_bytes()
        self.canary = Canary(
            self.harness.root / "private",
            {
                "film.mp4": film,
                "sub/film.mp4": film,
                ".framewatch.lock": b"{}\n",
                ".framewatch": b"id: 0123456789abcdef\n",
                "framewatch-preset.yaml": yaml.safe_dump(PRIVATE_PRESET).encode(),
                "1.mp4.progress.json": b'{"schema": "framewatch.progress/1"}',
            },
        )
        for name in self.targets:
            share = self.harness.folder(name, preset=False if name == "preset" else PRESET, recursive=True)
            (share / "sub").mkdir()
            # By descriptor, so that the test itself never follows a link.
            self._folders[name] = (os.open(share, os.O_PATH), os.open(share / "sub", os.O_PATH))
            if name == "preset":
                (share / "framewatch-preset.yaml").write_text(yaml.safe_dump(PRESET))

    def run(self, seconds: float, pause: float = 0.0) -> None:
        """Wait until what is to be exchanged is there; then exchange, and drop files, for this long."""
        self.harness.start()
        for name in self.targets:
            if name != "sidecar":
                self.harness.wait_for(self.harness.root / name / TARGETS[name])
        exchangers = [Exchanger([self._pair(name)], pause) for name in self.targets]
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                self._drop()
                time.sleep(0.5)  # the attack lasts this long whatever happens; there is nothing to wait for
            self.exchanges += sum(each.stop() for each in exchangers)
        finally:
            for each in exchangers:
                each.kill()

    def end(self) -> list[str]:
        """End the daemon; returns what happened to the private folder."""
        assert self.harness.stop() == 0
        happened = [*self.canary.events(), *self.canary.changes()]
        self.canary.close()
        for folder in (each for pair in self._folders.values() for each in pair):
            os.close(folder)
        return happened

    def lost(self) -> list[str]:
        """Return the sources that are nowhere, or in two places."""
        places = ("in", "in/done", "in/failed")
        wrong = []
        for name in self.targets:
            share = self.harness.root / name
            for number in range(self._dropped):
                names = (f"{number}.mp4", f"sub/{number}.mp4", f"{number}-bad.mp4")
                found = {each: [place for place in places if (share / place / each).is_file()] for each in names}
                wrong += [f"{name}/{each} in {there}" for each, there in found.items() if len(there) != 1]
        return wrong

    def outputs(self) -> set[str]:
        """Return the suffixes of all outputs."""
        files = (path for name in self.targets for path in (self.harness.root / name / "out").rglob("*"))
        visible = (path for path in files if path.is_file() and not path.name.startswith("."))
        return {path.suffix for path in visible} - {".json"}

    def _pair(self, name: str) -> Pair:
        """Return a target, and a link of the same name elsewhere that leads to what is private."""
        target = self.harness.root / name / TARGETS[name]
        private = self.canary.folder / target.name
        link = self.harness.root / "links" / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(self.canary.folder if target.is_dir() and target.name != "sub" else private)
        return target, link

    def _drop(self) -> None:
        """Put films, one of them in a subfolder, and a broken one into each watch folder."""
        hidden, number = self.harness.root / "new.mp4", self._dropped
        for share, subfolder in self._folders.values():
            for folder, name in (
                (share, f"{number}.mp4"),
                (subfolder, f"{number}.mp4"),
                (share, f"{number}-bad.mp4"),
            ):
                shutil.copy(self.clip, hidden)
                if name.endswith("-bad.mp4"):
                    hidden.write_bytes(b"no film")
                os.rename(hidden, name, dst_dir_fd=folder)
        self._dropped += 1
