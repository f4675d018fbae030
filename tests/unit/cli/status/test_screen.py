"""The screen of `framewatch status`: what matters most comes first, and everything fits the terminal."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from framewatch.cli.status.screen import Page, screen

NOW = 1_800_000_000.0
LONG = "[Group] A very long title that nobody can remember - 日本語のとても長い名前 - S01E01 (1080p) [ABCDEF12].mkv"

QUEUE = {"size": 9e9, "eta_seconds": 20_000.0, "unknown": 0, "output_size": 2e10}


def job(number: int, status: str, name: str = "", **facts: Any) -> dict[str, Any]:
    error = {"code": "media.corrupt", "message": "the file is damaged from 00:03:12 on, and nothing comes after that"}
    return {
        "job_id": f"01jd3k{number:06}",
        "source": f"/nas/in/{name or f'{status} {number}.mkv'}",
        "folder": "anime",
        "preset": "anime-2x",
        "status": status,
        "progress": 42.1,
        "fps": 4.5 if status == "running" else 0.0,
        "eta_seconds": 5000.0 if status == "running" else None,
        "engine": "openvino",
        "error": error if status in ("held", "failed") else None,
        "interrupted": False,
        "paused": False,
        "size": 1_400_000_000,
        "elapsed_seconds": 3723.0,
        "ended_at": "2027-01-15T07:00:00+00:00" if status in ("done", "failed") else None,
        "expected": {"seconds": 2400.0, "output_size": 2_500_000_000, "disk": None},
    } | facts


def state(jobs: list[dict[str, Any]], folders: int = 1, **facts: Any) -> dict[str, Any]:
    statuses = [each["status"] for each in jobs]
    health = {"mode": "events", "reason": "", "waiting": 3, "state": "ok", "problem": "", "input": "/nas/anime/in"}
    return {
        "daemon": {"pid": 1},
        "store": "/var/lib/framewatch/" + "a long folder/" * 8 + "framewatch.db",
        "elsewhere": [],
        "other_stores": [],
        "disk": {"needed": 5e9, "free": 1.2e11, "work_dir": "/var/cache/framewatch"},
        "rebuilt": None,
        "pauses": [],
        "folders": [{"name": f"folder-{number}"} | health for number in range(folders)],
        "counts": {status: statuses.count(status) for status in dict.fromkeys(statuses)},
        "queue": {
            "jobs": statuses.count("queued"),
            "size": 9e9,
            "eta_seconds": 20_000.0,
            "unknown": 0,
            "output_size": 2e10,
        },
        "jobs": jobs,
    } | facts


MANY = [
    *(job(n, status) for status in ("running", "held", "failed", "queued", "done") for n in range(30)),
    job(99, "running", LONG),
    job(98, "failed", LONG),
    job(97, "queued", LONG),
]


def order(lines: list[str]) -> list[str]:
    return [word for line in lines for word in ("RUNNING", "HELD, FAILED", "NEXT", "DONE") if line.startswith(word)]


def test_what_runs_comes_first_then_trouble_then_the_queue_then_what_is_done() -> None:
    lines = screen(
        state([job(n, status) for n, status in enumerate(["done", "queued", "failed", "held", "running"])]),
        Page(80, 24),
        NOW,
    )
    assert order(lines) == ["RUNNING", "HELD, FAILED", "NEXT", "DONE"]
    text = "\n".join(lines)
    assert "space: the running jobs need about 5.0 GB in /var/cache/framewatch, 120 GB free" in lines
    running = next(line for line in lines if "running 4.mkv" in line)
    assert running.split()[3:] == ["42.1%", "4.5", "1:02:03", "1:23:20", "1.4", "GB"]
    assert "[media.corrupt] the file is damaged" in text
    assert "queue: 1 file, 9.0 GB, all done in about 5 h 33 min, output about 20.0 GB" in text
    assert next(line for line in lines if "queued 1.mkv" in line).endswith("40 min")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 16), (60, 20), (132, 50), (200, 24)])
@pytest.mark.parametrize("folders", [1, 3, 30])
def test_everything_fits_the_terminal(width: int, height: int, folders: int) -> None:
    lines = screen(state(MANY, folders), Page(width, height, limit=100), NOW)
    assert len(lines) <= height
    assert [line for line in lines if cell_len(line) > width] == []
    if (height, folders) != (16, 30):
        assert order(lines)[0] == "RUNNING"
    if height >= 24 and folders < 30:
        assert order(lines) == ["RUNNING", "HELD, FAILED", "NEXT", "DONE"]
        assert sum(line.startswith("and ") for line in lines) == 4


def test_a_list_that_is_cut_says_how_many_more_there_are() -> None:
    lines = screen(state([job(n, "queued") for n in range(50)]), Page(80, 24), NOW)
    shown = sum("queued " in line and ".mkv" in line for line in lines)
    assert lines[-1] == f"and {50 - shown} more"
    assert len(lines) == 24


def test_a_program_that_reads_the_output_gets_reasons_in_full() -> None:
    lines = screen(state([job(1, "failed", LONG)]), Page(cut=False), NOW)
    assert any(line.endswith("and nothing comes after that") for line in lines)


def test_a_time_that_nobody_knows_is_called_unknown() -> None:
    queue = {"jobs": 2, "size": 9e9, "eta_seconds": None, "unknown": 2, "output_size": None}
    unknown = {"seconds": None, "output_size": None, "disk": None}
    lines = screen(state([job(n, "queued", expected=unknown) for n in range(2)], queue=queue), Page(80, 24), NOW)
    assert "queue: 2 files, 9.0 GB, time unknown: no file like these was done here yet" in lines
    assert lines[-1].endswith("unknown")


def test_a_job_that_a_dead_daemon_left_has_neither_speed_nor_time() -> None:
    lines = screen(state([job(1, "running", interrupted=True)], daemon=None), Page(80, 24), NOW)
    assert lines[-1].split()[3:] == ["42.1%", "stopped", "1.4", "GB"]


def test_names_cannot_control_the_terminal() -> None:
    lines = screen(state([job(1, "failed", "a\n\x1b[2J.mkv")]), Page(80, 24), NOW)
    assert all(line.isprintable() for line in lines)


def test_many_notes_leave_room_for_the_jobs() -> None:
    others = [{"pid": pid, "user": "media", "store": f"/srv/映画/{'x' * 90}"} for pid in range(8)]
    lines = screen(state(MANY, 9, daemon=None, elsewhere=others), Page(80, 24), NOW)
    assert (len(lines) <= 24, order(lines)) == (True, ["RUNNING", "HELD, FAILED", "NEXT", "DONE"])
    assert [line for line in lines if cell_len(line) > 80] == []
    assert any(line.endswith("lines more: `framewatch status | cat`") for line in lines)


def test_a_fault_of_a_disk_or_folder_names_its_path() -> None:
    finding = {"code": "storage.denied", "message": "Permission denied", "hint": "", "where": "/nas/out"}
    error = {**finding, "findings": [finding]}
    told = "\n".join(screen(state([job(1, "held", error=error)]), Page(cut=False), NOW))
    assert "[storage.denied] Permission denied: /nas/out" in told
