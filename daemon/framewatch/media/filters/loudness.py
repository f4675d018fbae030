"""Loudness after EBU R128: what is measured first, and the filter that then makes it what is wanted. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from framewatch.domain import Record
from framewatch.errors import WorkerError

# Frame's targets: LUFS, dBTP, and the loudness range in LU up to which all is only raised or lowered evenly.
_TARGET = "loudnorm=I=-16:TP=-1.5:LRA=11"
_REPORT = re.compile(r'\{\s*"input_i".*?\}', re.DOTALL)
# A range of exactly 0, as a tone has, means "not measured" to the filter.
_LEAST_RANGE = 0.01
_SILENCE = -70.0  # LUFS: the absolute gate of EBU R128


class Loudness(Record):
    """What the first pass found in a track."""

    integrated: float  # LUFS
    true_peak: float  # dBTP
    range: float  # LU
    threshold: float  # LUFS
    offset: float  # LU: by how much the filter would miss its target


def measuring_filter() -> str:
    """The filter that tells what `parse_loudness` reads."""
    return f"{_TARGET}:print_format=json"


def normalizing_filter(measured: Loudness | None) -> str:
    """The filter that makes the loudness right; without a measurement it follows the sound as it comes."""
    if measured is None:
        return _TARGET
    return (
        f"{_TARGET}:measured_I={measured.integrated:.2f}:measured_TP={measured.true_peak:.2f}"
        f":measured_LRA={measured.range:.2f}:measured_thresh={measured.threshold:.2f}"
        f":offset={measured.offset:.2f}:linear=true"
    )


def parse_loudness(lines: Iterable[str]) -> Loudness | None:
    """The measurement in ffmpeg's log; None for a track that is silent, whose loudness cannot be changed.

    Raises:
        WorkerError: there is none in it.
    """
    found = _REPORT.findall("\n".join(lines))
    if not found:
        raise WorkerError("ffmpeg did not tell how loud the track is", code="ffmpeg.no_loudness")
    values = {key: float(value) for key, value in json.loads(found[-1]).items() if key != "normalization_type"}
    if not values["input_i"] > _SILENCE:
        return None
    return Loudness(
        integrated=min(values["input_i"], 0.0),  # the filter's own limits
        true_peak=min(max(values["input_tp"], -99.0), 99.0),
        range=min(max(values["input_lra"], _LEAST_RANGE), 99.0),
        threshold=min(max(values["input_thresh"], -99.0), 0.0),
        offset=min(max(values["target_offset"], -99.0), 99.0),
    )
