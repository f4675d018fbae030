"""Reading files whose sizes and offsets make no sense, from disks and shares that fail."""

from __future__ import annotations

import os
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from framewatch.errors import MediaError, StorageError
from framewatch.media.probe.packet_scan import scan
from framewatch.media.probe.probe import probe
from framewatch.media.probe.safe_open import media_errors, open_file
from media_factory import make_video

DATA_OBJECT = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")  # ASF: ASF_Data_Object


def resized(path: Path, mark: bytes, size: int) -> Path:
    """State another size of 64 bits, little-endian, behind a mark."""
    data = path.read_bytes()
    at = data.index(mark) + len(mark)
    path.write_bytes(data[:at] + struct.pack("<Q", size) + data[at + 8 :])
    return path


def test_an_offset_that_no_file_can_have_is_answered_as_libav_does(clip: Path) -> None:
    with open_file(clip) as file:
        file.read(10)
        for offset, whence in [(-1, os.SEEK_SET), (-(1 << 63), os.SEEK_CUR), (1 << 63, os.SEEK_SET), (0, 99)]:
            assert file.seek(offset, whence) < 0
        assert file.tell() == 10
        assert file.seek((1 << 63) - 1) < 0 or file.read(100) == b""
        assert file.seek(3) == 3


def test_a_read_reserves_no_more_than_a_buffer(clip: Path) -> None:
    """Libav asks for as many bytes as an element states, and Python reserves them at once."""
    with open_file(clip) as file:
        assert len(file.read(1 << 60)) == clip.stat().st_size


def test_errors_of_the_share_are_not_the_files(clip: Path) -> None:
    with open_file(clip) as file:
        os.close(file.fileno())  # EBADF from now on
        with pytest.raises(StorageError):
            file.seek(0)
        with pytest.raises(StorageError):
            file.read(1)


@pytest.mark.skipif(sys.platform != "linux", reason="a file that reads as EIO, which macOS lacks")
def test_an_input_output_error_is_not_the_files() -> None:
    with open_file(Path("/proc/self/mem")) as file, pytest.raises(StorageError):  # nothing is mapped at address 0
        file.read(1)


@pytest.mark.parametrize("size", [0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_an_asf_with_any_stated_size_is_read_or_the_file_is_to_blame(tmp_path: Path, size: int) -> None:
    path = resized(make_video(tmp_path / "a.asf", codec=("-c:v", "mpeg4")), DATA_OBJECT, size)
    with suppress(MediaError):
        assert scan(path, probe(path).streams[0].index).pts


@pytest.mark.parametrize(
    "error", [ValueError, OverflowError, IndexError, AttributeError, struct.error, EOFError, KeyError]
)
def test_whatever_python_raises_about_a_files_content_names_file_and_reason(error: type[Exception]) -> None:
    with pytest.raises(MediaError) as caught, media_errors(Path("/in/a.mp4")):
        raise error("the reason")
    assert caught.value.finding.code == "media.unreadable"
    assert "a.mp4" in caught.value.finding.message
    assert "the reason" in caught.value.finding.message
    assert isinstance(caught.value.__cause__, error)


@pytest.mark.parametrize(
    "head",
    [
        struct.pack(">I4sQ", 1, b"free", 0) * 2,  # a box of no bytes: one would read it for ever
        struct.pack(">I4sQ", 1, b"free", 15) * 2,
        b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xfe",  # an EBML header of 2^56 bytes
    ],
)
def test_an_impossible_size_in_the_outermost_structure_is_noticed_at_once(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(head)
    begun = time.monotonic()
    with pytest.raises(MediaError) as caught:
        probe(path)
    assert caught.value.finding.code == "media.truncated"
    assert time.monotonic() - begun < 0.5
