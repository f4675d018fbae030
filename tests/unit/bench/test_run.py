"""What `framewatch bench` refuses before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from framewatch.cli.app import app
from framewatch.errors import ConfigError


@pytest.mark.parametrize(
    ("arguments", "said"),
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
        (["--baseline-program", "/nowhere/realesrgan"], "realesrgan"),
        (["--baseline-frames", "0"], "--baseline-frames"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_with_what_would_do(arguments: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        app(["bench", *arguments], standalone_mode=False)
    assert said in str(refused.value)


def test_a_preset_that_does_not_upscale_has_nothing_to_measure_unless_a_scale_is_named(tmp_path: Path) -> None:
    preset = tmp_path / "plain.yaml"
    preset.write_text("ml_upscale: none\n")
    with pytest.raises(ConfigError, match="does not upscale"):
        app(["bench", "--preset", str(preset)], standalone_mode=False)
    with pytest.raises(ConfigError, match="--size"):  # the next that is wrong
        app(["bench", "--preset", str(preset), "--scale", "2", "--size", "0x0"], standalone_mode=False)
