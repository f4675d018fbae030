"""Values in presets: clock times in one notation, and numbers and paths that a stranger may have written."""

from __future__ import annotations

import time
from typing import Any

import pytest

from framewatch.documents import Document, parse, validate
from framewatch.errors import ConfigError, Finding
from framewatch.media.preset.preset import Preset

KEYS = ["start_time", "end_time", "min_duration", "max_duration"]


def clock(key: str, value: str) -> Any:
    """The time that a preset has if one of `KEYS` has this YAML value."""
    condition = key.endswith("_duration")
    text = f"only_if: {{{key}: {value}}}" if condition else f"{key}: {value}"
    preset = validate(parse(text, "p.yaml"), Preset)
    return getattr(preset.only_if if condition else preset, key)


def refusal(key: str, value: str) -> Finding:
    with pytest.raises(ConfigError) as caught:
        clock(key, value)
    return caught.value.finding


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("90", 90), ("90.5", 90.5), ('"90"', 90), ('"0.5"', 0.5), ("0", 0), ("0.00001", 0.00001), ("1:30", 90),
        ('"1:30"', 90), ('" 1:30.5 "', 90.5), ('"0:05"', 5), ('"1:5"', 65), ('"75:00"', 4500), ('"100"', 100),
        ('"1:02:03"', 3723), ('"00:01:30.5"', 90.5), ('"100:00:00"', 360_000), ('"1:59:59.999"', 7199.999),
        ('""', None),
    ],
)  # fmt: skip
def test_every_key_reads_the_same_times(key: str, value: str, seconds: float | None) -> None:
    assert clock(key, value) == seconds


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("value", "says"),
    [
        ('"1:75"', "75 seconds after a colon"),
        ('"1:60"', "60 seconds after a colon"),
        ('"1:00:60.5"', "60.5 seconds after a colon"),
        ('"1:75:00"', "75 minutes after a colon"),
        ('"1:60:61"', "60 minutes after a colon"),
        ('"1:2:3:4"', '"1:2:3:4" is not a time'),
        ('"1:"', '"1:" is not a time'),
        ('":30"', '":30" is not a time'),
        ('"1.5:30"', '"1.5:30" is not a time'),
        ('"-1:30"', '"-1:30" is not a time'),
        ("-5", '"-5" is not a time'),
        ("soon", '"soon" is not a time'),
        ("true", '"true" is not a time'),
        (".inf", '"inf" is not a time'),
        (".nan", '"nan" is not a time'),
        ("[90]", '"[90]" is not a time'),
    ],
)
def test_every_key_refuses_what_is_not_a_time(key: str, value: str, says: str) -> None:
    finding = refusal(key, value)
    assert finding.code == ("config.bad_value" if key.endswith("_duration") else "time.unreadable")
    assert says in finding.message
    assert "h:mm:ss" in finding.hint


@pytest.mark.parametrize(
    "key", ["fps", "start_time", "crf", "brightness", "custom_width", "rotation", "subtitle_font_size", "gif_loop"]
)
@pytest.mark.parametrize(
    "value",
    [
        "1e999999999",
        "9" * 5000,
        f"1/{'9' * 5000}",
        f"{'9' * 5000}:00",
        "0." + "1" * 5000,
        "\u0661" * 50,
        [],
    ],
    ids=["huge", "long", "fraction", "clock", "decimals", "other digits", "list"],
)
def test_a_number_is_refused_by_its_pattern_and_length_before_it_is_computed(key: str, value: Any) -> None:
    began = time.thread_time()
    with pytest.raises(ConfigError) as caught:
        validate(Document({key: value}, "file", {(key,): 7}), Preset)
    assert time.thread_time() - began < 0.1
    assert caught.value.finding.where == f"file:7: {key}"
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x85"])
def test_a_subtitle_path_has_no_control_characters(character: str) -> None:
    with pytest.raises(ConfigError, match="control character"):
        validate(Document({"subtitle_burn_path": f"a{character}.srt"}), Preset)
