"""Errors as data: what a record holds, and the error that is made of it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from pydantic import TypeAdapter

from framewatch.errors import ErrorRecord, Finding, FramewatchError, MediaError, Need, Remedy, StorageError


def test_a_record_holds_class_findings_remedy_and_needs() -> None:
    error = StorageError("full", code="storage.full", hint="free some", where="/a").with_needs(Need("work", 5))
    finding = Finding("storage.full", "full", "free some", "/a")
    assert error.record == ErrorRecord((finding,), Remedy.WAIT, (Need("work", 5),), "StorageError")


def test_an_error_made_of_a_record_has_the_same_data() -> None:
    error = MediaError.of([Finding("a.b", "one"), Finding("c.d", "two", "hint", "where")])
    again = FramewatchError.from_record(error.record)
    assert type(again) is MediaError
    assert (again.record, str(again)) == (error.record, str(error))


def test_a_record_goes_through_json() -> None:
    record = StorageError("m\udcff").with_needs(Need("done", 1)).record
    adapter = TypeAdapter(ErrorRecord)
    assert adapter.validate_python(json.loads(json.dumps(adapter.dump_python(record, mode="json")))) == record


def test_two_error_classes_cannot_share_a_name() -> None:
    """Otherwise an error could arrive as one of another class."""
    with pytest.raises(TypeError, match="MediaError"):
        type("MediaError", (FramewatchError,), {})


def test_errors_need_nothing_but_the_standard_library() -> None:
    """`upscale` runs on machines that have no pydantic."""
    script = "import sys; sys.modules['pydantic'] = None; import framewatch.errors"
    subprocess.run([sys.executable, "-c", script], check=True)
