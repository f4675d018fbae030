"""Folders that hold one film in many files: DVD and Blu-ray structures. By names alone. Pure."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

# DVD-Video, Blu-ray and AVCHD, HD DVD: what the standards call the folder of the video.
_DISCS = {"video_ts": "a DVD", "bdmv": "a Blu-ray", "hvdvd_ts": "an HD DVD"}


def disc_kind(name: str) -> str | None:
    """Return what a folder of this name holds, such as "a DVD"; None if it is no disc."""
    return _DISCS.get(name.lower())


def disc_above(relative: str) -> str | None:
    """Return the outermost disc that a path with slashes is, or is in; None if there is none."""
    parts = relative.split("/")
    depth = next((number for number, part in enumerate(parts) if disc_kind(part)), None)
    return None if depth is None else "/".join(parts[: depth + 1])


def named_like(relative: Path) -> Path:
    """Return the path that gives an output its name: of a disc, that of the folder that it lies in.

    Args:
        relative: path of the source below the input.
    """
    inner = PurePosixPath(relative.as_posix())
    if disc_kind(inner.name) is None or len(inner.parts) < 2:
        return relative
    return relative.with_name(f"{relative.parent.name}.disc")
