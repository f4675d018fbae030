"""Gives ffmpeg a source with its corrected clock: through a pipe, since the file itself stays as it is."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from framewatch.domain import SourceClock
from framewatch.media.clock.corrected import ClockCorrection
from framewatch.storage.os_errors import storage_error

_PIECE = 1 << 20  # bytes


class CorrectedPipe:
    """Writes a file into a pipe, from its beginning, until it ends or nobody reads any more."""

    def __init__(self, source: int, clock: SourceClock, path: Path) -> None:
        """Begin.

        Args:
            source: descriptor of the file, which is closed when it is read.
            clock: its corrections.
            path: of the file, for errors.
        """
        self._source = source
        self._clock = clock
        self._path = path
        self._error: OSError | None = None
        self.read_end, self._write_end = os.pipe()
        self._thread = threading.Thread(target=self._run, name="corrected-pipe", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait until nothing is written any more; the reader has ended by then.

        Raises:
            StorageError: the file could not be read to its end.
        """
        self._thread.join()
        if self._error is not None:
            raise storage_error(self._error, self._path)

    def _run(self) -> None:
        try:
            self._write()
        except BrokenPipeError:
            pass  # the reader has enough
        except OSError as error:
            self._error = error
        finally:
            for descriptor in (self._write_end, self._source):
                with suppress(OSError):
                    os.close(descriptor)

    def _write(self) -> None:
        correction, begin = ClockCorrection(self._source, self._clock), 0
        while data := os.pread(self._source, _PIECE, begin):
            left = memoryview(correction.corrected(data, begin))
            begin += len(data)
            while left:
                left = left[os.write(self._write_end, left) :]
