"""Ordered chapters and links to other files, as Matroska files state them."""

from __future__ import annotations

import io
import random

import pytest

from framewatch.media.matroska_files.editions import Editions, read_editions
from hostile_media import element

OTHER, OWN = b"o" * 16, b"u" * 16


def number(value: int) -> bytes:
    return value.to_bytes(8)


def chapter(begin: float, end: float, *, of_file: bytes = b"", enabled: int = 1) -> bytes:
    parts = element("91", number(round(begin * 1e9))) + element("92", number(round(end * 1e9)))
    parts += element("4598", bytes([enabled]))
    return element("b6", parts + (element("6e67", of_file) if of_file else b""))


def edition(*chapters: bytes, ordered: int = 1, default: int = 0) -> bytes:
    flags = element("45dd", bytes([ordered])) + element("45db", bytes([default]))
    return element("45b9", flags + b"".join(chapters))


def film(*editions: bytes, info: bytes = b"", behind: bool = False) -> io.BytesIO:
    about = element("1549a966", element("73a4", OWN) + info)
    chapters, cluster = element("1043a770", b"".join(editions)), element("1f43b675", bytes(100))
    index_bytes = 12 + len(element("4dbb", element("53ab", bytes(4)) + element("53ac", number(0))))
    place = index_bytes + len(about) + len(cluster)
    seek = element("53ab", bytes.fromhex("1043a770")) + element("53ac", number(place))
    content = element("114d9b74", element("4dbb", seek)) + about
    content += cluster + chapters if behind else chapters + cluster
    return io.BytesIO(element("1a45dfa3", b"") + element("18538067", content))


STRAIGHT = (chapter(0, 1), chapter(1, 2))
SWAPPED = (chapter(1, 2), chapter(0, 1))


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(
    ("editions", "found"),
    [
        ((), Editions()),
        ((edition(*STRAIGHT),), Editions()),
        ((edition(*SWAPPED),), Editions(reordered=True)),
        ((edition(*SWAPPED, ordered=0),), Editions()),
        ((edition(chapter(0, 1), chapter(3, 4)),), Editions(reordered=True)),
        ((edition(chapter(0, 1), chapter(5, 6, enabled=0), chapter(1, 2)),), Editions()),
        ((edition(*STRAIGHT), edition(*SWAPPED, default=1)), Editions(reordered=True)),
        ((edition(*SWAPPED), edition(*STRAIGHT, default=1)), Editions()),
        ((edition(chapter(0, 1), chapter(1, 2, of_file=OTHER)),), Editions(linked=True)),
        ((edition(chapter(0, 1), chapter(1, 2, of_file=OWN)),), Editions()),
    ],
)
def test_the_edition_that_is_played_counts(editions: tuple[bytes, ...], found: Editions, behind: bool) -> None:
    assert read_editions(film(*editions, behind=behind)) == found


def test_a_neighbour_is_noticed() -> None:
    assert read_editions(film(info=element("3eb923", OTHER))).continued
    assert read_editions(film(info=element("3cb923", OTHER))).continued


def test_damaged_files_are_survived() -> None:
    whole, chance = film(edition(*SWAPPED), behind=True).getvalue(), random.Random(1)  # noqa: S311 - not for secrets
    for at in range(len(whole)):
        read_editions(io.BytesIO(whole[:at]))
        changed = bytearray(whole)
        changed[at] = chance.randrange(256)
        read_editions(io.BytesIO(bytes(changed)))
