"""Which processes are daemons."""

from __future__ import annotations

import pytest

from framewatch.service.daemon_search import is_daemon


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (["/usr/bin/python3", "/opt/framewatch/bin/framewatch", "run", "--config", "/etc/framewatch.yaml"], True),
        (["python3", "-P", "-m", "framewatch", "run"], True),
        (["/opt/framewatch/bin/framewatch", "run"], True),
        (["python3", "/opt/framewatch/bin/framewatch", "status"], False),
        (["python3", "-m", "framewatch.render.worker", "10"], False),
        (["vim", "a", "b", "c", "d", "e", "framewatch", "run"], False),
        (["sudo", "-u", "films", "framewatch", "run"], False),
        ([], False),
    ],
)
def test_a_daemon_is_known_by_its_command_line(command: list[str], found: bool) -> None:
    assert is_daemon(command) is found
