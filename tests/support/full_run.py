"""Runs a whole attempt, from probe to verified result, in this process and with an engine that repeats pixels."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from numpy.typing import NDArray

from framewatch.domain import Record
from framewatch.jobs.attempt.context import Observer
from framewatch.jobs.attempt.pipeline import Pipeline
from framewatch.jobs.attempt.request import AttemptRequest, AttemptResult, Tools
from framewatch.media.ffmpeg.discovery import decoded_codecs, encoders, hwaccels, known_codecs
from framewatch.media.preset.preset import Preset
from framewatch.render.task_handlers import RenderHandlers
from framewatch.storage.files import named_by_user
from media_samples import FFMPEG

FAST = {"preset": "ultrafast", "crf": 1}


class InlineWorker:
    """Runs tasks in this process instead of a worker process."""

    def run(self, task: Record, on_message: Callable[[Any], None], stop: threading.Event, **_: Any) -> Any:
        return RenderHandlers(on_message).run(task)

    def helper(self, niceness: int) -> InlineWorker:
        return self

    def device_worker(self, device: str) -> InlineWorker:
        return InlineWorker()

    def keep_device_workers(self, devices: Collection[str]) -> None: ...

    def kill(self) -> None: ...


class OpenGate:
    """A gate that hands out every device at once."""

    def hold(self, *_: object) -> AbstractContextManager[None]:
        return nullcontext()

    def try_hold(self, *_: object) -> AbstractContextManager[None] | None:
        return nullcontext()


def process(
    source: Path,
    folder: Path,
    segment_seconds: float = 30.0,
    *,
    worker: InlineWorker | None = None,
    stop: threading.Event | None = None,
    gpus: int | Literal["auto"] = "auto",
    lanes: int | Literal["auto"] = "auto",
    gate: OpenGate | None = None,
    observer: Observer | None = None,
    **keys: Any,
) -> AttemptResult:
    """Process `source` with a preset of these keys; raises what a job fails with, verification included."""
    tools = Tools(
        ffmpeg=FFMPEG,
        encoders=encoders(FFMPEG),
        hwaccels=hwaccels(FFMPEG),
        decoded=decoded_codecs(FFMPEG),
        known=known_codecs(FFMPEG),
        engine="identity",
        segment_seconds=segment_seconds,
        gpus=gpus,
        lanes=lanes,
    )
    folder.mkdir(parents=True, exist_ok=True)
    request = AttemptRequest(
        source=named_by_user(source), preset=Preset(**(FAST | keys)), preset_name="test", work=folder
    )
    parts: Any = (
        worker or InlineWorker(),
        tools,
        gate or OpenGate(),
        observer or Observer(),
        stop or threading.Event(),
    )
    made = Pipeline(*parts).run(request)
    assert isinstance(made, AttemptResult)
    return made


def rgb_frames(path: Path) -> list[NDArray[np.uint8]]:
    """Return the frames of a file as RGB, each height x width x 3."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def frame_times(path: Path) -> list[float]:
    """Return the seconds at which each frame is shown."""
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
