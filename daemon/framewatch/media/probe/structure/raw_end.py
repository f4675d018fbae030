"""Where a file without an index breaks off: behind its last packet, or in the middle of it."""

from __future__ import annotations

from typing import Any

from av.packet import Packet

from framewatch.errors import MediaError
from framewatch.media.heartbeat import Beat
from framewatch.media.probe.safe_open import AnyFile, open_file
from framewatch.media.probe.truncation import COPY_AGAIN_HINT

_HEADERS = {"ivf": 12, "yuv4mpegpipe": 0, "obu": 0}  # bytes in front of a packet that its place and size leave out
_Y4M_FRAME = b"FRAME"
_PNG_END = b"IEND\xaeB`\x82"
_TAIL = 65_536  # bytes: in which the end of an animated PNG is looked for, as other programs append to files


def check_end(source: AnyFile, demuxer: str, last: Packet[Any] | None, beat: Beat) -> None:
    """Refuse a file of one stream whose last frame is not all there.

    Args:
        source: the file.
        demuxer: libav's name of its format.
        last: its last packet.
        beat: called as reading makes progress.

    Raises:
        MediaError: `media.truncated`.
    """
    if demuxer == "apng":
        with open_file(source, beat=beat) as file:
            file.seek(max(file.seek(0, 2) - _TAIL, 0))
            if _PNG_END not in file.read(_TAIL):
                raise _truncated(source)
    if demuxer not in _HEADERS or last is None or last.pos is None:
        return
    end = last.pos + _HEADERS[demuxer] + last.size
    with open_file(source, beat=beat) as file:
        size = file.seek(0, 2)
        file.seek(min(end, size))
        rest = file.read(32)
    if last.is_corrupt or _is_begun(demuxer, rest, last.pts or 0):
        raise _truncated(source)


def _truncated(source: AnyFile) -> MediaError:
    message = f"{source.name} is truncated: its last frame is not all there"
    return MediaError(message, code="media.truncated", hint=COPY_AGAIN_HINT)


def _is_begun(demuxer: str, rest: bytes, before: int) -> bool:
    """Return whether what follows the last packet, which was shown at some time, is the beginning of another."""
    if demuxer == "yuv4mpegpipe":
        return bool(rest) and rest.startswith(_Y4M_FRAME[: len(rest)])
    if demuxer == "ivf":  # a size, and a time in 8 bytes
        return len(rest) >= 12 and before < int.from_bytes(rest[4:12], "little") < before + 100_000
    return bool(rest)
