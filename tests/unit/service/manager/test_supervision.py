"""The service manager hears in time that the main loop runs, and what the daemon does when that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from framewatch.domain import JobState
from framewatch.service.manager.supervision import Supervision, summary


@dataclass
class Listener:
    env: Mapping[str, str]
    now: float = 0.0
    status: str = "watching"
    said: list[tuple[float, dict[str, object]]] = field(default_factory=list)

    def run(self, seconds: int) -> list[tuple[float, dict[str, object]]]:
        supervision = Supervision(
            lambda: self.status,
            env=self.env,
            clock=lambda: self.now,
            send=lambda **fields: self.said.append((self.now, fields)),
        )
        for _ in range(2 * seconds):
            supervision.beat()
            self.now += 0.5
            if self.now == 7:
                self.status = "working"
        return self.said


def test_the_watchdog_hears_of_the_loop_four_times_in_its_interval() -> None:
    said = Listener({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "12000000"}).run(12)
    assert [at for at, fields in said if fields == {"WATCHDOG": 1}] == [0, 3, 6, 9]


def test_the_status_is_sent_when_it_has_changed() -> None:
    said = Listener({"NOTIFY_SOCKET": "/n"}).run(30)
    assert said == [(0, {"STATUS": "watching"}), (10, {"STATUS": "working"})]


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"WATCHDOG_USEC": "1000000"},
        {"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "1000000"},
    ],
)
def test_nothing_is_sent_where_no_service_manager_listens(env: dict[str, str]) -> None:
    assert Listener(env).run(10) == []


@pytest.mark.parametrize("expected", [{"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}])
def test_no_watchdog_is_fed_that_waits_for_another_process(expected: dict[str, str]) -> None:
    said = Listener({"NOTIFY_SOCKET": "/n", **expected}).run(3)
    assert [fields for _, fields in said if "WATCHDOG" in fields] == []


def test_the_summary_names_what_there_is() -> None:
    counts = dict.fromkeys(JobState, 0)
    assert summary(counts, 1) == "watching 1 folder: nothing to do"
    counts |= {JobState.RUNNING: 1, JobState.PUBLISHING: 1, JobState.QUEUED: 14, JobState.HELD: 2, JobState.DONE: 9}
    assert summary(counts, 2) == "watching 2 folders: 2 running, 14 queued, 2 held"
    assert summary(counts, 2, paused=True) == "paused, watching 2 folders: 2 running, 14 queued, 2 held"
