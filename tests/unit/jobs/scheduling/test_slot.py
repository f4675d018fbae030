"""An attempt: what is reported where it failed because its source is no longer the file that was queued."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from framewatch.errors import (
    FramewatchError,
    MediaError,
    RuleError,
    StorageError,
    VerificationError,
    WorkerError,
)
from framewatch.jobs.scheduling import slot as module
from framewatch.jobs.scheduling.slot import Slot
from framewatch.jobs.scheduling.stop_request import StopRequest
from job_factory import MakeJob, identity_of


def behind_a_link(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to("moved")


def changed(path: Path) -> None:
    path.write_bytes(b"another version")


@pytest.mark.parametrize("kind", [MediaError, RuleError, StorageError, VerificationError, WorkerError])
@pytest.mark.parametrize(
    ("happen", "code"),
    [
        (Path.unlink, "source.vanished"),
        (behind_a_link, "source.vanished"),
        (changed, "source.changed"),
        (Path.exists, "the.error"),  # nothing happens
    ],
)
def test_a_source_that_was_exchanged_is_the_reason_whatever_failed(
    kind: type[FramewatchError],
    happen: Callable[[Path], None],
    code: str,
    make_job: MakeJob,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = tmp_path / "in" / "sub" / "a.mkv"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"one version")
    job = make_job(source=source, relative=Path("sub/a.mkv"), identity=identity_of(source))

    def fail(*_: object) -> None:
        happen(source)
        raise kind("what a worker says of other bytes", code="the.error")

    monkeypatch.setattr(module, "Pipeline", lambda *_: MagicMock(run=fail))
    manager = MagicMock(work_folder=lambda _: tmp_path / "work")
    slot = Slot("cpu-0", manager, MagicMock(), MagicMock(), lambda _: None, gpu=False)
    with pytest.raises(FramewatchError) as caught:
        slot.attempt(job, StopRequest())
    assert caught.value.finding.code == code
