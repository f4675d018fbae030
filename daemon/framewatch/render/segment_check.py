"""Checks of a segment's file: its packets are counted, its bytes hashed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from framewatch.errors import MediaError, VerificationError
from framewatch.media.decode.output_inspection import count_packets
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.render.tasks import SegmentOutput

_BLOCK = 8 << 20  # bytes


def require_all_frames(output: SegmentOutput, beat: Beat = no_beat) -> None:
    """Require that a segment's file holds every frame that its encoder was given.

    The exit status of an encoder alone does not prove it.

    Args:
        output: the segment and its file.
        beat: called as the file is read.

    Raises:
        VerificationError: `verify.piece`.
        StorageError: the disk is gone.
    """
    number, expected = output.segment.number, output.segment.frames
    written = _frames_in(output.path, beat)
    if written != expected:
        message = f"the encoder reported success but wrote {written} of {expected} frames of segment {number}"
        # Error codes are public, so this one keeps its old word for a segment.
        raise VerificationError(message, code="verify.piece", hint="look in the log for ffmpeg's messages")


def size_and_digest(path: Path, beat: Beat = no_beat) -> tuple[int, str]:
    """Return the size in bytes and the BLAKE2b digest, in hex, of a regular file. A link is not followed.

    `beat` is called with each block.

    Raises:
        OSError: the file cannot be read.
    """
    size, digest = 0, hashlib.blake2b(digest_size=32)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            size += len(block)
            digest.update(block)
            beat()
    return size, digest.hexdigest()


def _frames_in(path: Path, beat: Beat) -> int:
    """Count a file's frames; 0 where it holds no video, or is missing from a folder that is there."""
    if path.parent.is_dir() and not path.exists():
        return 0
    try:
        return count_packets(path, beat)
    except MediaError:
        return 0
