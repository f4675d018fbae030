"""Reads mutated presets, as the daemon does; run by test_presets.py in a process of its own, which may hang.

`python read_presets.py CLIP FIRST COUNT` prints a line for each: number, outcome, seconds, and the peak of memory.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path

from examine import FFMPEG
from framewatch.errors import ConfigError, FramewatchError
from framewatch.jobs.attempt.planning import plan_file
from framewatch.jobs.attempt.request import AttemptRequest, Tools
from framewatch.media.ffmpeg.discovery import encoders
from framewatch.media.preset.loader import load_folder_preset
from framewatch.render.task_handlers import RenderHandlers
from framewatch.storage.files import named_by_user
from framewatch.storage.root import Root
from preset_fuzz import fuzz_preset

MEMORY_BYTES = 4 << 30  # of the address space; a document has at most 256 KiB


class Reader:
    """Reads a preset and plans a job for a clip with it."""

    def __init__(self, clip: Path, folder: Path) -> None:
        self._source = named_by_user(clip)
        self._path = folder / "framewatch-preset.yaml"
        self._tools = Tools(ffmpeg=FFMPEG, encoders=encoders(FFMPEG), engine="identity")
        self._handlers = RenderHandlers(lambda _: None)

    def outcome(self, document: bytes) -> str:
        """Return what came of a document; anything but an error for users is a traceback."""
        self._path.write_bytes(document)
        try:
            found = load_folder_preset(Root(self._path.parent))
            request = AttemptRequest(
                source=self._source, preset=found.preset, preset_name=found.name, work=self._path.parent
            )
            planned = plan_file(request, self._tools, self._handlers.run)
        except ConfigError:
            return "refused as documents"
        except FramewatchError as error:
            return f"refused for the file ({error.finding.code.partition('.')[0]})"
        except Exception:  # noqa: BLE001 - this is what is looked for
            return traceback.format_exc()
        return "not for the file" if planned.plan is None else "planned"


def main(clip: Path, first: int, count: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(clip, Path(folder))
        for number in range(first, first + count):
            begun = time.perf_counter()
            result = reader.outcome(fuzz_preset(number))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
            sys.stdout.write(repr((number, result, time.perf_counter() - begun, peak)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
