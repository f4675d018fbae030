"""Nobody who logs waits for a reader."""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path

import pytest
import structlog

from framewatch.service import log_queue, logs
from framewatch.service.log_queue import QueuedHandler
from waiting import eventually


class Reader(logging.Handler):
    """Reads a line only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.reads = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.reads.wait()
        self.lines.append(record.getMessage())


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, "", 0, text, None, None)


def test_lines_beyond_the_bound_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_queue, "CLOSE_SECONDS", 0.1)
    reader = Reader()
    handler = QueuedHandler(reader, lambda count: record(f"{count} dropped"), most=2)
    handler.handle(record("first"))
    eventually(lambda: not handler._records, what="the first line to be taken")
    for number in range(5):
        handler.handle(record(str(number)))
    reader.reads.set()
    eventually(lambda: len(reader.lines) == 4, what="the lines")
    assert reader.lines == ["first", "3 dropped", "0", "1"]
    reader.reads.clear()
    handler.handle(record("never read"))
    handler.close()  # returns
    reader.reads.set()


def test_the_lines_that_are_left_at_the_end_are_written_also_that_some_were_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_queue, "MOST_LINES", 1)
    root, file = logging.getLogger(), tmp_path / "log.jsonl"
    before = root.handlers[:], root.level
    try:
        logs.configure(form="json", file=file, max_bytes=10**6, backups=1)
        structlog.get_logger("test").warning("caf\udce9", path=Path("/a"))
        to_file = root.handlers[1]
        assert isinstance(to_file, QueuedHandler)
        to_file.handle(logs._dropped(3))
    finally:
        for handler in root.handlers[:]:
            root.removeHandler(handler)
            handler.close()
        root.handlers[:], root.level = before
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("caf\ufffd", "warning"),
        ("log.dropped", "warning"),
    ]
    assert lines[1]["count"] == 3
    assert lines[1]["timestamp"].endswith("Z")


def test_a_closed_stderr_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr("sys.stderr", closed)
        monkeypatch.setattr(logging, "raiseExceptions", False)
        log_queue.StderrHandler().handle(record("unread"))
