"""The state of the daemon as lines for a terminal: what runs first, then what is in trouble, next, and done. Pure."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from framewatch.cli.status.elsewhere import notes
from framewatch.cli.status.state import ENDED_WELL, WORKED_ON, describe_pause, describe_rebuild
from framewatch.cli.status.words import about, ago, at_end, clock, in_middle, padded, rough, size
from framewatch.domain import JobState
from framewatch.text import printable

PIPE_WIDTH = 200  # columns where no terminal limits them; the last one of a line is not cut then
_WIDE = 120  # columns from which on there is room for more
_LEAST_NAME = 12  # columns for the name of a file
_MOST_FOLDERS = 6  # lines of folders on a screen of limited height
_MOST_NOTES = 4
_GAP = "  "

_TROUBLED = (JobState.HELD, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class Page:
    """The room that there is."""

    width: int = PIPE_WIDTH
    height: int | None = None  # lines; None: any number
    limit: int = 20  # jobs of each section, where the height does not decide
    cut: bool = True  # whether the last column is cut; else it may be longer than the rest of the line

    @property
    def is_wide(self) -> bool:
        """Whether there is room for more columns."""
        return self.width >= _WIDE


class _Column(NamedTuple):
    heading: str
    width: int  # 0: what is left
    right: bool = False
    keep_ends: bool = False  # shorten in the middle


@dataclass(frozen=True, slots=True)
class _Section:
    columns: Sequence[_Column]
    rows: list[tuple[str, ...]]
    total: int

    @property
    def lines(self) -> int:
        """How many lines it takes in full, without its heading."""
        return len(self.rows) + (self.total > len(self.rows))


def screen(state: dict[str, Any], page: Page, now: float | None = None) -> list[str]:
    """Return the lines for what `read_state` returned; none is wider than the page."""
    now = time.time() if now is None else now
    head = list(_head(state, page))
    sections = [each for each in _sections(state, page, now) if each.total]
    if page.height is not None:
        sections = _fitted(sections, page.height - len(head))
    return [*head, *(line for section in sections for line in _table(section, page))]


# --- what is above the jobs ----------------------------------------------------------------------------------


def _head(state: dict[str, Any], page: Page) -> Iterator[str]:
    daemon = state["daemon"]
    running = f"daemon: running, pid {daemon['pid']}" if daemon else "daemon: not running; nothing is worked on"
    yield at_end(running, page.width)
    yield f"store: {in_middle(state['store'], page.width - 7)}"
    texts = [f"note: {note}" for note in notes(state)]
    texts += map(describe_pause, state["pauses"])
    if state["rebuilt"]:
        texts.append(describe_rebuild(state["rebuilt"]))
    yield from _wrapped(map(printable, texts), page)
    yield from _folders(state["folders"], page, running=daemon is not None)
    yield from (at_end(line, page.width) for line in _totals(state))


def _wrapped(texts: Iterable[str], page: Page) -> list[str]:
    """Return texts as lines of the page; a few of them, where its height is limited."""
    if not page.cut:
        return list(texts)
    lines = [at_end(line, page.width) for text in texts for line in textwrap.wrap(text, page.width)]
    if page.height is None or len(lines) <= _MOST_NOTES:
        return lines
    more = f"and {len(lines) - _MOST_NOTES + 1} lines more: `framewatch status | cat`"
    return [*lines[: _MOST_NOTES - 1], at_end(more, page.width)]


def _folders(folders: list[dict[str, Any]], page: Page, *, running: bool) -> Iterator[str]:
    columns = [_Column("folder", min(max((len(each["name"]) for each in folders), default=0), 20), keep_ends=True)]
    if page.is_wide:
        columns.append(_Column("input", 60, keep_ends=True))
    columns += [_Column("watched by", 10), _Column("waiting", 7, right=True), _Column("state", 0)]
    columns[0] = columns[0]._replace(width=max(columns[0].width, len("folder")))
    rows = [_folder_row(folder, page, running=running) for folder in folders]
    section = _Section(columns, rows, len(rows))
    if page.height is not None and section.lines > _MOST_FOLDERS:
        section = replace(section, rows=rows[: _MOST_FOLDERS - 1])
    yield from _table(section, page)


_COUNTS = {  # of a folder's health: what a user may wonder about
    "other_kinds": "of other kinds left alone",
    "excluded": "excluded by the settings",
    "empty": "empty",
    "late_companions": "subtitles without a video",
    "not_read": "subfolders not read",
    "unused_presets": "presets in subfolders not used",
}


def _folder_row(folder: dict[str, Any], page: Page, *, running: bool) -> tuple[str, ...]:
    # Without a daemon, what the last one reported is out of date.
    reason = f" ({folder['reason']})" if folder.get("reason") and page.is_wide else ""
    mode = f"{folder.get('mode', '')}{reason}" if running else ""
    found = folder.get("problem") or folder.get("state", "") if running else "not watched"
    if running:
        found = ", ".join(
            (found, *(f"{count} {what}" for key, what in _COUNTS.items() if (count := folder.get(key))))
        )
    waiting = str(folder.get("waiting", "")) if running else ""
    place = str(folder.get("input", ""))
    if page.is_wide:
        return (folder["name"], place, mode, waiting, found)
    return (folder["name"], mode, waiting, found if not found.startswith("ok") else f"{found}  {place}")


def _totals(state: dict[str, Any]) -> Iterator[str]:
    counts = {name: count for name, count in state["counts"].items() if count}
    yield _GAP.join(f"{name} {count}" for name, count in counts.items()) or "no jobs yet"
    disk = state["disk"]
    if disk["needed"] is not None:
        free = "" if disk["free"] is None else f", {size(disk['free'])} free"
        yield f"space: the running jobs need about {size(disk['needed'])} in {disk['work_dir']}{free}"
    queue = state["queue"]
    if not queue["jobs"]:
        return
    files = "1 file" if queue["jobs"] == 1 else f"{queue['jobs']} files"
    text = f"queue: {files}, {size(queue['size'])}"
    if queue["eta_seconds"] is not None:
        text += f", all done in {about(queue['eta_seconds'])}"
    else:
        text += ", time unknown: no file like "
        text += "these was done here yet" if queue["unknown"] >= queue["jobs"] else f"{queue['unknown']} of them was"
    if queue["output_size"] is not None:
        text += f", output about {size(queue['output_size'])}"
    yield text


# --- the jobs ------------------------------------------------------------------------------------------------


def _sections(state: dict[str, Any], page: Page, now: float) -> Iterator[_Section]:
    jobs, counts = state["jobs"], state["counts"]

    def section(columns: Sequence[_Column], states: Sequence[JobState], row: Any) -> _Section:
        rows = [row(job) for job in jobs if job["status"] in states][: page.limit]
        return _Section(columns, rows, sum(counts.get(each, 0) for each in states))

    job_id = 12
    extra = [_Column("engine", 24)] if page.is_wide else []
    yield section(
        [
            _Column("RUNNING", job_id),
            _Column("file", 0, keep_ends=True),
            *extra,
            *(_Column(name, width, right=True) for name, width in _RUNNING),
        ],
        WORKED_ON,
        lambda job: _running_row(job, wide=page.is_wide),
    )
    name = min(max((len(_name(job)) for job in jobs if job["status"] in _TROUBLED), default=0), page.width // 3)
    yield section(
        [
            _Column("HELD, FAILED", job_id),
            _Column("file", max(name, _LEAST_NAME), keep_ends=True),
            _Column("status", 6),
            _Column("reason", 0),
        ],
        _TROUBLED,
        lambda job: (job["job_id"], _name(job), job["status"], _reason(job)),
    )
    yield section(
        [
            _Column("NEXT", job_id),
            _Column("file", 0, keep_ends=True),
            _Column("folder", 12, keep_ends=True),
            _Column("size", 8, right=True),
            _Column("takes about", 12, right=True),
        ],
        (JobState.QUEUED,),
        _next_row,
    )
    yield section(
        [
            _Column("DONE", job_id),
            _Column("file", 0, keep_ends=True),
            _Column("status", 9),
            _Column("took", 8, right=True),
            _Column("output", 8, right=True),
            _Column("when", 10, right=True),
        ],
        ENDED_WELL,
        lambda job: _done_row(job, now),
    )


_RUNNING = (("done", 6), ("fps", 5), ("elapsed", 8), ("left", 8), ("size", 7))


def _running_row(job: dict[str, Any], *, wide: bool) -> tuple[str, ...]:
    elapsed = "" if job["elapsed_seconds"] is None else clock(job["elapsed_seconds"])
    expected = job["expected"]["seconds"]
    left = ""
    if job["eta_seconds"] is not None:
        left = clock(job["eta_seconds"])
    elif expected is not None:
        left = f"~{clock(max(expected - (job['elapsed_seconds'] or 0), 0))}"
    fps = f"{job['fps']:.1f}" if job["fps"] and not job["interrupted"] else ""
    if job["interrupted"]:
        elapsed, left = "", "stopped"
    details = (job["engine"] or job["preset"],) if wide else ()
    return (job["job_id"], _name(job), *details, f"{job['progress']:.1f}%", fps, elapsed, left, size(job["size"]))


def _next_row(job: dict[str, Any]) -> tuple[str, ...]:
    seconds = job["expected"]["seconds"]
    takes = "paused" if job["paused"] else "unknown" if seconds is None else rough(seconds)
    return (job["job_id"], _name(job), job["folder"], size(job["size"]), takes)


def _done_row(job: dict[str, Any], now: float) -> tuple[str, ...]:
    made = job["expected"]["output_size"]
    took = "" if job["elapsed_seconds"] is None else clock(job["elapsed_seconds"])
    when = ago(now - datetime.fromisoformat(job["ended_at"]).timestamp()) if job["ended_at"] else ""
    return (job["job_id"], _name(job), job["status"], took, "" if made is None else size(made), when)


def _name(job: dict[str, Any]) -> str:
    return printable(Path(job["source"]).name)


def _reason(job: dict[str, Any]) -> str:
    """Return why a job is held or failed; a fault of the system has no path in its message."""
    error = job["error"]
    if not error:
        return ""
    where = next((finding.get("where", "") for finding in error.get("findings", ())), "")
    about = f": {printable(where)}" if error["code"].startswith("storage.") and where not in error["message"] else ""
    return f"[{error['code']}] {error['message']}{about}"


# --- tables --------------------------------------------------------------------------------------------------


def _fitted(sections: list[_Section], height: int) -> list[_Section]:
    """Return as much of the sections as fits: something of each, and the first ones in full where there is room."""
    while sections and height < 2 * len(sections):
        sections = sections[:-1]
    room = height - len(sections)  # without the headings
    share = [1] * len(sections)
    for number, section in enumerate(sections):
        others = len(sections) - number - 1
        fair = max(room // (others + 1), room - sum(each.lines for each in sections[number + 1 :]))
        share[number] = min(section.lines, fair)
        room -= share[number]
    return [_cut(section, lines) for section, lines in zip(sections, share, strict=True)]


def _cut(section: _Section, lines: int) -> _Section:
    if lines >= section.lines:
        return section
    return replace(section, rows=section.rows[: max(lines - 1, 0)])


def _table(section: _Section, page: Page) -> Iterator[str]:
    columns = section.columns
    fixed = sum(column.width for column in columns) + len(_GAP) * (len(columns) - 1)
    rest = max(page.width - fixed, _LEAST_NAME)
    widths = [column.width or rest for column in columns]
    if not page.cut:  # no wider than what is in it
        number = next(n for n, column in enumerate(columns) if not column.width)
        used = max((len(row[number]) for row in section.rows), default=0)
        widths[number] = min(rest, max(used, len(columns[number].heading)))
    for cells in ([column.heading for column in columns], *section.rows):
        yield _line(cells, columns, widths, page)
    if section.total > len(section.rows):
        yield f"and {section.total - len(section.rows)} more"


def _line(cells: Sequence[str], columns: Sequence[_Column], widths: Sequence[int], page: Page) -> str:
    made = []
    for number, (cell, column, width) in enumerate(zip(cells, columns, widths, strict=True)):
        if number == len(cells) - 1 and not page.cut and not column.right:
            made.append(printable(cell))
        else:
            text = in_middle(cell, width) if column.keep_ends else at_end(cell, width)
            made.append(padded(text, width, right=column.right))
    line = _GAP.join(made).rstrip()
    return at_end(line, page.width) if page.cut else line
