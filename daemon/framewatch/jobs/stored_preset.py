"""The preset that a job was queued with, as text in its record: the folder's own may change or vanish meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from framewatch.domain import Job
from framewatch.errors import ConfigError
from framewatch.media.preset.preset import Preset

_HINT = "`framewatch retry` uses the preset as it is now"


def preset_text(preset: Preset) -> str:
    """Return a preset as jobs keep it."""
    return json.dumps(preset.model_dump(mode="json"))


def stored_preset(job: Job, hint: str = _HINT) -> Preset:
    """Return the preset that a job was queued with.

    Args:
        job: which has one.
        hint: what the user can do if this version cannot read it.

    Raises:
        ConfigError: `preset.outdated`: another version of framewatch has stored it, and this one cannot read it.
    """
    try:
        return Preset.model_validate(json.loads(job.preset))
    except ValueError:
        message = "the preset that this job was queued with cannot be read by this version"
        raise ConfigError(message, code="preset.outdated", hint=hint) from None


def burned_names(job: Job) -> Iterator[str]:
    """Yield the names of files beside the source that its preset burns in, whichever version stored it."""
    preset = json.loads(job.preset) if job.preset else {}
    while preset:
        if path := preset.get("subtitle_burn_path"):
            yield Path(path).name
        preset = preset.get("else_") or {}
