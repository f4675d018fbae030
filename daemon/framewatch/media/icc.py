"""ICC profiles of images: whether one is sound, and what it describes (ICC.1:2022, section 7)."""

from __future__ import annotations

import struct

MAX_ICC_BYTES = 4 << 20
"""The largest profile that is carried: those of cameras and displays have kilobytes, those of printing presses up to
3 MB, and it is held in memory and copied into the output."""

JPEG_MARK = b"ICC_PROFILE\0"
"""What a segment of a JPEG begins with that holds part of a profile (ICC.1:2022, annex B.4)."""

TIFF_TAG = 34675
"""The tag of a TIFF that holds the profile: InterColorProfile (annex B.5)."""

_HEADER = struct.Struct(">I8x4s4s4s12x4s")  # size, class, colour space, connection space, signature
_HEADER_BYTES = 128
_TAG = struct.Struct(">4sII")  # signature, offset, size
_MAX_TAGS = 200  # a profile has 10 to 30
_CLASSES = (b"scnr", b"mntr", b"prtr", b"spac")  # of profiles that an image may have
_CONNECTION_SPACES = (b"XYZ ", b"Lab ")
_RGB = b"RGB "
_PADDING = 3  # bytes; some containers align what they hold


def icc_flaw(profile: bytes) -> str | None:
    """Return why a profile cannot stay with an image that becomes RGB, to follow "it"; None if it can."""
    if len(profile) > MAX_ICC_BYTES:
        return f"is larger than {MAX_ICC_BYTES >> 20} MiB"
    if not _is_sound(profile):
        return "is damaged"
    space = profile[16:20]
    if space != _RGB:
        return f"is for {space.decode('ascii', 'replace').strip()} and the image is RGB"
    return None


def without_padding(profile: bytes) -> bytes:
    """Return a profile without what a container may have added behind its end."""
    stated = int.from_bytes(profile[:4])
    return profile[:stated] if 0 <= len(profile) - stated <= _PADDING else profile


def _is_sound(profile: bytes) -> bool:
    if len(profile) < _HEADER_BYTES + 4:
        return False
    size, kind, _, connection, signature = _HEADER.unpack_from(profile)
    if (size, signature) != (len(profile), b"acsp") or kind not in _CLASSES or connection not in _CONNECTION_SPACES:
        return False
    count = int.from_bytes(profile[_HEADER_BYTES : _HEADER_BYTES + 4])
    table = _HEADER_BYTES + 4 + count * _TAG.size
    if count > _MAX_TAGS or table > size:
        return False
    tags = _TAG.iter_unpack(profile[_HEADER_BYTES + 4 : table])
    return all(table <= offset and offset + length <= size for _, offset, length in tags)
