"""The daemon file, framewatch.yaml: its keys (`model`), their value types (`fields`), and how it is read (`load`).

Loading touches nothing but the file itself. `framewatch.intake.folder_checks` checks whether the folders exist and do
not overlap, and `framewatch.media.preset.loader` loads the presets.
"""

from __future__ import annotations

from framewatch.settings.default_places import STORE_NAME
from framewatch.settings.load import LoadedSettings, load_settings
from framewatch.settings.model import FolderSettings, GpuSettings, LogSettings, Settings, WebSettings

__all__ = [
    "STORE_NAME",
    "FolderSettings",
    "GpuSettings",
    "LoadedSettings",
    "LogSettings",
    "Settings",
    "WebSettings",
    "load_settings",
]
