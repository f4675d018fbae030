"""The fingerprint of everything that a rendered segment depends on. Where it differs, segments are useless."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from framewatch.errors import StorageError, ToolMissingError
from framewatch.jobs.attempt.request import Tools
from framewatch.media.commands import ffmpeg_commands
from framewatch.media.commands.video_filters import deinterlace_filters, source_filters
from framewatch.media.plan.plan import VideoPlan
from framewatch.render.tasks import ProbeReport
from framewatch.storage import files
from framewatch.storage.os_errors import storage_faults
from framewatch.upscale.network.weights import digest

_VERSION = 1  # counted up when the way that segments are made changes
_BLOCKS, _BLOCK = 16, 65_536  # how many blocks of a source are hashed, and bytes of each


def fingerprint(source: Path, plan: VideoPlan, probed: ProbeReport, tools: Tools) -> str:
    """Return the fingerprint of source, preset, model, engine and encoder.

    The engine counts as it was requested, not as it was found: each engine has proved that it computes the same
    frames, so a segment stays good when a GPU goes away. So does the precision, which adds the digest of
    its calibration; `fast` only allows 8 bits. A program counts by size and time, since another version of an encoder
    may write what cannot be joined.

    Raises:
        StorageError: the source, or the subtitles that are burned in, cannot be read now.
        ToolMissingError: ffmpeg is missing.
        ModelMissingError: the manifest of models cannot be read.
    """
    # These names and values, "/piece" included, are part of every ledger: a change here throws away the segments of
    # all begun jobs.
    parts = {
        "version": _VERSION,
        "source": [_facts(source), _sample(source)],
        "media": probed.info.model_dump(),
        "timeline": probed.timeline and probed.timeline.model_dump(),
        "segments": [segment.model_dump() for segment in probed.segments],
        "before": [str(each) for each in (*deinterlace_filters(plan.preset), *source_filters(plan.preset))],
        "frames": [plan.scale, plan.working_format, plan.hwaccel or "", plan.decoded_width, plan.decoded_height],
        "encoder": ffmpeg_commands.segment_command(plan, Path("ffmpeg"), Path("/piece")),
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
    """Return a hash of blocks from all over a file: another video may have the same size and the same time."""
    digest_of_blocks = hashlib.blake2b(digest_size=16)
    with storage_faults(path):
        descriptor = os.open(path, files.READ)
        try:
            last = max(os.fstat(descriptor).st_size - _BLOCK, 0)
            for number in range(_BLOCKS):
                digest_of_blocks.update(os.pread(descriptor, _BLOCK, last * number // (_BLOCKS - 1)))
        finally:
            os.close(descriptor)
    return digest_of_blocks.hexdigest()


def _program(path: Path) -> tuple[int, int]:
    try:
        return _facts(path)
    except StorageError as error:
        raise ToolMissingError(f"{path} is missing: {error.finding.message}", hint="put it back") from None
