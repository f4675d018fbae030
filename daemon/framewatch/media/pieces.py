"""Pieces: what an encoder has really written, looked at without decoding it."""

from __future__ import annotations

from pathlib import Path

import av

from framewatch.media import memory
from framewatch.media.pulse import Beat, unheard
from framewatch.media.source import open_media


def packets_in(path: Path, beat: Beat = unheard) -> int:
    """The packets of the first video stream of a file that we wrote: one a frame. 0 where it is no video at all.

    `beat` is called as reading gets on.

    Raises:
        StorageError: the file is gone or cannot be read now.
        MediaError: it is no media file, or is cut off.
    """
    with open_media(path, beat=beat) as container:
        stream = next(iter(container.streams.video), None)
        if stream is None:
            return 0
        try:
            return sum(packet.size > 0 for packet in container.demux(stream))
        except av.FFmpegError as error:
            memory.blame(error)
            return 0
