"""The state of the daemon as tables for a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table

from framewatch.cli.output import plain_table
from framewatch.cli.status.elsewhere import notes
from framewatch.cli.status.state import describe_pause, describe_rebuild
from framewatch.text import printable


def screen(state: dict[str, Any]) -> Group:
    """Return the tables for what `read_state` returned."""
    daemon = state["daemon"]
    head = f"daemon: running, pid {daemon['pid']}" if daemon else "daemon: not running; nothing is worked on"
    counts = "  ".join(f"{name} {count}" for name, count in state["counts"].items() if count)
    return Group(
        head,
        printable(f"store: {state['store']}"),
        *(printable(f"note: {note}") for note in notes(state)),
        *(printable(describe_pause(pause)) for pause in state["pauses"]),
        *([printable(describe_rebuild(state["rebuilt"]))] if state["rebuilt"] else []),
        _folder_table(state["folders"], running=daemon is not None),
        counts or "no jobs yet",
        _job_table(state["jobs"]),
    )


def _folder_table(folders: list[dict[str, Any]], *, running: bool) -> Table:
    rows = []
    for folder in folders:
        # Without a daemon, what the last one reported is out of date.
        reason = f" ({folder['reason']})" if folder.get("reason") else ""
        mode = f"{folder.get('mode', '')}{reason}" if running else ""
        state = folder.get("problem") or folder.get("state", "") if running else "not watched"
        if running and (others := folder.get("other_kinds")):
            state = f"{state}, {others} of other kinds left alone"
        waiting = folder.get("waiting", "") if running else ""
        rows.append((folder["name"], folder.get("input", ""), mode, waiting, state))
    return plain_table(("folder", "input", "watched by", "waiting", "state"), rows)


def _job_table(jobs: list[dict[str, Any]]) -> Table:
    rows = []
    for job in jobs:
        known = job["eta_seconds"] is not None and not job["interrupted"]
        eta = _clock(job["eta_seconds"]) if known else ""
        fps = f"{job['fps']:.1f}" if job["fps"] and not job["interrupted"] else ""
        name, progress = Path(job["source"]).name, f"{job['progress']:.1f}%"
        status = "interrupted" if job["interrupted"] else "paused" if job["paused"] else job["status"]
        rows.append((job["job_id"], name, status, progress, fps, eta, _details(job)))
    return plain_table(("id", "file", "status", "progress", "fps", "time left", "details"), rows)


def _details(job: dict[str, Any]) -> str:
    error = job["error"]
    return f"[{error['code']}] {error['message']}" if error else job["engine"] or job["preset"]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
