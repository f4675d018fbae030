"""What decoding each segment proves of the file that they were joined to. Pure.

A joined file is as good as decoded where its packets are, byte for byte and in order, those of segments that were
decoded to their ends, and its decoder is set up as theirs were. Digests decide that, and no list of containers.
MPEG-TS, which writes H.264 and HEVC in another form, and ProRes in Matroska come out different and are decoded as a
whole. Frame times are always those of the joined file.
"""

from __future__ import annotations

from collections.abc import Sequence

from framewatch.domain import Segment
from framewatch.media.decode.output_inspection import Inspection


def find_flaw(segment: Segment, found: Inspection) -> str | None:
    """Return what is wrong with a segment that was decoded to its end; None where nothing is."""
    video = found.video
    if video is None:
        return "it holds no video"
    if found.broken_off:
        return f"it cannot be read to its end: {found.broken_off}"
    if video.errors:
        return f"{video.errors} of its frames cannot be decoded"
    if video.frames != segment.frames:
        return f"it holds {video.frames} of {segment.frames} frames"
    return None


def share_decoder_setup(segments: Sequence[Inspection]) -> bool:
    """Return whether one decoder, set up once, can decode all segments."""
    setups = {each.payload.setup for each in segments if each.payload}
    return len(setups) == 1 and all(each.payload for each in segments)


def packet_groups(segments: Sequence[Inspection]) -> tuple[int, ...]:
    """Return how many packets of the joined file to digest together, so that it can be compared with its segments."""
    return tuple(each.video.packets for each in segments[:-1] if each.video)


def prove_decoded(joined: Inspection, segments: Sequence[Inspection]) -> Inspection | None:
    """Return the inspection of a joined file whose video was only read, as if it had been decoded.

    Args:
        joined: the inspection of the file, with digests in the groups of `packet_groups`.
        segments: those of each segment, in order, decoded to its end and without a flaw.

    Returns:
        None where the file does not hold exactly what its segments hold.
    """
    video = joined.video
    if video is None or joined.payload is None or not share_decoder_setup(segments):
        return None
    decoded = [each.payload for each in segments if each.payload]
    if joined.payload.setup != decoded[0].setup:
        return None
    if joined.payload.digests != tuple(digest for each in decoded for digest in each.digests):
        return None
    frames = sum(each.video.frames for each in segments if each.video)
    streams = tuple(each.evolve(frames=frames) if each is video else each for each in joined.streams)
    return joined.evolve(streams=streams)
