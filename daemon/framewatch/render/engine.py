"""The engine of a worker: opened when it is first needed, kept while the next task has the same shape."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from framewatch.errors import Finding
from framewatch.render.spec import DeviceReport, ImageTask, RenderTask, TrialReport
from framewatch.upscale.choice import devices, first_device, open_session
from framewatch.upscale.contract import FrameShape, Session
from framewatch.upscale.models import load

Key = tuple[FrameShape, int, int, str]


class WarmEngine:
    """Holds at most one open session."""

    def __init__(self, on_fallback: Callable[[Finding], None]) -> None:
        """`on_fallback` gets a finding for each engine that was tried and did not work."""
        self._on_fallback = on_fallback
        self._key: Key | None = None
        self._session: Session | None = None

    def session(self, task: RenderTask | ImageTask) -> Session:
        """The session for a task: the one that is open, if it fits, else a new one, proved by its self-test.

        Raises:
            ModelMissingError: the weights are not installed, or are damaged.
            EngineError: no engine works here.
        """
        shape = FrameShape(task.width, task.height, "uint8" if task.working_format == "rgb24" else "uint16")
        key = (shape, task.scale, task.sizing.proc, task.engine)
        if self._session is None or key != self._key:
            self.close()
            network = load(f"esrgan-{task.scale}x")
            self._session = open_session(
                network,
                shape,
                task.scale,
                task.sizing.proc,
                engine=task.engine,
                on_fallback=self._on_fallback,
            )
            self._key = key
        return self._session

    def close(self) -> None:
        """Give the device's memory back."""
        session, self._session, self._key = self._session, None, None
        if session is not None:
            session.close()


def describe_device(engine: str) -> DeviceReport:
    """The device that a render with this engine would run on.

    Raises:
        EngineError: there is none.
    """
    device = first_device(engine)
    name = f"{device.engine} {device.id}".strip()
    return DeviceReport(name=name, description=device.description, memory_gb=device.memory_gb)


def try_engine(engine: str) -> TrialReport:
    """Open the engine that a render would use, on a frame of 320x180 at 2x, and time its second frame.

    Raises:
        ModelMissingError, EngineError: as `WarmEngine.session`.
    """
    frame = np.full((180, 320, 3), 128, np.uint8)
    with open_session(load("esrgan-2x"), FrameShape(320, 180), 2, 1, engine=engine) as session:
        session.run(frame)
        begun = time.perf_counter()
        session.run(frame)
        took = time.perf_counter() - begun
        seen = tuple(
            f"{device.engine}: {device.description} ({device.note})"
            for device in devices()
            if device.engine != "identity"
        )
        return TrialReport(engine=session.name, milliseconds=took * 1000, devices=seen)
