"""What was measured on this machine, from which the time of other jobs follows."""

from __future__ import annotations

from pydantic import Field

from framewatch.domain.record import Record

_KEPT = 0.5  # the share of what was known that still counts after a measurement: the last few jobs decide
_MOST_KNOWN = 200  # kinds and presets; older ones are forgotten


class Workload(Record):
    """The work that a plan means, in units that take equally long for all files of its kind."""

    kind: str  # what is done, with which encoder: "upscale 2x, libx264 medium"
    family: str  # without the encoder: "upscale 2x"
    units: float  # of the source: pixels of all frames, bytes where streams are copied, seconds of sound
    output_units: float = 0.0  # pixels of all frames of the output; 0: its size follows from no measurement


class Measured(Record):
    """What some work took."""

    units: float = 0.0
    seconds: float = 0.0
    output_units: float = 0.0
    output_bytes: float = 0.0
    source_bytes: float = 0.0

    def joined(self, newer: Measured) -> Measured:
        """Return both together; the newer one counts more."""
        return Measured(
            **{name: _KEPT * getattr(self, name) + getattr(newer, name) for name in type(self).model_fields}
        )


class Speeds(Record):
    """What was measured on this machine."""

    kinds: dict[str, Measured] = Field(default_factory=dict)  # by `Workload.kind`
    families: dict[str, str] = Field(default_factory=dict)  # by `Workload.family`: the kind that was measured last
    presets: dict[str, Measured] = Field(default_factory=dict)  # of whole files, by `preset_key`
    bench: dict[str, float] = Field(default_factory=dict)  # units a second by `Workload.family`

    def learned(self, work: Workload, measured: Measured, key: str = "", whole: Measured | None = None) -> Speeds:
        """Return the speeds with a measurement.

        Args:
            work: what was done.
            measured: what it took.
            key: `preset_key` of the file.
            whole: what the file took from the beginning of its attempt to the end; None: it is not done yet.
        """
        return self.evolve(
            kinds=_with(self.kinds, work.kind, measured),
            families={**self.families, work.family: work.kind},
            presets=self.presets if whole is None else _with(self.presets, key, whole),
        )


def preset_key(folder: str, preset_name: str) -> str:
    """Return the key of files that are alike as far as the queue knows: of one folder, with one preset."""
    return f"{folder}: {preset_name}"


def forecast_size(source_size: float, key: str, speeds: Speeds) -> tuple[float | None, float | None]:
    """Return the seconds and output bytes that files of this size in bytes take, from others with their preset's key.

    None where none was processed yet. That is all that can be told of files that wait: nobody has looked into them.
    """
    known = speeds.presets.get(key, Measured())
    if known.source_bytes <= 0:
        return None, None
    share = source_size / known.source_bytes
    return share * known.seconds, share * known.output_bytes


def _with(known: dict[str, Measured], key: str, measured: Measured) -> dict[str, Measured]:
    others = {name: found for name, found in known.items() if name != key}
    while len(others) >= _MOST_KNOWN:
        others.pop(next(iter(others)))  # the one that was measured longest ago
    return {**others, key: known.get(key, Measured()).joined(measured)}
