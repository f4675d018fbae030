"""Kinds of files go through the pipeline: nothing is lost silently, and nothing refused that plain ffmpeg makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kinds.all_kinds import KINDS
from kinds.kind import Kind
from kinds_report import ROOT, list_of_kinds
from ways import SOUND_WAYS, VIDEO_WAYS, try_kind

# Each of them goes one way in every test run, and the others in `make slow`. `make media` tries all kinds.
QUICK = [kind for kind in KINDS if kind.quick]


def cases() -> Iterator[object]:
    for number, kind in enumerate(QUICK):
        ways = list(SOUND_WAYS if kind.sound_only else VIDEO_WAYS)
        for turn, way in enumerate(ways):
            marks = [] if turn == number % len(ways) else [pytest.mark.slow]
            yield pytest.param(kind, way, id=f"{kind.name}, {way}", marks=marks)


@pytest.mark.parametrize(("kind", "way"), list(cases()))
def test_what_a_kind_has_is_kept_or_named(kind: Kind, way: str, tmp_path: Path) -> None:
    (outcome,) = try_kind(kind, tmp_path, way)
    assert outcome.problems == [], outcome.warnings


def test_there_are_more_than_200_kinds_and_no_two_have_the_same_name() -> None:
    assert len(KINDS) >= 200
    assert [name for name, count in Counter(kind.name for kind in KINDS).items() if count > 1] == []


def test_the_list_of_kinds_is_that_of_the_recipes() -> None:
    assert (ROOT / "tests/media_kinds.md").read_text(encoding="utf-8") == list_of_kinds()


def test_every_kind_is_in_the_compatibility_document() -> None:
    text = (ROOT / "docs/compatibility.md").read_text(encoding="utf-8")
    assert [kind.name for kind in KINDS if f"| {kind.name} |" not in text] == []
