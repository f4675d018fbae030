"""The ICC profile of a decoded image."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from av.video.frame import VideoFrame

from framewatch.media.icc import JPEG_MARK, MAX_ICC_BYTES, TIFF_TAG, without_padding
from framewatch.media.image_files.image_size import PNG_SIGNATURE
from framewatch.media.image_files.png_text import HIDDEN_PROFILE
from framewatch.media.probe.side_data import SideDataType, side_data

_PNG_CODECS = ("png", "apng")
_UNKNOWN_TIFF_TAG = 65000  # one that no reader looks for


def split_icc(codec: str, data: bytes) -> tuple[bytes, bytes | None]:
    """Return what a decoder is to get, and the profile that was taken out of it: b"" if it was damaged.

    libav would inflate all of a PNG's profile, whatever its size, and gives up a PNG or TIFF for a damaged one. Other
    formats stay as they are, and so does a TIFF with a good one: see `attached_icc`.
    """
    if codec in _PNG_CODECS:
        return _split_png(data)
    return _split_tiff(data) if codec == "tiff" else (data, None)


def attached_icc(frame: VideoFrame, codec: str, data: bytes) -> bytes | None:
    """Return the profile that a decoder attached to a frame, or overlooked; b"" if there are only parts of one."""
    if codec in _PNG_CODECS:
        return None  # not to be asked for: see `SideDataType`
    if codec in _OVERLOOKED:
        return _OVERLOOKED[codec](data)
    found = side_data(frame, SideDataType.ICC_PROFILE).get(SideDataType.ICC_PROFILE)
    if found is None:
        return b"" if codec == "mjpeg" and JPEG_MARK in data else None
    return without_padding(found)


def _split_png(data: bytes) -> tuple[bytes, bytes | None]:
    at = len(PNG_SIGNATURE)
    while data.startswith(PNG_SIGNATURE) and at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            break
        if kind in (b"iCCP", HIDDEN_PROFILE):  # W3C PNG, section 11.3.2.3: name, 0, method (0: deflate), data
            _, found, body = data[at + 8 : at + 8 + length].partition(b"\0")
            profile = _inflated(body[1:]) if found and body[:1] == b"\0" else b""
            return data[:at] + data[at + 12 + length :], profile
        at += 12 + length
    return data, None


def _split_tiff(data: bytes) -> tuple[bytes, bytes | None]:
    """Rename the tag of a profile that is not all there; the directory is left as long as it is."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return data, None
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, at) if at + 2 <= len(data) else (0,)
    for entry in range(at + 2, min(at + 2 + 12 * count, len(data) - 11), 12):
        tag, _, size, offset = struct.unpack_from(f"{order}HHII", data, entry)
        if tag == TIFF_TAG and offset + size > len(data):
            return data[:entry] + struct.pack(f"{order}H", _UNKNOWN_TIFF_TAG) + data[entry + 2 :], b""
    return data, None


def _bmp_profile(data: bytes) -> bytes | None:
    """Read the profile behind the pixels of a BMP with a BITMAPV5HEADER."""
    if len(data) < 138 or struct.unpack_from("<I", data, 14)[0] != 124 or data[70:74] != b"DEBM":
        return None
    offset, size = struct.unpack_from("<II", data, 126)  # from the header's start, which is at 14
    return data[14 + offset : 14 + offset + size]


def _psd_profile(data: bytes) -> bytes | None:
    """Read image resource 1039 of a Photoshop file."""
    at = _behind(data, 26)  # the colour mode data
    end, at = _behind(data, at), at + 4
    while at + 12 <= min(end, len(data)) and data[at : at + 4] == b"8BIM":
        (number,) = struct.unpack_from(">H", data, at + 4)
        body = at + 7 + data[at + 6]  # behind the name, which has a length before it
        body += (body - at) % 2  # and is padded
        if number == 1039:
            return data[body + 4 : _behind(data, body)]
        at = _behind(data, body)
        at += (at - body) % 2
    return None


def _behind(data: bytes, at: int) -> int:
    """Return where a section ends that begins with its length."""
    return at + 4 + int.from_bytes(data[at : at + 4])


def _jpeg2000_profile(data: bytes) -> bytes | None:
    """Read the colour specification of a JP2 (ISO/IEC 15444-1, I.5.3.3), if it is a restricted ICC profile."""
    at = data.find(b"colr\x02", 0, data.find(b"jp2c"))
    return data[at + 7 : at - 4 + int.from_bytes(data[at - 4 : at])] if at >= 4 else None


_OVERLOOKED: dict[str, Callable[[bytes], bytes | None]] = {
    "bmp": _bmp_profile,
    "psd": _psd_profile,
    "jpeg2000": _jpeg2000_profile,
}
"""How profiles are read that libav's decoders do not look for."""


def _inflated(data: bytes) -> bytes:
    """Inflate, but no further than one byte beyond what is carried."""
    inflater = zlib.decompressobj()
    try:
        return inflater.decompress(data, MAX_ICC_BYTES + 1)
    except zlib.error:
        return b""
