"""Sizes, times and names fit their columns, whatever the script."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from framewatch.cli.status.words import about, ago, at_end, clock, in_middle, padded, rough, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (172_799, "47:59:59"), (180_000, "2d 2h")],
)
def test_a_duration_is_shown_as_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(20, "< 1 min"), (90, "2 min"), (3 * 3600 + 20 * 60, "3 h 20 min"), (36_000, "10 h"), (86_400 * 3, "3 days")],
)
def test_a_forecast_is_no_more_exact_than_it_can_be(seconds: float, text: str) -> None:
    assert rough(seconds) == text
    assert about(seconds) == ("less than a minute" if seconds < 30 else f"about {text}")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 kB"),
        (999_400, "999 kB"),
        (999_600, "1.0 MB"),
        (1_440_000_000, "1.4 GB"),
        (123e9, "123 GB"),
        (2e12, "2.0 TB"),
    ],
)
def test_a_size_has_a_unit(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "just now"), (60, "1 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")]
)
def test_how_long_ago_has_one_unit(seconds: float, text: str) -> None:
    assert ago(seconds) == text


@pytest.mark.parametrize(
    "name", ["a" * 100 + ".mkv", "日本語" * 30 + ".mkv", "e\u0301" * 80, "👩‍👩‍👧" * 20, "x\n\x1b[2J" * 20]
)
@pytest.mark.parametrize("width", [1, 2, 7, 20, 41])
def test_no_text_is_wider_than_its_column(name: str, width: int) -> None:
    for text in (in_middle(name, width), at_end(name, width)):
        assert cell_len(text) <= width
        assert text.isprintable()
        assert "…" in text
        assert cell_len(padded(text, width)) == width


def test_of_a_long_name_the_beginning_and_the_end_stay() -> None:
    assert in_middle("A very long title - S01E07.mkv", 20) == "A very lon…01E07.mkv"
    assert in_middle("short.mkv", 20) == "short.mkv"
