"""A file that a program still writes is not moved to another disk, where the program could not follow it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from framewatch.errors import Remedy, StorageError
from framewatch.storage.files import part_name
from framewatch.storage.move import Move, Moved, move
from framewatch.storage.root import Root
from mounts import tmpfs

WRITE = "import sys; file = open(sys.argv[1], 'ab'); print(flush=True); sys.stdin.read()"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who writes")
def test_the_move_waits_for_the_writer_and_leaves_nothing_behind(tmp_path: Path) -> None:
    source = tmp_path / "in" / "film.mkv"
    source.parent.mkdir()
    source.write_bytes(b"half of a film")
    with tmpfs(tmp_path / "disk", 1) as disk:
        root = Root(source.parent)
        identity = root.identity(source)
        task = Move(source, root, disk / "film.mkv", Root(disk), part_name("1"), 14, identity, not_written=True)
        command = [sys.executable, "-c", WRITE, source]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as it:
            assert it.stdout is not None
            it.stdout.readline()
            with pytest.raises(StorageError, match=f"process {it.pid} has this file open") as caught:
                move(task)
            assert (caught.value.finding.code, caught.value.remedy) == ("source.in_use", Remedy.WAIT)
            assert (source.exists(), list(disk.iterdir())) == (True, [])
        assert move(task) is Moved.DONE
        assert (disk / "film.mkv").read_bytes() == b"half of a film"
