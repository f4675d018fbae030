"""Errors as data: what a record holds, and the error that is made of it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from pydantic import TypeAdapter

from framewatch.errors import (
    MAX_FINDINGS,
    MAX_TEXT,
    ErrorRecord,
    Finding,
    FramewatchError,
    MediaError,
    Need,
    Remedy,
    StorageError,
    limited,
)


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


def test_a_record_holds_a_limited_number_of_findings_and_says_how_many_there_were() -> None:
    findings = tuple(Finding(f"a.b{number}", "m") for number in range(7500))
    kept = ErrorRecord(findings, Remedy.NONE).findings
    assert kept[:MAX_FINDINGS] == findings[:MAX_FINDINGS]
    assert [finding.message for finding in kept[MAX_FINDINGS:]] == ["and 7480 more"]
    assert limited([*kept, *findings[:30]])[-1].message == "and 7510 more"
    assert ErrorRecord(kept, Remedy.NONE).findings == kept


def test_a_long_text_in_a_finding_keeps_its_beginning_and_its_end() -> None:
    finding = Finding("a.b", f'unknown key "{"k" * 200_000}", it is not known')
    assert len(finding.message) == MAX_TEXT
    assert finding.message.startswith('unknown key "kk')
    assert finding.message.endswith('kk", it is not known')
