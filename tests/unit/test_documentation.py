"""The documents name everything that they claim to list."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tools import carriage

ROOT = Path(__file__).parents[2]
EVENT = r"[a-z_]+\.[a-z_]+"


def logged(source: Path) -> Iterator[str]:
    """Yield the events that a module logs: the texts in calls of its logger that have the form of one."""
    for call in ast.walk(ast.parse(source.read_text())):
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("_log"):
            texts = [text.value for text in call.args if isinstance(text, ast.Constant)]
            yield from (text for text in texts if isinstance(text, str) and re.fullmatch(EVENT, text))


def test_every_decision_record_is_in_both_lists() -> None:
    records = [path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md")]
    index, architecture = (ROOT / "docs/decisions/README.md").read_text(), (ROOT / "ARCHITECTURE.md").read_text()
    assert len(records) > 40
    assert not [name for name in records if f"({name})" not in index or f"/{name})" not in architecture]


def test_the_list_of_log_events_is_complete_and_has_no_others() -> None:
    modules = list((ROOT / "daemon/framewatch").rglob("*.py"))
    events = {event for path in modules for event in logged(path)}
    rows = [line.split("|")[1] for line in (ROOT / "docs/logs.md").read_text().splitlines() if line.startswith("| `")]
    listed = {event for row in rows for event in re.findall(f"`({EVENT})`", row)}
    code = "\n".join(path.read_text() for path in modules)
    assert len(events) > 50
    assert sorted(events - listed) == []
    assert sorted(event for event in listed if f'"{event}"' not in code) == []


def test_the_page_of_what_is_carried_is_up_to_date() -> None:
    assert carriage.PAGE.read_text() == carriage.page(), "run `make carriage`"
