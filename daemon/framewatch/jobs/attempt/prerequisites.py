"""What every job needs beside its file: a program and weights, looked for before anything is spent on the file."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from pathlib import Path

from framewatch.errors import ModelMissingError, ToolMissingError
from framewatch.media.preset.preset import Preset
from framewatch.storage.os_errors import shown
from framewatch.upscale.network import weights

LOOK_SECONDS = 5.0  # thousands of held jobs are answered by one look


def require_prerequisites(preset: Preset, ffmpeg: Path, precision: weights.Precision) -> None:
    """Go on only where ffmpeg is there and, if the network is needed whichever way the file goes, its weights.

    With `fast`, so must be what is known for 8 bits.

    Raises:
        ToolMissingError, ModelMissingError: its job is held until they are there.
    """
    if not _runs(ffmpeg):
        hint = "install it again, or name another in the settings and reload; the job goes on by itself"
        raise ToolMissingError("ffmpeg is not there any more", hint=hint, where=shown(ffmpeg))
    if all(each.upscales for each in preset.variants):
        weights.load(preset.ml_upscale, precision=precision)


def prerequisites_are_back(code: str, ffmpeg: Path, precision: weights.Precision = "exact") -> bool:
    """Whether a job that is held for this code may be tried again, as far as a cheap look tells."""
    if code == ToolMissingError.code:
        return _runs(ffmpeg)
    if code.startswith("models."):
        return _weights_are_there(int(time.monotonic() / LOOK_SECONDS), precision)
    return True


def _runs(program: Path) -> bool:
    return program.is_file() and os.access(program, os.X_OK)


@lru_cache(maxsize=1)
def _weights_are_there(_look: int, precision: weights.Precision) -> bool:
    try:
        weights.load(next(iter(weights.SCALES)), precision=precision)
    except ModelMissingError:
        return False
    return True
