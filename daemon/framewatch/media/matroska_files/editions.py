"""Matroska files that are played in another order than they have, or with parts of other files.

libav reads such a file from beginning to end, as if there were no editions (RFC 9559, sections 20.1 and 20.3).
"""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from framewatch.media.matroska_files.elements import children, find_element

_INFO, _CHAPTERS = (bytes.fromhex(name) for name in ("1549a966", "1043a770"))
_UUID, _PREVIOUS, _NEXT = (bytes.fromhex(name) for name in ("73a4", "3cb923", "3eb923"))
_EDITION, _ORDERED, _DEFAULT = (bytes.fromhex(name) for name in ("45b9", "45dd", "45db"))
_CHAPTER, _ENABLED, _BEGIN, _END, _OF_FILE = (bytes.fromhex(name) for name in ("b6", "4598", "91", "92", "6e67"))
_MAX_ELEMENT = 4 * 2**20  # bytes of a list of chapters that is read
_SAME_NANOSECONDS = 100_000_000  # between the end of a chapter and the beginning of the next: less than that is none


class Editions(NamedTuple):
    """What a file says of the order in which it is played."""

    linked: bool = False  # chapters that are in other files are played, too
    reordered: bool = False  # chapters are left out, repeated, or played in another order
    continued: bool = False  # another file comes before or after it


def read_editions(file: BinaryIO) -> Editions:
    """Read what a Matroska file says of its editions; of those that it has, the one that players choose counts."""
    info, chapters = (find_element(file, name, _MAX_ELEMENT) for name in (_INFO, _CHAPTERS))
    about = dict(children(info))
    own = about.get(_UUID, b"")
    edition = _played_edition(chapters)
    atoms = [dict(children(atom)) for name, atom in children(edition) if name == _CHAPTER]
    played = [atom for atom in atoms if atom.get(_ENABLED, b"\1").strip(b"\0")]
    return Editions(
        linked=any(atom.get(_OF_FILE, own) != own for atom in played),
        reordered=_is_reordered(played),
        continued=_PREVIOUS in about or _NEXT in about,
    )


def _played_edition(chapters: bytes) -> bytes:
    """Return the default edition or, if there is none, the first, if it is ordered."""
    editions = [edition for name, edition in children(chapters) if name == _EDITION]
    default = next((each for each in editions if _is_set(each, _DEFAULT)), None)
    chosen = default if default is not None else next(iter(editions), b"")
    return chosen if _is_set(chosen, _ORDERED) else b""


def _is_set(edition: bytes, flag: bytes) -> bool:
    return bool(dict(children(edition)).get(flag, b"").strip(b"\0"))


def _is_reordered(played: list[dict[bytes, bytes]]) -> bool:
    at = 0
    for atom in played:
        begin, end = (int.from_bytes(atom.get(name, b"")) for name in (_BEGIN, _END))
        if abs(begin - at) > _SAME_NANOSECONDS:
            return True
        at = max(end, begin)
    return False
