"""What a message of ITU-T T.35 says: the registered ones that films have.

A message begins with the country code, as in `user_data_registered_itu_t_t35` of H.264 and H.265 (D.1.6) and in
`metadata_itut_t35` of AV1 (5.8.2), which all hold the same bytes.
"""

from __future__ import annotations

from framewatch.domain import FrameMessageKind

CAPTIONS_HEAD = b"\xb5\x00\x31GA94\x03"  # United States, ATSC: ANSI/CTA-708 in ATSC A/53 part 4, 6.2.3
ATSC_HEAD = CAPTIONS_HEAD[:3]
HDR10PLUS_HEAD = b"\xb5\x00\x3c\x00\x01\x04"  # SMPTE ST 2094-40

_HEADS: tuple[tuple[bytes, FrameMessageKind], ...] = (
    (CAPTIONS_HEAD, "captions_a53"),
    (b"\xb5\x00\x31GA94\x06", "bar_data"),
    (b"\xb5\x00\x31DTG1", "afd"),
    (HDR10PLUS_HEAD, "hdr10plus"),
    (b"\xb5\x00\x3b\x00\x00\x08\x00", "dolby_vision"),  # in AV1
    (b"\x26\x00\x04\x00\x05", "hdr_vivid"),
    (b"\xb4\x00\x50", "lcevc"),
)
_HDR10PLUS_WINDOWS = 7  # bytes before the one that begins with the number of windows: two bits


def kind_of(message: bytes) -> FrameMessageKind:
    """Return what a message of T.35 says."""
    return next((kind for head, kind in _HEADS if message.startswith(head)), "registered_data")


def windows(hdr10plus: bytes) -> int:
    """Return the number of windows that an HDR10+ message treats differently; their places are in pixels."""
    return hdr10plus[_HDR10PLUS_WINDOWS] >> 6 if len(hdr10plus) > _HDR10PLUS_WINDOWS else 1
