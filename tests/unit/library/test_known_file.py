"""Which files are taken for ones that are known."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from framewatch.domain import FileIdentity, KnownFile
from framewatch.library.known_file import Likeness, likeness
from framewatch.storage.files import content_sample

SECOND = 10**9
KNOWN = KnownFile(identity=FileIdentity(device=1, inode=2, size=3, mtime_ns=1_700_000_000 * SECOND), sample="s")


def seen(shift: float = 0, **changes: int) -> FileIdentity:
    return KNOWN.identity.evolve(mtime_ns=KNOWN.identity.mtime_ns + int(shift * SECOND), **changes)


@pytest.mark.parametrize(
    ("identity", "same_path", "expected"),
    [
        (seen(), True, Likeness.SAME),
        (seen(device=8, inode=9), True, Likeness.SAME),  # a network file system
        (seen(), False, Likeness.SAME),  # renamed
        (seen(inode=9), False, Likeness.PERHAPS),  # renamed on a network file system, or copied with its time
        (seen(3600), True, Likeness.PERHAPS),  # daylight saving on FAT
        (seen(-7199), True, Likeness.PERHAPS),  # and in steps of two seconds
        (seen(1), True, Likeness.PERHAPS),
        (seen(60), True, Likeness.OTHER),  # written to, or touched to have it processed again
        (seen(100 * 3600), True, Likeness.OTHER),
        (seen(size=4), True, Likeness.OTHER),
    ],
)
def test_size_and_time_say_whether_a_file_is_known(
    identity: FileIdentity, same_path: bool, expected: Likeness
) -> None:
    assert likeness(KNOWN, identity, same_path=same_path) is expected


def sample_of(path: Path) -> str:
    file = os.open(path, os.O_RDONLY)
    try:
        return content_sample(file)
    finally:
        os.close(file)


@pytest.mark.parametrize("size", [0, 1, 131_072, 131_073, 10_000_000])
def test_the_sample_reaches_from_the_beginning_to_the_end(tmp_path: Path, size: int) -> None:
    path = tmp_path / "film"
    path.write_bytes(bytes(size))
    samples = {sample_of(path)}
    for at in {0, size // 2 if size < 200_000 else 0, max(size - 1, 0)} if size else set():
        changed = bytearray(size)
        changed[at] = 1
        path.write_bytes(changed)
        assert sample_of(path) not in samples, at
    path.write_bytes(bytes(size + 1))
    assert sample_of(path) not in samples
