"""Proof that a piece is what it should be: its packets counted, its bytes hashed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from framewatch.errors import MediaError, VerificationError
from framewatch.media.decode.output_inspection import count_packets
from framewatch.media.heartbeat import Beat, unheard
from framewatch.render.tasks import Piece

_BLOCK = 8 << 20  # bytes


def require_whole(piece: Piece, beat: Beat = unheard) -> None:
    """Believe an encoder only when what it has written holds every frame that it was given.

    `beat` is called as reading it gets on.

    Raises:
        VerificationError: `verify.piece`.
        StorageError: the disk is gone.
    """
    wanted, written = piece.segment.frames, _written(piece.path, beat)
    if written != wanted:
        message = f"the encoder ended well but wrote {written} of {wanted} frames of segment {piece.segment.number}"
        raise VerificationError(message, code="verify.piece", hint="look into the log for what ffmpeg said")


def size_and_digest(path: Path, beat: Beat = unheard) -> tuple[int, str]:
    """The bytes of a regular file, counted, and their BLAKE2b, in hex. A link is not followed.

    `beat` is called with each block.

    Raises:
        OSError: it cannot be read.
    """
    size, found = 0, hashlib.blake2b(digest_size=32)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            size += len(block)
            found.update(block)
            beat()
    return size, found.hexdigest()


def _written(part: Path, beat: Beat) -> int:
    """The frames in a piece; 0 where the encoder made no video, or no file at all though it had a place for it."""
    if part.parent.is_dir() and not part.exists():
        return 0
    try:
        return count_packets(part, beat)
    except MediaError:
        return 0
