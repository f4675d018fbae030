"""What every job needs besides its file: ffmpeg and the network's weights."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from pathlib import Path

from framewatch.errors import ConfigError, Finding, ModelMissingError, ToolMissingError
from framewatch.jobs.attempt.request import Tools
from framewatch.media.ffmpeg.trial import able_ffmpeg
from framewatch.media.preset.preset import Preset
from framewatch.media.rules.preset_rules import check_tools
from framewatch.storage.os_errors import shown
from framewatch.upscale.network import weights

CACHE_SECONDS = 5.0  # so that one check answers for thousands of held jobs


def require_prerequisites(preset: Preset, ffmpeg: Path, precision: weights.Precision) -> None:
    """Return if ffmpeg is there and, where every variant of the preset upscales, the weights.

    With `fast`, the calibration for 8 bits must be there as well.

    Raises:
        ToolMissingError, ModelMissingError: the job is held until they are back.
    """
    if not _is_program(ffmpeg):
        hint = "install it again, or name another one and reload the settings; the job then continues automatically"
        raise ToolMissingError("ffmpeg is missing", hint=hint, where=shown(ffmpeg))
    if all(each.upscales for each in preset.variants):
        weights.load(preset.ml_upscale, precision=precision)


def with_present_ffmpeg(tools: Tools) -> Tools:
    """Return the tools with the ffmpeg that is there now: the one that the settings name, else the packaged one.

    An upgrade may have removed the program, or put another one in its place.

    Raises:
        ToolMissingError: there is none that can do what is needed; the job is held until there is one.
    """
    try:
        found = able_ffmpeg(tools.named_ffmpeg)
        missing: tuple[Finding, ...] = ()
    except ConfigError as error:
        missing = error.findings
        try:
            found = able_ffmpeg(None)
        except ConfigError:
            raise ToolMissingError.of(missing) from None
    return tools.with_ffmpeg(found).evolve(ffmpeg_missing=missing)


def require_stand_in(preset: Preset, tools: Tools) -> None:
    """Return if the packaged ffmpeg can stand in for the one that the settings name, where it does so.

    Raises:
        ToolMissingError: it lacks an encoder that the preset asks for; the job is held until the named one is back.
    """
    if tools.ffmpeg_missing and any(check_tools(each, tools.encoders, tools.hwaccels) for each in preset.variants):
        raise ToolMissingError.of(tools.ffmpeg_missing)


def prerequisites_are_back(code: str, ffmpeg: Path, precision: weights.Precision = "exact") -> bool:
    """Return whether a job that is held with this error code may be tried again, as far as a cheap check tells."""
    if code.startswith("ffmpeg."):
        return _is_program(ffmpeg)
    if code.startswith("models."):
        return _has_weights(int(time.monotonic() / CACHE_SECONDS), precision)
    return True


def _is_program(path: Path) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113 - Path.is_file raises in a closed folder


@lru_cache(maxsize=1)
def _has_weights(_period: int, precision: weights.Precision) -> bool:
    try:
        weights.load(next(iter(weights.SCALES)), precision=precision)
    except ModelMissingError:
        return False
    return True
