"""A session that compares every output frame with its input before it is used."""

from __future__ import annotations

from framewatch.errors import WrongPixelsError
from framewatch.upscale.checks.output_check import CheckResult, OutputCheck
from framewatch.upscale.engine import Session
from framewatch.upscale.frames.frame import Frame

_ATTEMPTS = 3  # at other pixels each time, and all must fail: so no unlucky sample stops an engine


class CheckedSession(Session):
    """Passes frames to another session, which it owns, and returns no wrong ones.

    Args:
        inner: computes the frames.
        engine: the name of the engine that opened it.
    """

    def __init__(self, inner: Session, engine: str) -> None:
        super().__init__(inner.name, inner.shape, inner.scale, inner.concurrency)
        self.engine = engine
        self._inner = inner
        self._check = OutputCheck(inner.shape, inner.scale)

    @property
    def computed(self) -> int:
        """As the inner session's."""
        return self._inner.computed

    def _run(self, frame: Frame) -> Frame:
        output = self._inner.run(frame)
        for _ in range(_ATTEMPTS):
            result = self._check.compare(frame, output)
            if result.passed:
                return output
        raise self._wrong(result)

    def _wrong(self, result: CheckResult) -> WrongPixelsError:
        where = f"at {result.x}, {result.y} of a frame of {self.shape.width}x{self.shape.height}"
        return WrongPixelsError(f"{self.name} began to return wrong pixels: {result.description} ({where})")

    def _release(self) -> None:
        self._inner.close()
