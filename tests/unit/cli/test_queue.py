"""`framewatch cancel` and `retry` refuse at once what the daemon would refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from framewatch.cli.output import exit_code
from framewatch.cli.queue.again import retry
from framewatch.cli.queue.cancel import cancel
from framewatch.cli.queue.pause import resume
from framewatch.domain import Job, JobState, Journal
from framewatch.errors import FramewatchError
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.retry_policy import RetryPolicy
from framewatch.jobs.lifecycle.transitions import transition
from framewatch.jobs.scheduling.pauses import Pauses
from framewatch.jobs.store.store import Store
from job_factory import MakeJob, identity_of

S = JobState
PLACED = Journal(output_done=True)
HELD: list[dict[str, Any]] = [
    {"held_state": S.QUEUED},
    {"held_state": S.PUBLISHING, "outcome": S.DONE},
    {"held_state": S.PUBLISHING, "outcome": S.DONE, "journal": PLACED},
    {"held_state": S.PUBLISHING, "outcome": S.FAILED},
    {"held_state": S.PUBLISHING, "outcome": S.CANCELLED},
]
STATES: list[dict[str, Any]] = [
    *({"state": state} for state in S if state != S.HELD),
    *({"state": S.HELD} | held for held in HELD),
]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "framewatch.yaml"
    settings = {"state_dir": str(tmp_path), "folders": [{"name": "anime", "input": str(tmp_path / "in")}]}
    path.write_text(yaml.safe_dump(settings))
    return path


def refusal(act: Callable[[], object]) -> FramewatchError | None:
    try:
        act()
    except FramewatchError as error:
        return error
    except typer.Exit:  # the request is kept, but no daemon runs
        return None
    return None


@pytest.mark.parametrize("changes", STATES, ids=str)
@pytest.mark.parametrize("kind", ["cancel", "retry"])
def test_a_command_refuses_what_the_daemon_would_refuse(
    changes: dict[str, Any], kind: str, config: Path, tmp_path: Path, make_job: MakeJob
) -> None:
    source = tmp_path / "a.mkv"
    source.touch()
    job: Job = make_job(source=source, **changes)
    with Store.open(tmp_path / "framewatch.db") as store:
        store.add(job)
    command = {"cancel": cancel, "retry": retry}[kind]
    event = ev.CancelAsked() if kind == "cancel" else ev.RetryAsked(source, identity_of(source), job.output)
    by_daemon = refusal(lambda: transition(job, event, 0.0, RetryPolicy()))
    by_command = refusal(lambda: command([job.id], config=config))
    assert (by_command and by_command.finding) == (by_daemon and by_daemon.finding)
    with Store.open(tmp_path / "framewatch.db") as store:
        assert len(store.take_requests()) == (by_daemon is None)
    if by_command is not None:
        assert exit_code(by_command) == 2
        assert by_command.finding.hint


def test_a_held_job_whose_files_are_being_moved_cannot_be_cancelled(
    config: Path, tmp_path: Path, make_job: MakeJob
) -> None:
    job = make_job(state=S.HELD, held_state=S.PUBLISHING, outcome=S.DONE, journal=PLACED)
    with Store.open(tmp_path / "framewatch.db") as store:
        store.add(job)
    error = refusal(lambda: cancel([job.id], config=config))
    assert error is not None
    assert error.finding.code == "job.not_cancelable"


def test_a_job_whose_source_is_gone_cannot_be_retried(config: Path, tmp_path: Path, make_job: MakeJob) -> None:
    job = make_job(state=S.FAILED, source=tmp_path / "gone.mkv")
    with Store.open(tmp_path / "framewatch.db") as store:
        store.add(job)
    error = refusal(lambda: retry([job.id], config=config))
    assert error is not None
    assert (error.finding.code, exit_code(error)) == ("source.vanished", 2)


def test_what_stays_paused_is_told(
    config: Path, tmp_path: Path, make_job: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(tmp_path / "framewatch.db") as store:
        store.add(make_job(paused=True))
        pauses = Pauses(store, lambda: 1.0)
        pauses.begin("anime")
        pauses.begin(None)
    with pytest.raises(typer.Exit):
        resume(config=config)
    assert "still paused: folder anime, 1 single job;" in capsys.readouterr().err
    with pytest.raises(typer.Exit):
        resume(config=config, everything=True)
    assert "still paused" not in capsys.readouterr().err
