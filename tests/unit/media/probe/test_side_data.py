"""Side data of frames, which PyAV cannot always read."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import av
import pytest

from framewatch.media.probe.probe import probe
from framewatch.media.probe.side_data import SideDataType, side_data
from icc import icc_profile, png_with_icc
from media_factory import ffmpeg, remux


@pytest.fixture
def png(tmp_path: Path) -> Path:
    """A PNG with a named ICC profile."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=32x24", "-frames:v", "1", tmp_path / "a.png")
    return png_with_icc(tmp_path / "a.png", icc_profile())


def test_numbers_are_those_of_libav() -> None:
    """A wrong one would silently delete what is asked for."""
    from av.sidedata.sidedata import Type

    assert {each.name: each.value for each in SideDataType} == {
        each.name: Type[each.name].value for each in SideDataType
    }


@pytest.mark.parametrize("name", ["b.png", "b.mov", "b.mkv", "b.avi"])
def test_a_named_profile_kills_no_process(png: Path, tmp_path: Path, name: str) -> None:
    path = remux(png, tmp_path / name)
    # PyAV frees its objects late: the process has to end in good order as well.
    code = f"from pathlib import Path; from framewatch.media.probe.probe import probe; probe(Path({str(path)!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_only_what_is_asked_for_is_returned(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=32x24", "-frames:v", "1", tmp_path / "a.mp4")
    path = remux(tmp_path / "a.mp4", tmp_path / "b.mp4", before=("-display_rotation", "90"))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    found = side_data(frame, SideDataType.DISPLAYMATRIX, SideDataType.CONTENT_LIGHT_LEVEL)
    assert list(found) == [SideDataType.DISPLAYMATRIX]
    assert struct.unpack_from("2i", found[SideDataType.DISPLAYMATRIX]) == (0, -65536)
    assert side_data(frame) == {}
    assert probe(path).streams[0].video.rotation == 270
