"""What of a file's inventory a plan carries: the way of each stream, and what its output depends on. Pure."""

from __future__ import annotations

from framewatch.domain import MediaInfo
from framewatch.domain.inventory import UNKNOWN
from framewatch.errors import Finding
from framewatch.media.inventory.carriage import FILE, Carriage, Place, carriage, carriage_warnings
from framewatch.media.inventory.derived import complete_inventory
from framewatch.media.inventory.kinds import Output, Way, kinds
from framewatch.media.plan.geometry import FrameGeometry
from framewatch.media.plan.stream_table import StreamTable
from framewatch.media.preset.preset import Preset

_WAYS: dict[str, Way | None] = {"upscale": "upscale", "encode": "transcode", "copy": "copy", "drop": None}


def carried(
    preset: Preset, info: MediaInfo, table: StreamTable, output: Output
) -> tuple[tuple[Carriage, ...], tuple[Finding, ...]]:
    """Return what becomes of everything that the file has beyond picture and sound, and the warnings about it.

    Args:
        preset: what the user wants.
        info: what the probe found.
        table: what becomes of each stream.
        output: what it depends on.
    """
    places = {FILE: Place(way_of(preset))} | {row.index: Place(_WAYS[row.action], row.kind) for row in table.rows}
    found = tuple(_as_requested(preset, each) for each in carriage(complete_inventory(info), output, places))
    return found, tuple(carriage_warnings(found, output, places))


def _as_requested(preset: Preset, each: Carriage) -> Carriage:
    """Return what becomes of an entry of which the preset says that it is not to be kept."""
    metadata, is_metadata = preset.metadata, each.kind != UNKNOWN and kinds()[each.kind].metadata
    unwanted = metadata.removes_all if is_metadata else False
    if unwanted or (metadata.mode == "replace" and each.kind in ("tag", "service")):
        return each.evolve(outcome="dropped", note="as the preset says")
    return each


def output_of(preset: Preset, geometry: FrameGeometry) -> Output:
    """Return what the outcome for a video depends on."""
    turned = bool(preset.active_crop or preset.rotation or preset.flip_horizontal or preset.flip_vertical)
    return Output(
        container=preset.container,
        encoder="" if preset.processing_mode == "copy" else preset.video_codec,
        pixel_format=geometry.pixel_format,
        whole=not turned and geometry.padded == geometry.scaled,
        scaled=geometry.scaled != geometry.upscaled,
        retimed=bool(preset.start_time) or preset.fps != "original",
    )


def way_of(preset: Preset) -> Way:
    """Return what a preset does with a video."""
    if preset.processing_mode == "copy":
        return "copy"
    return "upscale" if preset.upscales else "transcode"
