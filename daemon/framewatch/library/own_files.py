"""The names of files that framewatch itself reads or writes beside a user's videos. Pure."""

from __future__ import annotations

SIDECAR_SUFFIX = ".progress.json"
FOLDER_PRESET = "framewatch-preset.yaml"
PRESET_NAMES = (FOLDER_PRESET, "framewatch-preset.yml")  # the second has no effect, but is never taken for a video


def is_preset_name(name: str) -> bool:
    """Return whether a file is meant as the preset of a folder."""
    return name.lower() in PRESET_NAMES


def is_own_name(name: str) -> bool:
    """Return whether a file is framewatch's own: a progress file, or the preset of a folder."""
    return name.lower().endswith(SIDECAR_SUFFIX) or is_preset_name(name)
