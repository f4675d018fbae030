"""Mutated presets, as strangers may put them into a watched folder."""

from __future__ import annotations

import ast
import os
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

import read_presets
from figures import Fuzzed
from fuzz_settings import FIRST, PRESETS, again, chunks
from harness import Harness, framewatch
from preset_fuzz import fuzz_preset

SECONDS = 10.0  # for one preset, on a slow machine
FOLDERS = 20  # of a configuration that the installed command checks


@pytest.mark.parametrize("numbers", chunks(PRESETS), ids=str)
def test_any_preset_is_read_or_refused(numbers: range, fuzzed: Fuzzed, clip: Path) -> None:
    outcomes: Counter[str] = Counter()
    slowest, most, next_number = 0.0, 0, numbers.start
    for line in _lines(numbers, clip):
        number, result, seconds, memory = ast.literal_eval(line)
        assert "Traceback" not in result, f"preset {number}: {result}\n{again('test_presets', 'PRESETS', number)}"
        outcomes[result] += 1
        slowest, most, next_number = max(slowest, seconds), max(most, memory), number + 1
    hint = again("test_presets", "PRESETS", next_number)
    assert next_number == numbers.stop, (
        f"preset {next_number} took more than {SECONDS:g} s, or ended the process\n{hint}"
    )
    fuzzed("preset, read and planned for a clip", outcomes, slowest, most)


def _lines(numbers: range, clip: Path) -> Iterator[str]:
    """Yield what the reading process prints, until it ends or prints nothing for too long."""
    script = [sys.executable, read_presets.__file__, str(clip), str(numbers.start), str(len(numbers))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True, env=environment) as process:
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        try:
            while line := lines.get(timeout=SECONDS):
                yield line
        except queue.Empty:
            return
        finally:
            process.kill()


def _read(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def test_the_command_checks_folders_with_any_presets(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    for number in range(FIRST, FIRST + FOLDERS):
        share = harness.folder(f"folder{number}", preset=False)
        (share / "framewatch-preset.yaml").write_bytes(fuzz_preset(number))
    done = framewatch("check", "--config", harness.config, timeout=60)
    assert done.returncode in (0, 1, 2)
    assert "Traceback" not in done.stdout + done.stderr
