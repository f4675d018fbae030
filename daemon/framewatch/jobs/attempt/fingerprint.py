"""The fingerprint of everything that a rendered segment depends on. Where it differs, segments are useless."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from framewatch.domain import InputFile
from framewatch.errors import ToolMissingError
from framewatch.jobs.attempt.request import Tools
from framewatch.media.commands import ffmpeg_commands
from framewatch.media.commands.video_filters import deinterlace_filters, source_filters
from framewatch.media.plan.plan import VideoPlan
from framewatch.render.tasks import ProbeReport
from framewatch.storage import files
from framewatch.storage.os_errors import storage_faults
from framewatch.upscale.network.weights import digest

_VERSION = 1  # counted up when the way that segments are made changes
# Facts that change no frame of a video, which the probe did not tell when the first ledgers were written.
_LATER_FACTS: dict[str, Any] = {
    "extras": True,
    "changes": True,
    "inventory": True,
    "video_track": True,
    "streams": {"__all__": {"empty": True, "pages": True, "video": {"icc", "dolby_vision", "siting"}}},
}
_BLOCKS, _BLOCK = 16, 65_536  # how many blocks of a source are hashed, and bytes of each


def fingerprint(source: InputFile, plan: VideoPlan, probed: ProbeReport, tools: Tools) -> str:
    """Return the fingerprint of source, preset, model, engine and encoder.

    The engine counts as it was requested, not as it was found: each engine has proved that it computes the same
    frames, so a segment stays good when a GPU goes away. So does the precision, which adds the digest of
    its calibration; `fast` only allows 8 bits. A program counts by size and time, since another version of an encoder
    may write what cannot be joined.

    Raises:
        MediaError: the source is no longer the file that was queued.
        StorageError: the source cannot be read now.
        ToolMissingError: ffmpeg is missing.
        ModelMissingError: the manifest of models cannot be read.
    """
    # These names and values, "/piece" included, are part of every ledger: a change here throws away the segments of
    # all begun jobs.
    parts = {
        "version": _VERSION,
        "source": _source_facts(source),
        "media": probed.info.model_dump(exclude=_LATER_FACTS),
        "timeline": probed.timeline and probed.timeline.model_dump(),
        "segments": [segment.model_dump() for segment in probed.segments],
        "before": [str(each) for each in (*deinterlace_filters(plan.preset), *source_filters(plan.preset))],
        "frames": [plan.scale, plan.working_format, plan.hwaccel or "", plan.decoded_width, plan.decoded_height],
        "encoder": ffmpeg_commands.segment_command(plan, Path("ffmpeg"), Path("/piece")),
        "burned": _burned_facts(plan.burned),
        "ffmpeg": _program(tools.ffmpeg),
        "engine": tools.engine,
        "precision": tools.precision,
        "model": digest(tools.precision),
    }
    if plan.segment_boxes:
        parts["boxes"] = plan.segment_boxes.hex()
    if plan.frame_messages:  # else as it was before segments could have any
        parts["frame_messages"] = plan.frame_messages
    first = next(iter(probed.info.of_kind("video")), None)
    if plan.main.index != (first and first.index):
        parts["video"] = plan.main.index  # ledgers without it are those of the first video
    if probed.info.changes.pictures:  # without them, the ledgers of earlier versions stay valid
        parts["changes"] = [each.model_dump() for each in probed.info.changes.pictures]
    if plan.chroma.source != "left":  # the siting that ledgers without this key had
        parts["siting"] = plan.chroma.source
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _source_facts(source: InputFile) -> tuple[tuple[int, int], str]:
    """Return size and time, and a hash of blocks from all over the file: another video may agree in the first two."""
    digest_of_blocks = hashlib.blake2b(digest_size=16)
    descriptor = files.open_input(source)
    try:
        with storage_faults(source.path):
            found = os.fstat(descriptor)
            last = max(found.st_size - _BLOCK, 0)
            for number in range(_BLOCKS):
                digest_of_blocks.update(os.pread(descriptor, _BLOCK, last * number // (_BLOCKS - 1)))
    finally:
        os.close(descriptor)
    # The time as it was when the file was queued: FAT moves the times of all files by whole hours.
    time = source.identity.mtime_ns if source.identity else found.st_mtime_ns
    return (found.st_size, time), digest_of_blocks.hexdigest()


def _burned_facts(burned: InputFile | None) -> tuple[int, int] | None:
    identity = burned and burned.identity
    return (identity.size, identity.mtime_ns) if identity else None


def _program(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise ToolMissingError(f"{path} is missing: {error.strerror}", hint="put it back") from None
    return found.st_size, found.st_mtime_ns
