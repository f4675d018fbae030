"""How far into a file its streams have to be looked for. Pure.

libav reads 5 MB before it says what is in a file. In a broadcast, the first sound may come later than that: its
sample rate and channels are not known then, and no container takes it. In an MPEG program stream, streams are not
announced at all.
"""

from __future__ import annotations

from framewatch.domain import MediaInfo, Stream

# What is read is held in memory until its packets are asked for.
FURTHEST = 128 * 2**20  # bytes
_REACHES = (32 * 2**20, FURTHEST)


def further_reach(info: MediaInfo, reach: int | None) -> int | None:
    """Return how many bytes to read in another try, since too little is known of the file; None: there is no need.

    Args:
        info: what is known.
        reach: bytes that were read for it at most; None: libav's own limit.
    """
    further = next((each for each in _REACHES if each > (reach or 0)), None)
    unannounced = info.container == "mpeg" and reach is None
    wanted = unannounced or any(_is_unclear(each, info) for each in info.streams)
    return further if wanted and info.size > (reach or 0) else None


def reach_for_late(container: str, reach: int | None) -> int | None:
    """Return how many bytes to read for streams that were seen in the middle of a file; None: that would not help.

    Args:
        container: libav's name of its demuxer. In a transport stream, libav stops reading when the announced streams
            are known.
        reach: bytes that were asked for.
    """
    return FURTHEST if reach is None and container != "mpegts" else None


def what_is_known(info: MediaInfo) -> tuple[object, ...]:
    """Return what of a file's streams can become clearer with more of it."""
    return tuple((each.kind, each.codec, each.audio, each.video is None) for each in info.streams)


def _is_unclear(stream: Stream, info: MediaInfo) -> bool:
    if stream.codec == "unknown":  # private streams of a broadcast are told by what is in them
        return info.container == "mpegts"
    if stream.audio is not None:
        return not (stream.audio.sample_rate and stream.audio.channels)
    return False
