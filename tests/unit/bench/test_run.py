"""What `framewatch bench` refuses before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from framewatch.cli.app import app
from framewatch.errors import ConfigError


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--size", "big"], "--size"),
        (["--size", "33x32"], "even"),
        (["--size", "16x16"], "even"),
        (["--lanes", "0"], "--lanes"),
        (["--lanes", "1,two"], "--lanes"),
        (["--lanes", "\u0661"], "--lanes"),
        (["--seconds", "-1"], "--seconds"),
        (["--seconds", "nan"], "--seconds"),
        (["--seconds", "inf"], "--seconds"),
        (["--scale", "5"], "--scale"),
        (["--engine", "steam"], "steam"),
        (["--precision", "hasty"], "hasty"),
        (["--clip", "none.mkv"], "none.mkv"),
        (["--preset", "nobody"], "nobody"),
        (["--budget", "0"], "--budget"),
        (["--budget", "nan"], "--budget"),
    ],
)
def test_an_option_out_of_range_is_refused_with_what_is_allowed(arguments: list[str], expected: str) -> None:
    with pytest.raises(ConfigError) as refused:
        app(["bench", *arguments], standalone_mode=False)
    assert expected in str(refused.value)


def test_a_preset_that_does_not_upscale_needs_a_scale(tmp_path: Path) -> None:
    preset = tmp_path / "plain.yaml"
    preset.write_text("ml_upscale: none\n")
    with pytest.raises(ConfigError, match="does not upscale"):
        app(["bench", "--preset", str(preset)], standalone_mode=False)
    with pytest.raises(ConfigError, match="--size"):  # the next that is wrong
        app(["bench", "--preset", str(preset), "--scale", "2", "--size", "0x0"], standalone_mode=False)
