"""A session whose every frame is held against its input before anyone gets it."""

from __future__ import annotations

from framewatch.errors import WrongPixelsError
from framewatch.upscale.checks.output_check import Deviation, OutputCheck
from framewatch.upscale.engine import Session
from framewatch.upscale.frames.frame import Frame

LOOKS = 3  # at other pixels each time, and all of them wrong: so no chance of sampling stops an engine


class CheckedSession(Session):
    """Passes frames to another session, which it owns, and lets no wrong ones pass.

    Args:
        inner: computes the frames.
        engine: the name of the engine that made it.
    """

    def __init__(self, inner: Session, engine: str) -> None:
        super().__init__(inner.name, inner.shape, inner.scale, inner.concurrency)
        self.engine = engine
        self._inner = inner
        self._sentinel = OutputCheck(inner.shape, inner.scale)

    @property
    def computed(self) -> int:
        """As the inner session's."""
        return self._inner.computed

    def _run(self, frame: Frame) -> Frame:
        output = self._inner.run(frame)
        for _ in range(LOOKS):
            deviation = self._sentinel.look(frame, output)
            if not deviation.wrong:
                return output
        raise self._wrong(deviation)

    def _wrong(self, deviation: Deviation) -> WrongPixelsError:
        where = f"at {deviation.x}, {deviation.y} of a frame of {self.shape.width}x{self.shape.height}"
        return WrongPixelsError(f"{self.name} began to give wrong pixels: {deviation.what} ({where})")

    def _release(self) -> None:
        self._inner.close()
