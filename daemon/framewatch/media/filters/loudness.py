"""Loudness after EBU R128: what is measured first, and the filter that then applies it. Pure.

Measuring first allows an even gain. Only where that would lift a peak above -1.5 dBTP does ffmpeg's filter follow the
sound instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from framewatch.domain import Record
from framewatch.errors import WorkerError

# Frame's targets: LUFS, dBTP, and the loudness range in LU up to which the gain stays even.
_TARGET = "loudnorm=I=-16:TP=-1.5:LRA=11"
_REPORT = re.compile(r'\{\s*"input_i".*?\}', re.DOTALL)
# The filter takes a range of exactly 0, which a tone has, for "not measured", and would follow the tone.
_LEAST_RANGE = 0.01
_SILENCE = -70.0  # LUFS: the absolute gate of EBU R128


class Loudness(Record):
    """What the first pass measured in a track."""

    integrated: float  # LUFS
    true_peak: float  # dBTP
    range: float  # LU
    threshold: float  # LUFS
    offset: float  # LU: by how much the filter would miss its target


def measuring_filter() -> str:
    """Return the filter that logs what `parse_loudness` reads."""
    return f"{_TARGET}:print_format=json"


def normalizing_filter(measured: Loudness | None) -> str:
    """Return the filter that normalizes the loudness; without a measurement it follows the sound."""
    if measured is None:
        return _TARGET
    return (
        f"{_TARGET}:measured_I={measured.integrated:.2f}:measured_TP={measured.true_peak:.2f}"
        f":measured_LRA={measured.range:.2f}:measured_thresh={measured.threshold:.2f}"
        f":offset={measured.offset:.2f}:linear=true"
    )


def parse_loudness(lines: Iterable[str]) -> Loudness | None:
    """Return the measurement in ffmpeg's log; None for a silent track, whose loudness cannot be changed.

    Raises:
        WorkerError: the log contains no measurement.
    """
    found = _REPORT.findall("\n".join(lines))
    if not found:
        raise WorkerError("ffmpeg did not report the loudness of the track", code="ffmpeg.no_loudness")
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
