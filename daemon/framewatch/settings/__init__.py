"""framewatch.yaml as records: what may stand in it (`model`), and how it is read (`load`).

Loading touches nothing but the file itself. Whether the folders exist and keep apart is asked of
`framewatch.intake.folder_checks`; what a preset says, of `framewatch.media.preset.loader`.
"""

from __future__ import annotations

from framewatch.settings.load import LoadedSettings, load_settings
from framewatch.settings.model import FolderSettings, GpuSettings, LogSettings, Settings, WebSettings

__all__ = [
    "FolderSettings",
    "GpuSettings",
    "LoadedSettings",
    "LogSettings",
    "Settings",
    "WebSettings",
    "load_settings",
]
