"""The parameters that a packet of sound states, as bytes that are equal where nothing changed. Pure.

As in `picture_headers`, bytes that differ only say that a packet is worth decoding.
"""

from __future__ import annotations

from collections.abc import Callable

Header = Callable[[bytes], bytes]
"""Returns the parameters in the first bytes of a packet; none where it states none."""

HEADER_BYTES = 16
"""How many bytes of a packet a header is looked for in."""


def _adts(data: bytes) -> bytes:
    """Profile, rate and channels (ISO/IEC 13818-7, 6.2)."""
    return bytes([data[2] & 0xFD, data[3] & 0xC0]) if data[0] == 0xFF and data[1] & 0xF6 == 0xF0 else b""


def _mpeg_audio(data: bytes) -> bytes:
    """Version, layer, rate, and whether it is mono (ISO/IEC 11172-3, 2.4.2.3)."""
    if data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return b""
    return bytes([data[1] & 0x1E, data[2] & 0x0C, data[3] & 0xC0 == 0xC0])


def _ac3(data: bytes) -> bytes:
    """Rate and channels (ETSI TS 102 366, 4.4 and E.1.2); AC-3 may come in a stream of E-AC-3."""
    if data[:2] != b"\x0b\x77":
        return b""
    if data[5] >> 3 > 10:
        return bytes([data[4], data[5] >> 3])
    mode = data[6] >> 5
    skipped = 2 * (mode & 1 and mode != 1) + 2 * (mode >> 2) + 2 * (mode == 2)
    lfe = data[6] << 8 | data[7]
    return bytes([data[4] & 0xC0, data[5] & 0xF8, mode, lfe >> (12 - skipped) & 1])


def _dts(data: bytes) -> bytes:
    """Channels and rate (ETSI TS 102 114, 5.3.1)."""
    return bytes([data[7] & 0x0F, data[8] & 0xFC]) if data[:4] == b"\x7f\xfe\x80\x01" else b""


_HEADERS: dict[str, Header] = {
    "aac": _adts,
    "mp1": _mpeg_audio,
    "mp2": _mpeg_audio,
    "mp3": _mpeg_audio,
    "ac3": _ac3,
    "eac3": _ac3,
    "dts": _dts,
}


def sound_header(codec: str) -> Header | None:
    """Return what finds the parameters in a codec's packets, given `HEADER_BYTES` of them; None: not known."""
    return _HEADERS.get(codec)
