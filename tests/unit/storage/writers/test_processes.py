"""Processes that have a file open for writing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from framewatch.storage.writers.processes import writing_process

OPEN = "import sys; file = open(sys.argv[1], sys.argv[2]); print(flush=True); sys.stdin.read()"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
@pytest.mark.parametrize(("mode", "found"), [("r+b", True), ("ab", True), ("rb", False)])
def test_a_process_that_writes_is_found_until_it_ends_and_readers_are_not(
    tmp_path: Path, mode: str, found: bool
) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"film")
    file = os.open(path, os.O_RDONLY)
    command = [sys.executable, "-c", OPEN, path, mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert (writing_process(file, path.name) == other.pid) == found
        path.rename(path.with_name("renamed.mkv"))
        assert (writing_process(file, "renamed.mkv") == other.pid) == found
    assert writing_process(file, "renamed.mkv") is None
    os.close(file)
