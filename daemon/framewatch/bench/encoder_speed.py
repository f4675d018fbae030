"""Encoders alone, side by side: how many frames a second come out of them, once they are full."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from framewatch.bench.frames import to_and_fro
from framewatch.media.commands.output_args import file_url
from framewatch.media.ffmpeg.log_parser import EncodeProgress
from framewatch.media.ffmpeg.process import Encoder
from framewatch.upscale.frames.frame import Frame

_FIRST_SECONDS = 60.0  # until each encoder has given a frame; some look at a hundred before they do
_MOST_SECONDS = 30.0  # of the measurement of slow ones
_LEAST_FRAMES = 25  # that come out of all of them, unless that takes so long
_LOOK_SECONDS = 0.02
_REPORT = ("-stats_period", "0.1")  # ffmpeg's usual half a second is too coarse


def encoding_fps(command: Sequence[str], frames: Sequence[Frame], lanes: int, folder: Path, seconds: float) -> float:
    """Frames a second that come out of so many encoders side by side, all together.

    What goes in is no measure: some take in a hundred frames before they give the first.

    Args:
        command: of one piece; its first word is the program, its last the file.
        frames: each another one: what stands still costs an encoder nothing.
        lanes: encoders.
        folder: where they write.
        seconds: how long it is measured, and longer where too few frames have come out by then.

    Returns:
        0 where one of them has given no frame within a minute.

    Raises:
        FramewatchError: one of them failed.
    """
    feeds: list[_Feed] = []
    try:
        for lane in range(lanes):
            feeds.append(_Feed(command, frames, lane * len(frames) // lanes, folder / f"lane-{lane}"))
            feeds[-1].start()
        begun = time.monotonic()
        while not all(feed.given for feed in feeds):
            if time.monotonic() - begun > _FIRST_SECONDS:
                return 0.0
            _wait_a_moment(feeds)
        begun = time.monotonic()
        while (took := time.monotonic() - begun) < _MOST_SECONDS:
            enough = sum(feed.given_since(begun) for feed in feeds) >= _LEAST_FRAMES
            if took >= seconds and enough:
                break
            _wait_a_moment(feeds)
        return sum(feed.fps_since(begun) for feed in feeds)
    finally:
        for feed in feeds:
            feed.end()


class _Feed(threading.Thread):
    """Feeds one encoder without end, and notes what it says of its progress."""

    def __init__(self, command: Sequence[str], frames: Sequence[Frame], first: int, out: Path) -> None:
        super().__init__(name=out.name, daemon=True)
        self.failure: BaseException | None = None
        self._said: list[tuple[float, int]] = []  # monotonic seconds, frames written
        self._frames = to_and_fro(frames, first)
        path = out.with_suffix(Path(command[-1]).suffix)
        argv = [command[0], *_REPORT, *command[1:-1], file_url(path)]
        self._encoder = Encoder(argv, on_progress=self._note)

    def run(self) -> None:
        try:
            for frame in self._frames:
                self._encoder.write(frame)
        except BaseException as error:  # noqa: BLE001 - a thread's boundary: `encoding_fps` raises it
            self.failure = error

    @property
    def given(self) -> int:
        """Frames that have come out."""
        return self._said[-1][1] if self._said else 0

    def given_since(self, begun: float) -> int:
        """Frames that have come out since the first report after this moment."""
        said = self._since(begun)
        return said[-1][1] - said[0][1] if said else 0

    def fps_since(self, begun: float) -> float:
        """Frames a second between the first and the last report after this moment."""
        said = self._since(begun)
        took = said[-1][0] - said[0][0] if said else 0.0
        return self.given_since(begun) / took if took else 0.0

    def end(self) -> None:
        """Stop encoder and thread, whatever they are at."""
        self._encoder.abort()
        self.join()

    def _note(self, progress: EncodeProgress) -> None:
        self._said.append((time.monotonic(), progress.frames))

    def _since(self, begun: float) -> list[tuple[float, int]]:
        return [one for one in list(self._said) if one[0] >= begun]


def _wait_a_moment(feeds: Sequence[_Feed]) -> None:
    """Raises what a feed failed with."""
    time.sleep(_LOOK_SECONDS)
    for feed in feeds:
        if feed.failure is not None:
            raise feed.failure
