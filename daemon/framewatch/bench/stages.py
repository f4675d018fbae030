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

_LEAST_FRAMES = 25  # for each encoder, however slow


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
    piece = render.pieces[0]
    command = piece.planes_encoder if shape.yuv else piece.encoder
    encoded = {}
    for place, lanes in enumerate(task.lanes):
        say(f"encoding alone, {lanes} at once", 0.5 + 0.5 * place / len(task.lanes))
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
    """Frames a second of so many encoders side by side, all together.

    Args:
        command: of one piece; its last word is the file.
        frames: each another one: what stands still costs an encoder nothing.
        lanes: encoders.
        folder: where they write.
        seconds: how long they are fed.
    """
    counts = [0] * lanes
    failures: list[BaseException] = []
    begun = time.perf_counter()

    def encode(lane: int) -> None:
        out = folder / f"lane-{lane}{Path(command[-1]).suffix}"
        try:
            with Encoder([*command[:-1], file_url(out)]) as encoder:
                for frame in to_and_fro(frames, lane * len(frames) // lanes):
                    if counts[lane] >= _LEAST_FRAMES and time.perf_counter() - begun > seconds:
                        break
                    encoder.write(frame)
                    counts[lane] += 1
                encoder.finish()
        except BaseException as error:  # noqa: BLE001 - a thread's boundary: it is raised below
            failures.append(error)

    threads = [threading.Thread(target=encode, args=(lane,)) for lane in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(counts) / (time.perf_counter() - begun)
