"""YAML from strangers: read as plain data within limits, and anything else is an error with its line."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import pytest

from framewatch.errors import MAX_FINDINGS, MORE, ConfigError, Finding
from framewatch.media.preset.loader import load_folder_preset
from framewatch.media.rules.preset_rules import check_preset
from framewatch.safe_yaml import MAX_DEPTH, parse
from framewatch.storage.root import Root
from preset_fuzz import fuzz_preset


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a:", {"a": None}),
        ("a: ~", {"a": None}),
        ("a: on", {"a": True}),
        ("a: No", {"a": False}),
        ("on: 1", {"on": 1}),
        ("1: true", {"1": True}),
        ("a: -17", {"a": -17}),
        ("a: 0x1F", {"a": 31}),
        ("a: 0b101", {"a": 5}),
        ("a: 017", {"a": 15}),
        ("a: 1_000", {"a": 1000}),
        ("a: 1:30", {"a": 90}),
        ("a: 1:30:00", {"a": 5400}),
        ("a: 0:01:30.5", {"a": 90.5}),
        ("a: 1.5e+3", {"a": 1500.0}),
        ("a: 1e3", {"a": "1e3"}),
        ("a: -.inf", {"a": -math.inf}),
        ("a: !!float 2", {"a": 2.0}),
        ("a: !!str 2", {"a": "2"}),
        ("a: 2024-05-01", {"a": "2024-05-01"}),
        ("a: 2024-99-99", {"a": "2024-99-99"}),
        ("a: =", {"a": "="}),
        ('{"a": [1, "x", null, true]}', {"a": [1, "x", None, True]}),
        (r'{"a": "\ud83d\ude00"}', {"a": "\U0001f600"}),
        ("b: &b {x: 1, y: 2}\na: {<<: *b, y: 3}", {"b": {"x": 1, "y": 2}, "a": {"x": 1, "y": 3}}),
        ("a: {<<: [{x: 1}, {x: 2, y: 2}]}", {"a": {"x": 1, "y": 2}}),
        ('a: {"<<": 1}', {"a": {"<<": 1}}),
    ],
)
def test_plain_data_is_read(text: str, value: Any) -> None:
    assert parse(text, "file").data == value


def test_the_lines_of_keys_are_known_and_merged_keys_keep_theirs() -> None:
    parsed = parse("b: &b\n  x: 1\n  y: 2\na:\n  <<: *b\n  y: 3\n  z:\n  - 1\n  - 2\n", "file")
    assert {path: line for path, line in parsed.lines.items() if path[:1] == ("a",)} == {
        ("a",): 4, ("a", "x"): 2, ("a", "y"): 6, ("a", "z"): 7, ("a", "z", 0): 8, ("a", "z", 1): 9,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("!!bool abc", "config.not_yaml"),
        ("!!int ''", "config.not_yaml"),
        ("!!int 1.5", "config.not_yaml"),
        ("!!float ''", "config.not_yaml"),
        ("!!null x", "config.not_yaml"),
        ("!!timestamp abc", "config.not_yaml"),
        ("!!timestamp 2024-05-01", "config.not_yaml"),
        ("!!binary aGk=", "config.not_yaml"),
        ("!!set {a}", "config.not_yaml"),
        ("!!str [a]", "config.not_yaml"),
        ("!!map [a]", "config.not_yaml"),
        ("!!seq {a: b}", "config.not_yaml"),
        ("!!python/name:os.system", "config.not_yaml"),
        ("!own x", "config.not_yaml"),
        ("<<", "config.not_yaml"),
        ("{<<: 1}", "config.not_yaml"),
        ("{<<: [[a]]}", "config.not_yaml"),
        ("{[a]: b}", "config.not_yaml"),
        ("{{a: b}: c}", "config.not_yaml"),
        ("{? &k [x] : 1}", "config.not_yaml"),
        ("}", "config.not_yaml"),
        ('"\\UFFFFFFFF"', "config.not_yaml"),
        ('"\\ud800"', "config.bad_value"),
        ('"\\ude00\\ud83d"', "config.bad_value"),
        ('{"\\udfff": 1}', "config.bad_value"),
        ('"a\\0.srt"', "config.bad_value"),
        ('"\\x1b[2J"', "config.bad_value"),
        ("9" * 20, "config.bad_value"),
        ("9" * 6000, "config.bad_value"),
        ("0x" + "f" * 20, "config.bad_value"),
        ("0b" + "1" * 100_000, "config.bad_value"),
        (":".join(["59"] * 3000), "config.bad_value"),
        ("1" + ":59" * 3000 + ".5", "config.bad_value"),
        (f"{{{'k' * 200}: 1}}", "config.too_large"),
        ("[" * 100 + "]" * 100, "config.too_large"),
        ("[" * 50_000, "config.too_large"),
        ("&b [*b]", "config.too_large"),
        ("&b {<<: *b}", "config.too_large"),
        ("{b: 1, b: 2}", "config.duplicate_key"),
    ],
)
def test_anything_else_is_an_error_with_its_line(text: str, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"first: 1\nsecond: {text}\n", "file")
    (finding,) = caught.value.findings
    assert (finding.code, finding.where[:7]) == (code, "file:2:" if ":" in finding.where[5:] else "file:2")
    assert finding.hint
    assert len(str(finding)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]",
        "a: &a {x: 1}\nb: [" + ",".join(["{<<: [" + ",".join(["*a"] * 100) + "]}"] * 100) + "]",
        f"a: &a {'x' * 100_000}\nb: [{','.join(['*a'] * 100)}]",
    ],
    ids=["lists", "merge keys", "long texts"],
)
def test_what_aliases_expand_to_is_limited(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "file")
    assert caught.value.finding.code == "config.too_large"


def test_a_document_of_the_greatest_depth_is_read() -> None:
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH, "file").data is not None


def test_mutated_presets_raise_nothing_but_configuration_errors(tmp_path: Path) -> None:
    path = tmp_path / "framewatch-preset.yaml"
    codes = set()
    for seed in range(300):
        path.write_bytes(fuzz_preset(seed))
        began = time.thread_time()
        findings = _findings(path)
        assert time.thread_time() - began < 1, f"seed {seed}"
        assert len(findings) <= MAX_FINDINGS + 1
        assert all(finding.where.startswith(str(path)) for finding in findings if finding.code != MORE)
        "".join(map(str, findings)).encode()
        codes |= {finding.code for finding in findings}
    assert "config.unusable" not in codes
    assert len(codes) > 10


def _findings(path: Path) -> tuple[Finding, ...]:
    try:
        preset = load_folder_preset(Root(path.parent))
        assert preset is not None
    except ConfigError as error:
        return error.findings
    return tuple(map(preset.locate, check_preset(preset.preset)))
