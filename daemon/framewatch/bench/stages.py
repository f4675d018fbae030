"""Each stage of a render alone: decoding, upscaling with its sentinel, and encoders side by side."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from framewatch.bench.frames import best_fps, decoder, first_frames, to_and_fro
from framewatch.bench.tasks import StagesReport, StagesTask
from framewatch.media.ffmpeg import Encoder
from framewatch.media.mapping import file_url
from framewatch.render.engine import WarmEngine
from framewatch.render.spec import RenderTask
from framewatch.upscale.contract import Frame, FrameShape

Say = Callable[[str, float], None]

_FILLING = 48  # frames that an encoder of many threads takes in before it gives the first
_FILLING_SECONDS = 10.0
_LOOK_SECONDS = 0.01


def measure(task: StagesTask, say: Say) -> StagesReport:
    """Measure them one after another.

    Raises:
        FramewatchError: one of them does not work.
    """
    render = task.render
    say("upscaling alone", 0.0)
    upscaled, engine, shape, frames = _upscaling(render, task.seconds)
    say("decoding alone", 0.4)
    decoded = decoding_fps(render, shape)
    encoded = {}
    for place, (lanes, piece) in enumerate(task.pieces.items()):
        say(f"encoding alone, {lanes} at once", 0.5 + 0.5 * place / len(task.pieces))
        command = piece.planes_encoder if shape.yuv else piece.encoder
        encoded[lanes] = encoding_fps(command, frames, lanes, task.folder, task.seconds)
    return StagesReport(decode_fps=decoded, upscale_fps=upscaled, engine=engine, encode_fps=encoded)


def decoding_fps(render: RenderTask, shape: FrameShape) -> float:
    """Output frames a second of decoding the whole source into what the engine takes."""
    begun = time.perf_counter()
    deque(decoder(render, shape), maxlen=0)
    return render.timeline.frames / (time.perf_counter() - begun)


def _upscaling(render: RenderTask, seconds: float) -> tuple[float, str, FrameShape, list[Frame]]:
    """Frames a second, the engine, what it takes, and upscaled frames."""
    warm = WarmEngine(lambda _: None)
    try:
        session = warm.session(render)
        frames = first_frames(render, session.shape)
        upscaled = list(session.upscale(frames))
        return best_fps(session, to_and_fro(frames), seconds), session.name, session.shape, upscaled
    finally:
        warm.close()


def encoding_fps(command: Sequence[str], frames: Sequence[Frame], lanes: int, folder: Path, seconds: float) -> float:
    """Frames a second of so many encoders side by side, all together, once each of them is full.

    Args:
        command: of one piece; its last word is the file.
        frames: each another one: what stands still costs an encoder nothing.
        lanes: encoders.
        folder: where they write.
        seconds: how long it is measured, and how long they are at most given to fill.

    Raises:
        FramewatchError: one of them failed.
    """
    feeds: list[_Feed] = []
    try:
        for lane in range(lanes):
            feeds.append(_Feed(command, frames, lane * len(frames) // lanes, folder / f"lane-{lane}"))
            feeds[-1].start()
        full = time.perf_counter() + max(seconds, _FILLING_SECONDS)
        while min(feed.count for feed in feeds) < _FILLING and time.perf_counter() < full:
            _require_going(feeds)
        before, begun = sum(feed.count for feed in feeds), time.perf_counter()
        while (took := time.perf_counter() - begun) < seconds:
            _require_going(feeds)
        return (sum(feed.count for feed in feeds) - before) / took
    finally:
        for feed in feeds:
            feed.end()


class _Feed(threading.Thread):
    """Feeds one encoder without end."""

    def __init__(self, command: Sequence[str], frames: Sequence[Frame], first: int, out: Path) -> None:
        super().__init__(name=out.name, daemon=True)
        self.count = 0  # frames that the encoder has taken
        self.failure: BaseException | None = None
        self._frames = to_and_fro(frames, first)
        self._encoder = Encoder([*command[:-1], file_url(out.with_suffix(Path(command[-1]).suffix))])

    def run(self) -> None:
        try:
            for frame in self._frames:
                self._encoder.write(frame)
                self.count += 1
        except BaseException as error:  # noqa: BLE001 - a thread's boundary: `encoding_fps` raises it
            self.failure = error

    def end(self) -> None:
        """Stop encoder and thread, whatever they are at."""
        self._encoder.abort()
        self.join()


def _require_going(feeds: Sequence[_Feed]) -> None:
    time.sleep(_LOOK_SECONDS)
    for feed in feeds:
        if feed.failure is not None:
            raise feed.failure
