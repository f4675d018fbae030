"""What may be moved along, by names."""

from __future__ import annotations

import pytest

from framewatch.library.remains import is_foreign_work, is_sample


@pytest.mark.parametrize(
    ("path", "sample"),
    [
        *(
            (path, True)
            for path in ("Film/Sample/x.mkv", "Film/sample.mkv", "Film/film-sample.mkv", "sample-film.avi")
        ),
        *((path, False) for path in ("Free Sample/Free Sample 2012.mkv", "Film/samples of life.mkv", "Proof.mkv")),
    ],
)
def test_samples_are_known_by_folder_or_name(path: str, sample: bool) -> None:
    assert is_sample(path) is sample


def test_only_hidden_files_that_nobody_needs_are_moved() -> None:
    assert not any(map(is_foreign_work, (".DS_Store", "._film.mkv", ".nomedia", "film.mkv")))
    assert all(map(is_foreign_work, (".film.mkv.Xy12Za", ".syncthing.film.mkv.tmp", ".stfolder", ".smbdelete0001")))
