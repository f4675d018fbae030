"""What of a file's inventory a plan carries: the way of each stream, and what its output depends on. Pure."""

from __future__ import annotations

from framewatch.domain import MediaInfo
from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.inventory.carriage import FILE, Carriage, Place, carriage, carriage_warnings
from framewatch.media.inventory.derived import complete_inventory
from framewatch.media.inventory.kinds import Output, Way
from framewatch.media.plan.stream_table import StreamTable
from framewatch.media.preset.preset import Preset

_WAYS: dict[str, Way | None] = {"upscale": "upscale", "encode": "transcode", "copy": "copy", "drop": None}


def carried(
    preset: Preset, info: MediaInfo, table: StreamTable, pixel_format: str
) -> tuple[tuple[Carriage, ...], tuple[Finding, ...]]:
    """Return what becomes of everything that the file has beyond picture and sound, and the warnings about it.

    Args:
        preset: what the user wants.
        info: what the probe found.
        table: what becomes of each stream.
        pixel_format: of the output's video; empty without one.
    """
    output = Output(preset.container, _encoder(preset), pixel_format, _is_whole(preset))
    places = {FILE: Place(_way_of_file(preset))} | {
        row.index: Place(_WAYS[row.action], row.kind) for row in table.rows
    }
    found = carriage(complete_inventory(info), output, places)
    return found, tuple(carriage_warnings(found, output, places, clean=preset.metadata.removes_all))


def _encoder(preset: Preset) -> str:
    is_encoded = preset.processing_mode != "copy" and not rules().containers[preset.container].audio_only
    return preset.video_codec if is_encoded else ""


def _is_whole(preset: Preset) -> bool:
    return not (preset.active_crop or preset.rotation or preset.flip_horizontal or preset.flip_vertical)


def _way_of_file(preset: Preset) -> Way:
    if preset.processing_mode == "copy":
        return "copy"
    return "upscale" if preset.upscales else "transcode"
