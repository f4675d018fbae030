"""What decoding each segment proves of the file that they were joined to. Pure.

A joined file is as good as decoded where its packets are, byte for byte and in order, those of segments that were
decoded to their ends, and its decoder is set up as theirs were. Nothing is assumed of containers: digests decide.
"""

from __future__ import annotations

from collections.abc import Sequence

from framewatch.domain import Segment
from framewatch.media.decode.output_inspection import Inspection


def flaw(segment: Segment, found: Inspection) -> str:
    """What is wrong with a segment that was decoded to its end; "" where nothing is."""
    video = found.video
    if video is None:
        return "there is no video in it"
    if found.broken_off:
        return f"it cannot be read to its end: {found.broken_off}"
    if video.errors:
        return f"{video.errors} frames of it cannot be decoded"
    if video.frames != segment.frames:
        return f"{video.frames} of {segment.frames} frames come out of it"
    return ""


def alike(pieces: Sequence[Inspection]) -> bool:
    """Whether one decoder, set up once, takes all of them as they are."""
    return len({piece.payload.setup for piece in pieces if piece.payload}) == 1 and all(
        piece.payload for piece in pieces
    )


def groups_of(pieces: Sequence[Inspection]) -> tuple[int, ...]:
    """Into which groups of packets the joined file has to be digested, to be held against its pieces."""
    return tuple(piece.video.packets for piece in pieces[:-1] if piece.video)


def completed(whole: Inspection, pieces: Sequence[Inspection]) -> Inspection | None:
    """The inspection of a joined file whose video was only read, as if it had been decoded.

    Args:
        whole: with the payload in the groups that `groups_of` tells.
        pieces: of each segment, in order, decoded to its end and without a flaw.

    Returns:
        None where the file does not hold just what its segments hold.
    """
    video = whole.video
    if video is None or whole.payload is None or not alike(pieces):
        return None
    decoded = [piece.payload for piece in pieces if piece.payload]
    if whole.payload.setup != decoded[0].setup:
        return None
    if whole.payload.digests != tuple(digest for each in decoded for digest in each.digests):
        return None
    frames = sum(piece.video.frames for piece in pieces if piece.video)
    streams = tuple(each.evolve(frames=frames) if each is video else each for each in whole.streams)
    return whole.evolve(streams=streams)
