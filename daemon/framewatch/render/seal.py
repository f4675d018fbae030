"""Makes a piece that an encoder has written one that counts: looked at, on the disk, named, known by its hash."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from framewatch.errors import MediaError, StorageError, VerificationError
from framewatch.media.pieces import packets_in
from framewatch.render.spec import Piece

_BLOCK = 8 << 20  # bytes


def seal(piece: Piece) -> tuple[int, str]:
    """Give the piece its name, and tell its size in bytes and its digest.

    Raises:
        VerificationError: `verify.piece`: the encoder ended well and did not write what it was given.
        StorageError: the disk is full or gone.
    """
    _require_whole(piece)
    try:
        with piece.part.open("rb") as file:
            os.fsync(file.fileno())
        size, found = piece.part.stat().st_size, digest_of(piece.part)
        piece.part.rename(piece.path)
        _sync_folder(piece.path.parent)
    except OSError as error:
        raise StorageError(f"a piece cannot be kept: {error.strerror}", where=str(piece.path.parent)) from error
    return size, found


def digest_of(path: Path) -> str:
    """BLAKE2b of a file, in hex.

    Raises:
        OSError: it cannot be read.
    """
    found = hashlib.blake2b(digest_size=32)
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _require_whole(piece: Piece) -> None:
    wanted, written = piece.segment.frames, _written(piece.part)
    if written != wanted:
        message = f"the encoder ended well but wrote {written} of {wanted} frames of segment {piece.segment.number}"
        raise VerificationError(message, code="verify.piece", hint="look into the log for what ffmpeg said")


def _written(part: Path) -> int:
    """The frames in a piece; 0 where the encoder made no video, or no file at all though it had a place for it."""
    if part.parent.is_dir() and not part.exists():
        return 0
    try:
        return packets_in(part)
    except MediaError:
        return 0


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
