"""What a rendered segment depends on, as one short text: where it differs, segments are of no use any more."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from framewatch.errors import StorageError, ToolMissingError
from framewatch.jobs.attempt.request import Tools
from framewatch.media.commands import commands
from framewatch.media.commands.video_filters import deinterlace_filters, source_filters
from framewatch.media.plan.plan import Plan
from framewatch.render.tasks import ProbeReport
from framewatch.storage import files
from framewatch.storage.os_errors import storage_faults
from framewatch.upscale.network.weights import digest

_VERSION = 1  # of how segments are made
_BLOCKS, _BLOCK = 16, 65_536  # blocks of a source that are looked at, and bytes of each


def fingerprint(source: Path, plan: Plan, probed: ProbeReport, tools: Tools) -> str:
    """The fingerprint of source, preset, model, engine and encoder.

    The engine counts as it was asked for, not as it was found: each that is chosen has proved that it computes the
    same picture, so a segment stays good when a GPU goes away. So does its precision: fast only
    allows 8 bits. A program counts by size and time, for another version of an encoder may write what cannot be
    joined.

    Raises:
        StorageError: the source, or the subtitles that are burned in, cannot be looked at now.
        ToolMissingError: ffmpeg is gone.
        ModelMissingError: the manifest of models cannot be read.
    """
    parts = {
        "version": _VERSION,
        "source": [_facts(source), _sample(source)],
        "media": probed.info.model_dump(),
        "timeline": probed.timeline and probed.timeline.model_dump(),
        "segments": [segment.model_dump() for segment in probed.segments],
        "before": [str(each) for each in (*deinterlace_filters(plan.preset), *source_filters(plan.preset))],
        "frames": [plan.scale, plan.working_format, plan.hwaccel, plan.decoded_width, plan.decoded_height],
        "encoder": commands.piece_command(plan, Path("ffmpeg"), Path("/piece")),
        "burned": _facts(Path(plan.preset.subtitle_burn_path)) if plan.preset.subtitle_burn_path else None,
        "ffmpeg": _program(tools.ffmpeg),
        "engine": tools.engine,
        "precision": tools.precision,
        "model": digest(tools.precision),
    }
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _facts(path: Path) -> tuple[int, int]:
    with storage_faults(path):
        found = path.stat()
    return found.st_size, found.st_mtime_ns


def _sample(path: Path) -> str:
    """A hash of some blocks all over a file: another film may come with the same size and the same time."""
    found = hashlib.blake2b(digest_size=16)
    with storage_faults(path):
        descriptor = os.open(path, files.READ)
        try:
            last = max(os.fstat(descriptor).st_size - _BLOCK, 0)
            for number in range(_BLOCKS):
                found.update(os.pread(descriptor, _BLOCK, last * number // (_BLOCKS - 1)))
        finally:
            os.close(descriptor)
    return found.hexdigest()


def _program(path: Path) -> tuple[int, int]:
    try:
        return _facts(path)
    except StorageError as error:
        raise ToolMissingError(f"{path} is gone: {error.finding.message}", hint="put it back") from None
