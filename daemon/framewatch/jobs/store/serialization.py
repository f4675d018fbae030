"""Records as the text that the store and the work folders keep."""

from __future__ import annotations

import json
import os
from typing import Any

from framewatch.domain import Job, KnownFile, Record


def text_of(record: Record) -> str:
    """Return a record as ASCII JSON, whatever bytes its paths hold."""
    # Python's JSON writes bytes that are not UTF-8 (surrogates in a str) as ASCII escapes, and reads them back.
    # Pydantic's own JSON refuses them.
    return json.dumps(record.model_dump(), default=os.fspath)


def job_of(text: str) -> Job:
    """Return the job in a text that `text_of` made.

    Raises:
        ValueError: the text is something else.
    """
    try:
        return Job(**json.loads(text))
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def columns_of(job: Job) -> dict[str, Any]:
    """Return a job's row in the store's table: the fields that are searched for, and the whole record as text."""
    return {
        "id": job.id,
        "state": job.state,
        "folder": job.folder,
        "source": os.fsencode(job.source),
        "output": os.fsencode(job.output),
        "gpu": job.gpu,
        "priority": job.priority,
        "front": job.front,
        "paused": job.paused,
        "created_at": job.created_at,
        "not_before": job.not_before,
        "ended_at": job.ended_at,
        "record": text_of(job),
    }


def known_file_of(text: str) -> KnownFile:
    """Return the known file in a text that `text_of` made.

    Raises:
        ValueError: the text is something else.
    """
    try:
        return KnownFile(**json.loads(text))
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
