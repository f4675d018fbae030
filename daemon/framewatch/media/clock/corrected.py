"""Reads a file with its corrected clock: the same bytes at the same places, but for time stamps."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import defaultdict

from framewatch.domain import SourceClock
from framewatch.media.clock.stamps import MARGIN, packet_size, patch_program, patch_transport

_SURVEYED = 64 * 1024


class ClockCorrection:
    """Corrects pieces of one open file."""

    def __init__(self, descriptor: int, clock: SourceClock) -> None:
        """Look at the beginning of the file.

        Raises:
            OSError: it cannot be read.
        """
        self._descriptor = descriptor
        steps: dict[int | None, list[tuple[int, int]]] = defaultdict(list, {None: []})
        for step in clock.steps:
            steps[step.stream].append((step.first, step.offset))
        self._places = {stream: [first for first, _ in known] for stream, known in steps.items()}
        self._offsets = {stream: [0, *(offset for _, offset in known)] for stream, known in steps.items()}
        self._first = min((step.first for step in clock.steps), default=0)
        is_transport = clock.container == "mpegts"
        self._packet_size = packet_size(os.pread(descriptor, _SURVEYED, 0)) if is_transport else None

    def corrected(self, data: bytes, begin: int) -> bytes:
        """Return the piece that lies at `begin` with its corrected time stamps.

        Raises:
            OSError: what is around it cannot be read.
        """
        end = begin + len(data)
        if end <= self._first:
            return data
        start = max(begin - MARGIN, 0)
        before = os.pread(self._descriptor, begin - start, start)
        after = os.pread(self._descriptor, MARGIN, end)
        around = bytearray(before + data + after)
        if self._packet_size is None:
            patch_program(around, start, self._offset)
        else:
            patch_transport(around, start, self._packet_size, self._offset)
        return bytes(around[len(before) : len(before) + len(data)])

    def _offset(self, stream: int | None, place: int) -> int:
        known = stream if stream in self._places else None
        return self._offsets[known][bisect_right(self._places[known], place)]
