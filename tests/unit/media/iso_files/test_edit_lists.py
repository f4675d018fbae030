"""Edit lists as they are read."""

from __future__ import annotations

import io
import struct
from pathlib import Path

from framewatch.media.iso_files.edit_lists import Edit, edit_lists
from hostile_media import box
from iso_edits import with_edits
from media_factory import make_video


def test_the_edits_of_each_track_are_read(tmp_path: Path) -> None:
    film = make_video(tmp_path / "film.mp4", audio=True, output=["-c:a", "aac", "-movie_timescale", "1000"])
    with_edits(film, tmp_path / "edited.mp4", [(0.5, -1, 1), (0.25, 4096, 0.5), (0.25, 0, 0)])
    with (tmp_path / "edited.mp4").open("rb") as file:
        video, sound = edit_lists(file).values()
    assert video == (Edit(500, -1, 65536), Edit(250, 4096, 32768), Edit(250, 0, 0))
    assert [edit.changes_speed for edit in video] == [False, True, True]
    assert not any(edit.changes_speed or edit.is_empty for edit in sound)


def test_long_ones_are_read_and_hostile_ones_bounded() -> None:
    def listed(table: bytes) -> dict[int, tuple[Edit, ...]]:
        header = box(b"tkhd", struct.pack(">IIII", 0, 0, 0, 7), bytes(16))
        return edit_lists(io.BytesIO(box(b"moov", box(b"trak", header, box(b"edts", box(b"elst", table))))))

    assert listed(struct.pack(">IIQqI", 1 << 24, 1, 2**40, -1, 65536)) == {7: (Edit(2**40, -1, 65536),)}
    assert len(listed(struct.pack(">II", 0, 2**32 - 1) + bytes(12 * 50_000))[7]) == 10_000
    assert listed(struct.pack(">II", 9 << 24, 1) + bytes(40)) == {}
    assert listed(b"") == {}
