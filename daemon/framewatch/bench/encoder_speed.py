"""Encoders alone, in parallel: how many frames a second come out of them once they are full."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from framewatch.bench.frames import back_and_forth
from framewatch.media.commands.output_args import file_url
from framewatch.media.ffmpeg.log_parser import EncodeProgress
from framewatch.media.ffmpeg.process import Encoder
from framewatch.upscale.frames.frame import Frame

FIRST_FRAME_SECONDS = 20.0  # for each encoder to write a frame; some look at a hundred before they do
_MIN_FRAMES = 25  # written by all of them together; fewer would make the speed a matter of chance
_POLL_SECONDS = 0.02
_PROGRESS_OPTIONS = ("-stats_period", "0.1")  # ffmpeg's default of half a second is too coarse


def encoding_fps(command: Sequence[str], frames: Sequence[Frame], lanes: int, folder: Path, seconds: float) -> float:
    """Measure the frames a second that several encoders write in parallel, all together.

    What goes in says nothing: some encoders take a hundred frames before they write the first.

    Args:
        command: encodes one segment; its first word is the program and its last the file.
        frames: all different, because a frame that is repeated costs an encoder nothing.
        lanes: the number of encoders.
        folder: where they write.
        seconds: how long to measure, up to three times as long where too few frames have come out by then.

    Returns:
        0 where one of them has written no frame within 20 s.

    Raises:
        FramewatchError: one of them failed.
    """
    feeds: list[_Feed] = []
    try:
        for lane in range(lanes):
            feeds.append(_Feed(command, frames, lane * len(frames) // lanes, folder / f"lane-{lane}"))
            feeds[-1].start()
        started = time.monotonic()
        while not all(feed.written for feed in feeds):
            if time.monotonic() - started > FIRST_FRAME_SECONDS:
                return 0.0
            _wait(feeds)
        started = time.monotonic()
        while (elapsed := time.monotonic() - started) < 3 * seconds:
            if elapsed >= seconds and sum(feed.written_since(started) for feed in feeds) >= _MIN_FRAMES:
                break
            _wait(feeds)
        return sum(feed.fps_since(started) for feed in feeds)
    finally:
        for feed in feeds:
            feed.stop()


class _Feed(threading.Thread):
    """Feeds one encoder endlessly, and keeps what it reports of its progress."""

    def __init__(self, command: Sequence[str], frames: Sequence[Frame], first: int, out: Path) -> None:
        super().__init__(name=out.name, daemon=True)
        self.failure: BaseException | None = None
        self._reports: list[tuple[float, int]] = []  # monotonic seconds, frames written
        self._frames = back_and_forth(frames, first)
        path = out.with_suffix(Path(command[-1]).suffix)
        argv = [command[0], *_PROGRESS_OPTIONS, *command[1:-1], file_url(path)]
        self._encoder = Encoder(argv, on_progress=self._note)

    def run(self) -> None:
        try:
            for frame in self._frames:
                self._encoder.write(frame)
        except BaseException as error:  # noqa: BLE001 - a thread's boundary: `_wait` raises it in the caller's thread
            self.failure = error

    @property
    def written(self) -> int:
        """Frames that have come out."""
        return self._reports[-1][1] if self._reports else 0

    def written_since(self, moment: float) -> int:
        """Frames that have come out since the first report after this moment."""
        reports = self._since(moment)
        return reports[-1][1] - reports[0][1] if reports else 0

    def fps_since(self, moment: float) -> float:
        """Frames a second between the first and the last report after this moment."""
        reports = self._since(moment)
        elapsed = reports[-1][0] - reports[0][0] if reports else 0.0
        return self.written_since(moment) / elapsed if elapsed else 0.0

    def stop(self) -> None:
        """Stop the encoder and the thread, whatever they are doing."""
        self._encoder.abort()
        self.join()

    def _note(self, progress: EncodeProgress) -> None:
        self._reports.append((time.monotonic(), progress.frames))

    def _since(self, moment: float) -> list[tuple[float, int]]:
        return [report for report in list(self._reports) if report[0] >= moment]


def _wait(feeds: Sequence[_Feed]) -> None:
    """Wait for a moment, and raise what a feed failed with."""
    time.sleep(_POLL_SECONDS)
    for feed in feeds:
        if feed.failure is not None:
            raise feed.failure
