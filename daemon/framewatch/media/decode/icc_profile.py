"""The ICC profile of a decoded image."""

from __future__ import annotations

import struct
import zlib

from av.video.frame import VideoFrame

from framewatch.media.icc import MAX_ICC_BYTES, without_padding
from framewatch.media.probe.side_data import SideDataType, side_data

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def attached_icc(frame: VideoFrame) -> bytes | None:
    """Return the profile that a decoder attached to a frame; not for PNG (see `SideDataType`)."""
    found = side_data(frame, SideDataType.ICC_PROFILE).get(SideDataType.ICC_PROFILE)
    return None if found is None else without_padding(found)


def split_png(data: bytes) -> tuple[bytes, bytes | None]:
    """Return a PNG without its iCCP chunk, and the profile from there; that is b"" if it is damaged.

    libav would inflate all of it, whatever its size, and gives up the image for a damaged one.
    """
    at = len(_PNG_SIGNATURE)
    while data.startswith(_PNG_SIGNATURE) and at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            break
        if kind == b"iCCP":  # W3C PNG, section 11.3.2.3: name, 0, method (0: deflate), data
            _, found, body = data[at + 8 : at + 8 + length].partition(b"\0")
            profile = _inflated(body[1:]) if found and body[:1] == b"\0" else b""
            return data[:at] + data[at + 12 + length :], profile
        at += 12 + length
    return data, None


def _inflated(data: bytes) -> bytes:
    """Inflate, but no further than one byte beyond what is carried."""
    inflater = zlib.decompressobj()
    try:
        return inflater.decompress(data, MAX_ICC_BYTES + 1)
    except zlib.error:
        return b""
