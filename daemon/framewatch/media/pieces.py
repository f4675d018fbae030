"""Pieces: what an encoder has really written, looked at without decoding it."""

from __future__ import annotations

from pathlib import Path

import av

from framewatch.media.source import open_media


def packets_in(path: Path) -> int:
    """The packets of the first video stream of a file that we wrote: one a frame. 0 where it is no video at all.

    Raises:
        StorageError: the file is gone or cannot be read now.
        MediaError: it is no media file, or is cut off.
    """
    with open_media(path) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            return 0
        try:
            return sum(packet.size > 0 for packet in container.demux(stream))
        except av.FFmpegError:
            return 0
