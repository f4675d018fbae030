"""The engine of a worker: opened when it is first needed, and kept while the next task has the same shape."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from framewatch.errors import EngineError, Finding, WrongPixelsError
from framewatch.render.messages import EngineOpened, Send, Warned
from framewatch.render.tasks import DeviceReport, ImageTask, RenderTask, TrialReport
from framewatch.upscale.checks.checked_session import CheckedSession
from framewatch.upscale.engine import Device, Engine, SessionRequest
from framewatch.upscale.frames.frame import FrameShape
from framewatch.upscale.frames.yuv import Yuv420
from framewatch.upscale.network.weights import Precision, load
from framewatch.upscale.selection import ENGINES, EngineChoice, devices, equal_devices, open_session

Key = tuple[FrameShape, FrameShape | None, int, int, str, str | None, str]
T = TypeVar("T")


class WarmEngine:
    """Holds at most one open session."""

    def __init__(self, send: Send, engines: Mapping[str, Engine] = ENGINES) -> None:
        """Open nothing yet.

        Args:
            send: takes a message for the engine that each task uses, and a warning for each that did not work.
            engines: those that exist, by name.
        """
        self._send = send
        self._engines = engines
        self._key: Key | None = None
        self._session: CheckedSession | None = None
        self._distrusted: dict[str, str] = {}  # by engine: why

    def run(self, task: RenderTask | ImageTask, use: Callable[[CheckedSession], T]) -> T:
        """Return what `use` returns for the task's session; where that gives wrong pixels, use the next engine.

        Raises:
            ModelMissingError, EngineError: as `session`; where no engine is left, with the reason of each.
            FramewatchError: `use` failed.
        """
        while True:
            session = self.session(task)
            self._send(EngineOpened(engine=session.name))
            try:
                return use(session)
            except WrongPixelsError as error:
                self.distrust(error)
            except EngineError:
                self.close()  # the device may be lost: the next task opens it again
                raise

    def session(self, task: RenderTask | ImageTask) -> CheckedSession:
        """Return the session for a task: the open one if it fits, else a new one that has passed its self-test.

        Raises:
            ModelMissingError: the weights are not installed, or are damaged.
            EngineError: no engine works here.
        """
        shape, planes = rgb_of(task), planes_of(task)
        key = (shape, planes, task.scale, task.sizing.proc, task.engine, _device_of(task), task.precision)
        if self._session is None or key != self._key:
            self.close()
            self._session = self._open(task, shape, planes)
            self._key = key
        return self._session

    def _open(self, task: RenderTask | ImageTask, shape: FrameShape, planes: FrameShape | None) -> CheckedSession:
        network = load(f"esrgan-{task.scale}x", precision=task.precision)
        try:
            return open_session(
                SessionRequest(network, shape, task.scale, task.sizing.proc),
                EngineChoice(task.engine, _device_of(task), planes, self._distrusted),
                on_fallback=self._warn,
                engines=self._engines,
            )
        except EngineError:
            # With no engine left, the next task tries all of them again: one bad hour must not fail every later file.
            self._distrusted.clear()
            raise

    def distrust(self, error: WrongPixelsError) -> None:
        """Close the session, warn, and avoid its engine while this process lives and has another one."""
        if self._session is not None:
            name = self._session.engine
            self._distrusted[name] = error.finding.message
            self._warn(error.finding.at(name))
        self.close()

    @property
    def computed(self) -> int:
        """How much the open session has computed so far; a growing number is progress."""
        return self._session.computed if self._session is not None else 0

    def _warn(self, finding: Finding) -> None:
        self._send(Warned(warning=finding))

    def close(self) -> None:
        """Close the session, which frees the device's memory."""
        session, self._session, self._key = self._session, None, None
        if session is not None:
            session.close()


def rgb_of(task: RenderTask | ImageTask) -> FrameShape:
    """Return the shape of a task's frames as RGB."""
    return FrameShape(task.width, task.height, "uint8" if task.working_format == "rgb24" else "uint16")


def planes_of(task: RenderTask | ImageTask) -> FrameShape | None:
    """Return the shape of a task's frames as planes; None where they must be RGB."""
    if not isinstance(task, RenderTask) or task.planes is None:
        return None
    return FrameShape.of_planes(task.width, task.height, Yuv420(**task.planes.model_dump()))


def _device_of(task: RenderTask | ImageTask) -> str | None:
    return task.device if isinstance(task, RenderTask) else None


def describe_device(engine: str, precision: Precision = "exact") -> DeviceReport:
    """Return the device that a render with this engine and precision would run on, and those equal to it.

    Raises:
        EngineError: there is none.
    """
    first, *others = map(_report, equal_devices(engine, fast=precision == "fast"))
    return first.evolve(others=tuple(others))


def _report(device: Device) -> DeviceReport:
    return DeviceReport(
        engine=device.engine,
        id=device.id,
        description=device.description,
        memory_gb=device.memory_gb,
        gpu=device.gpu,
        in_flight=device.in_flight,
        planes=device.planes,
    )


def try_engine(engine: str, precision: Precision) -> TrialReport:
    """Open the engine that a render would use, on a frame of 320x180 at 2x, and time its second frame.

    Raises:
        ModelMissingError, EngineError: as `WarmEngine.session`.
    """
    frame = np.full((180, 320, 3), 128, np.uint8)
    request = SessionRequest(load("esrgan-2x", precision=precision), FrameShape(320, 180), 2)
    with open_session(request, EngineChoice(engine)) as session:
        session.run(frame)
        begun = time.perf_counter()
        session.run(frame)
        seconds = time.perf_counter() - begun
        found = tuple(
            f"{device.engine}: {device.description} ({device.note})"
            for device in devices()
            if device.engine != "identity"
        )
        return TrialReport(engine=session.name, milliseconds=seconds * 1000, devices=found)
