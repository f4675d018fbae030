"""Whether a GIF is transparent anywhere.

Each GIF is decoded with transparency, and most programs leave out of a frame what stays as it was. So the first frame
tells, and then whether a later one is removed again (GIF89a, 23): nothing else makes a pixel transparent.
"""

from __future__ import annotations

import re
from typing import BinaryIO

import numpy as np
from av.video.frame import VideoFrame

_LOOK_BYTES = 64 * 2**20
_CHUNK = 1 << 20
_OPAQUE = 255
_ALPHA = 3
# A graphic control extension with the disposal method "restore to background colour"; or a second header.
_CLEARED = bytes(flags for flags in range(256) if flags >> 2 & 7 == 2)
_CLEARING = re.compile(rb"\x21\xf9\x04[" + re.escape(_CLEARED) + rb"]|GIF8[79]a")
_OVERLAP = 5  # bytes of the longest match, less one


def is_opaque(file: BinaryIO, first: VideoFrame) -> bool:
    """Say whether no frame is transparent anywhere; a large file may be, even if it is not."""
    if first.format.name != "bgra" or np.any(first.to_ndarray()[..., _ALPHA] != _OPAQUE):
        return False
    file.seek(len(b"GIF89a"))
    kept = b""
    for _ in range(_LOOK_BYTES // _CHUNK):
        chunk = file.read(_CHUNK)
        if not chunk:
            return True
        searched = kept + chunk
        if _CLEARING.search(searched):
            return False
        kept = searched[-_OVERLAP:]
    return False
