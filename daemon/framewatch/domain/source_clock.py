"""How the clock of a joined recording is put right, as numbers to add to the time stamps in the file."""

from __future__ import annotations

from typing import Literal, get_args

from framewatch.domain.record import Record

ClockContainer = Literal["mpegts", "mpeg"]
CLOCK_CONTAINERS: tuple[ClockContainer, ...] = get_args(ClockContainer)
"""libav's names of the containers whose clock is corrected where it jumps: transport and program streams."""


class ClockStep(Record):
    """From a place in the file on, this is added to the time stamps of a stream, in place of what was before."""

    stream: int | None  # the stream's identifier in the file (PID, stream_id); None: all that have no steps
    first: int  # byte offset of the first packet with another clock
    before: int  # byte offset of the stream's packets before it that libav may take for damaged, because of the step
    offset: int  # ticks of 90 kHz, modulo 2^33


class SourceClock(Record):
    """The corrections of a file's clock. Time stamps keep their places in the file, and the file its size."""

    container: ClockContainer
    steps: tuple[ClockStep, ...]  # in the order of the file

    def is_doubted(self, place: int) -> bool:
        """Return whether libav may take a packet of picture for damaged that is just the last one before a step."""
        return any(step.before <= place < step.first for step in self.steps)
