"""Records as the text that the store and the work folders keep."""

from __future__ import annotations

import json
import os

from framewatch.domain import Job, Record


def text_of(record: Record) -> str:
    """A record as ASCII JSON, whatever bytes its paths hold."""
    # Python's JSON writes bytes that are not UTF-8 (as surrogates in a str) as ASCII escapes and reads them
    # back; pydantic's own JSON refuses them.
    return json.dumps(record.model_dump(), default=os.fspath)


def job_of(text: str) -> Job:
    """The job that was stored.

    Raises:
        ValueError: the text is not what `text_of` makes of a job.
    """
    try:
        return Job(**json.loads(text))
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
