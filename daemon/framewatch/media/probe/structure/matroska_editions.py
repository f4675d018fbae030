"""Matroska files that are played in another order than they have, or with parts of other files.

libav reads such a file from beginning to end, as if there were no editions (RFC 9559, sections 20.1 and 20.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from framewatch.media.damage.ebml import CLUSTER, elements, segment_start

_INFO, _CHAPTERS, _SEEK_HEAD = (bytes.fromhex(name) for name in ("1549a966", "1043a770", "114d9b74"))
_SEEK, _SEEK_ID, _SEEK_POSITION = (bytes.fromhex(name) for name in ("4dbb", "53ab", "53ac"))
_UUID, _PREVIOUS, _NEXT = (bytes.fromhex(name) for name in ("73a4", "3cb923", "3eb923"))
_EDITION, _ORDERED, _DEFAULT = (bytes.fromhex(name) for name in ("45b9", "45dd", "45db"))
_CHAPTER, _ENABLED, _BEGIN, _END, _OF_FILE = (bytes.fromhex(name) for name in ("b6", "4598", "91", "92", "6e67"))
_MAX_ELEMENT = 4 * 2**20  # bytes of a list of chapters that is read
_MAX_PARTS = 20_000
_MAX_FRONT = 200  # elements in front of the first cluster
_SAME_NANOSECONDS = 100_000_000  # between the end of a chapter and the beginning of the next: less than that is none


class Editions(NamedTuple):
    """What a file says of the order in which it is played."""

    linked: bool = False  # chapters that are in other files are played, too
    reordered: bool = False  # chapters are left out, repeated, or played in another order
    continued: bool = False  # another file comes before or after it


def read_editions(file: BinaryIO) -> Editions:
    """Read what a Matroska file says of its editions; of those that it has, the one that players choose counts."""
    info, chapters = _element(file, _INFO), _element(file, _CHAPTERS)
    about = dict(_children(info))
    own = about.get(_UUID, b"")
    edition = _played_edition(chapters)
    atoms = [dict(_children(atom)) for name, atom in _children(edition) if name == _CHAPTER]
    played = [atom for atom in atoms if atom.get(_ENABLED, b"\1").strip(b"\0")]
    return Editions(
        linked=any(atom.get(_OF_FILE, own) != own for atom in played),
        reordered=_is_reordered(played),
        continued=_PREVIOUS in about or _NEXT in about,
    )


def _played_edition(chapters: bytes) -> bytes:
    """Return the default edition or, if there is none, the first, if it is ordered."""
    editions = [edition for name, edition in _children(chapters) if name == _EDITION]
    default = next((each for each in editions if _is_set(each, _DEFAULT)), None)
    chosen = default if default is not None else next(iter(editions), b"")
    return chosen if _is_set(chosen, _ORDERED) else b""


def _is_set(edition: bytes, flag: bytes) -> bool:
    return bool(dict(_children(edition)).get(flag, b"").strip(b"\0"))


def _is_reordered(played: list[dict[bytes, bytes]]) -> bool:
    at = 0
    for atom in played:
        begin, end = (int.from_bytes(atom.get(name, b"")) for name in (_BEGIN, _END))
        if abs(begin - at) > _SAME_NANOSECONDS:
            return True
        at = max(end, begin)
    return False


def _element(file: BinaryIO, wanted: bytes) -> bytes:
    """Return the content of an element that is in front of the first cluster, or that the file's index names."""
    start, places = segment_start(file), {}
    for number, element in enumerate(elements(file)):
        if element.name == CLUSTER or number >= _MAX_FRONT or element.end is None:
            break
        if element.name == wanted:
            return _content(file, element.start)
        if element.name == _SEEK_HEAD:
            places = _places(_content(file, element.start))
    if start is None or wanted not in places:
        return b""
    file.seek(start + places[wanted])
    return _content(file, start + places[wanted]) if file.read(len(wanted)) == wanted else b""


def _places(index: bytes) -> dict[bytes, int]:
    entries = (dict(_children(entry)) for name, entry in _children(index) if name == _SEEK)
    return {
        entry.get(_SEEK_ID, b""): int.from_bytes(entry.get(_SEEK_POSITION, b"")[-8:]) % 2**62 for entry in entries
    }


def _content(file: BinaryIO, start: int) -> bytes:
    file.seek(start)
    data = file.read(12)
    found = _header(data, 0)
    if found is None:
        return b""
    _, at, size = found
    file.seek(start + at)
    return file.read(min(size, _MAX_ELEMENT))


def _children(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MAX_PARTS):
        found = _header(data, at)
        if found is None:
            return
        name, begin, size = found
        yield name, data[begin : begin + size]
        at = begin + size


def _header(data: bytes, at: int) -> tuple[bytes, int, int] | None:
    """Return the name of an element, where its content begins, and how long that is; None at the end."""
    width = 9 - data[at].bit_length() if at < len(data) and data[at] else 9
    after = at + width
    if width > 4 or after >= len(data) or not data[after]:
        return None
    length = 9 - data[after].bit_length()
    size = int.from_bytes(data[after : after + length]) & ((1 << (7 * length)) - 1)
    return data[at:after], after + length, size
