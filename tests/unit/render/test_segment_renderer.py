"""Claims: which of several workers renders a segment."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from faulty_os import failing
from framewatch.errors import StorageError
from framewatch.render import segment_renderer
from framewatch.render.segment_renderer import _create_claim


def test_only_the_first_worker_claims_a_segment(tmp_path: Path) -> None:
    assert _create_claim(tmp_path / "claim-00001")
    assert not _create_claim(tmp_path / "claim-00001")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "storage.full"),
        (errno.EDQUOT, "storage.full"),
        (errno.EIO, "storage.unavailable"),
    ],
)
def test_a_claim_that_cannot_be_written_names_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    """By its path the job knows that it is the work folder's disk that is full."""
    path = tmp_path / "claim-00001"
    monkeypatch.setattr(segment_renderer, "os", failing("open", number))
    with pytest.raises(StorageError) as caught:
        _create_claim(path)
    assert (caught.value.finding.code, caught.value.finding.where) == (code, str(path))
