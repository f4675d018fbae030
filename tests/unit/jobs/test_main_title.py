"""Which files of a disc have its main title."""

from __future__ import annotations

from pathlib import Path

import pytest

from framewatch.errors import MediaError
from framewatch.jobs.main_title import main_title
from framewatch.storage.root import Root


def test_a_file_that_is_exchanged_meanwhile_is_a_change_of_the_disc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disc = tmp_path / "VIDEO_TS"
    disc.mkdir()
    for number in (1, 2):
        (disc / f"VTS_01_{number}.VOB").write_bytes(b"film")
    assert [part.name for part in main_title(Root(tmp_path), disc)] == ["VTS_01_1.VOB", "VTS_01_2.VOB"]
    monkeypatch.setattr(Root, "identity", lambda *_: None)  # as for a FIFO in their places
    with pytest.raises(MediaError) as caught:
        main_title(Root(tmp_path), disc)
    assert caught.value.finding.code == "source.changed"
