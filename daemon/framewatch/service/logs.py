"""Logging: structlog events with stable names, as JSON lines or, on a terminal, as coloured text.

An event is a name with key-value pairs, `job.done job_id=… frames=100`. The names are public;
docs/logs.md lists them.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Literal, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from framewatch.errors import ConfigError
from framewatch.service.log_queue import QueuedHandler, StderrHandler
from framewatch.text import printable

_SURROGATES = re.compile("[\ud800-\udfff]")  # Python's way to keep bytes of a name that are not UTF-8

Format = Literal["auto", "json", "console"]


def configure(
    *,
    form: Format = "auto",
    level: str = "info",
    file: Path | None = None,
    max_bytes: int,
    backups: int,
) -> None:
    """Send events to stderr and, as JSON, to a rotating `file`. May be called again; the last call counts.

    Raises:
        ConfigError: the log file cannot be opened.
    """
    plain = form == "json" or (form == "auto" and not sys.stderr.isatty())
    # A log on a full disk loses lines, but must not fill the other logs with tracebacks.
    logging.raiseExceptions = False
    targets: list[logging.Handler] = [_handler(StderrHandler(), _json() if plain else _text())]
    if file is not None:
        targets.append(_handler(_rotating(file, max_bytes, backups), _json()))
    handlers = [QueuedHandler(target, _dropped) for target in targets]
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a reload may change the level
    )


@contextmanager
def thread_errors() -> Iterator[None]:
    """Log what ends a thread, such as one of a library, as an event instead of a traceback on stderr."""
    before = threading.excepthook
    threading.excepthook = _log_thread_error
    try:
        yield
    finally:
        threading.excepthook = before


def _dropped(count: int) -> logging.LogRecord:
    """Return the record that says how many lines were dropped, since nobody read them in time."""
    event: EventDict = {"event": "log.dropped", "count": count}
    for process in _shared():
        event = cast("EventDict", process(None, "warning", event))
    record = logging.LogRecord("framewatch.daemon", logging.WARNING, "", 0, event, None, None)
    record.__dict__.update(_logger=None, _name="warning")  # how structlog marks its own records
    return record


def _log_thread_error(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else ""
    problem = f"{args.exc_type.__name__}: {args.exc_value}"
    structlog.get_logger("framewatch.daemon").error("thread.failed", thread=name, problem=problem)


def _shared() -> list[Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _printable,
    ]


def _handler(handler: logging.Handler, render: list[Processor]) -> logging.Handler:
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_shared(), processors=[remove, *render])
    handler.setFormatter(formatter)
    return handler


def _json() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _text() -> list[Processor]:
    return [_escaped, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=24)]


def _escaped(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Escape control characters: a file name must not control the terminal."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in event.items()}


def _rotating(file: Path, max_bytes: int, backups: int) -> logging.Handler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return RotatingFileHandler(file, maxBytes=max_bytes, backupCount=backups, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the log file cannot be opened: {error.strerror}",
            code="log.unavailable",
            hint="make its folder writable, or change log.file",
            where=str(file),
        ) from None


def _printable(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Make every value valid JSON: paths become text, and bytes that are not UTF-8 are replaced. None is left out."""
    return {key: _clean(value) for key, value in event.items() if value is not None}


def _clean(value: Any) -> Any:
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value
