"""Chroma siting: where the samples of subsampled chroma lie between those of luma, and how filters are told. Pure.

swscale takes positions as numbers, in all versions of ffmpeg. Without them it takes chroma for centred across, except
where the frame carries a location and ffmpeg is newer than 7.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from framewatch.domain import ChromaSiting, Rectangle, Video
from framewatch.upscale.frames.yuv import CHROMA_SHARES


class Subsampling(NamedTuple):
    """How many columns and rows of luma share a sample of chroma."""

    columns: int
    rows: int


class Position(NamedTuple):
    """Where the first chroma sample lies, in pixels right of and below the first luma sample."""

    across: float
    down: float


FULL = Subsampling(1, 1)

# Parts of the names of pixel formats. All others have a chroma sample for each pixel, or none.
_SUBSAMPLINGS = {
    Subsampling(4, 4): ("410",),
    Subsampling(4, 1): ("411",),
    Subsampling(2, 2): ("420", "nv12", "nv21", "p010", "p012", "p016"),
    Subsampling(2, 1): ("422", "nv16", "nv20", "p210", "p212", "p216", "y210", "y212"),
    Subsampling(1, 2): ("440",),
}

# Codecs whose chroma is centred, although libav does not say so: WebP is converted by its library as JPEG is, and
# Sorenson's codec is H.263. All others that say nothing count as left-sited, as in MPEG-2 and what followed it.
_CENTRED_CODECS = ("webp", "flv1")


LEFT_TO_CONTAINERS = ("vp8", "vp9", "ffv1")
"""Codecs whose streams leave it to the container where their chroma lies."""


def subsampling(pixel_format: str) -> Subsampling:
    """Return the subsampling of a pixel format, by ffmpeg's name for it."""
    return next((each for each, marks in _SUBSAMPLINGS.items() if any(mark in pixel_format for mark in marks)), FULL)


def siting_of(stated: ChromaSiting | None, codec: str, pixel_format: str) -> ChromaSiting:
    """Return the siting of a stream: what it states, else what is usual for its codec.

    Only what matters to the pixel format remains: "left" for 4:4:4, "left" or "center" for 4:2:2.
    """
    siting = stated or ("center" if codec in _CENTRED_CODECS else "left")
    columns, rows = subsampling(pixel_format)
    across, down = CHROMA_SHARES[siting]
    remaining = across if columns > 1 else 0, down if rows > 1 else 0.5
    return next(name for name, shares in CHROMA_SHARES.items() if shares == remaining)


def position(siting: ChromaSiting, pixel_format: str) -> Position:
    """Return the position of chroma in frames of this format."""
    (columns, rows), (across, down) = subsampling(pixel_format), CHROMA_SHARES[siting]
    return Position(across * (columns - 1), down * (rows - 1))


def siting_options(side: Literal["in", "out"], siting: ChromaSiting, pixel_format: str) -> str:
    """Return the options of `scale` for a format: empty, or beginning with a colon."""
    columns, _ = subsampling(pixel_format)
    if siting == "left":  # the default is right vertically
        return f":{side}_h_chr_pos=0" if columns > 1 else ""
    return position_options(side, position(siting, pixel_format), pixel_format)


def position_options(side: Literal["in", "out"], at: Position, pixel_format: str) -> str:
    """Return the options of `scale` that state a position exactly: empty, or beginning with a colon."""
    columns, rows = subsampling(pixel_format)
    across = f":{side}_h_chr_pos={round(256 * at.across)}" if columns > 1 else ""
    down = f":{side}_v_chr_pos={round(256 * at.down)}" if rows > 1 else ""
    return across + down


def shown_position(video: Video) -> Position:
    """Return the position of chroma in a video's frames without hidden edges, mirrored and turned as players do.

    A mirrored frame of even width has left-sited chroma at the right. Cutting off an even number of columns and rows
    moves no chroma; other hidden edges are still there, and are cut off when each pixel has its own.
    """
    columns, rows = subsampling(video.pixel_format)
    at = position(video.siting, video.pixel_format)
    width, height = (video.width, video.height) if between_samples(video.visible) else video.shown
    if video.mirrored:
        at = at._replace(across=_mirrored(at.across, width, columns))
    for _ in range(video.rotation // 90):
        at = Position(_mirrored(at.down, height, rows), at.across)
        columns, rows, width, height = rows, columns, height, width
    return at


def between_samples(part: Rectangle | None) -> bool:
    """Return whether an edge of a part of a frame may lie between two samples of chroma."""
    return part is not None and any(value % 2 for value in (part.left, part.top, part.width, part.height))


def _mirrored(at: float, length: int, shared: int) -> float:
    """Return the position counted from the other end, where the last chroma sample may have fewer luma samples."""
    samples = -(-length // shared)
    return length - 1 - shared * (samples - 1) - at
