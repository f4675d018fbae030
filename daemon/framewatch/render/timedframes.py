"""Frames of a variable rate on their way into the encoder: each with the time at which it is shown."""

from __future__ import annotations

from framewatch.media.ffmpeg.matroska_pipe import TimedPipe
from framewatch.media.ffmpeg.process import Encoder
from framewatch.upscale.contract import Frame


class TimedFrames:
    """An encoder that is told when each frame is shown: frames of a variable rate, each in a container's block."""

    def __init__(self, encoder: Encoder, pipe: TimedPipe) -> None:
        self._encoder = encoder
        self._pipe = pipe

    def write(self, frame: Frame) -> None:
        """Give one frame; they come in the order of the timeline."""
        self._encoder.write(self._pipe.head(frame.nbytes))
        self._encoder.write(frame)

    def finish(self) -> None:
        """As the encoder's."""
        self._encoder.finish()

    def abort(self) -> None:
        """As the encoder's."""
        self._encoder.abort()
