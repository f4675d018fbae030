"""What a HEIF or AVIF file holds beside the picture that it shows."""

from __future__ import annotations

import io
import random
import struct

import pytest

from framewatch.media.iso_files.heif import Pictures, read_pictures
from hostile_media import box

ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"
DEPTH = b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth\0"
Reference = tuple[bytes, int, tuple[int, ...]]


def still(kinds: dict[int, bytes], *references: Reference, about: bytes = b"", behind: bytes = b"") -> bytes:
    """Return a file whose picture is item 1."""
    items = b"".join(box(b"infe", struct.pack(">IHH4sx", 2 << 24, number, 0, kind)) for number, kind in kinds.items())
    links = b"".join(box(kind, struct.pack(f">HH{len(to)}H", item, len(to), *to)) for kind, item, to in references)
    meta = box(
        b"meta",
        bytes(4),
        box(b"pitm", struct.pack(">IH", 0, 1)),
        box(b"iinf", struct.pack(">IH", 0, len(kinds)), items),
        box(b"iref", bytes(4), links),
        box(b"iprp", box(b"ipco", box(b"auxC", bytes(4), about))),
    )
    return box(b"ftyp", b"heic", bytes(4)) + meta + behind


def found(data: bytes) -> Pictures:
    return read_pictures(io.BytesIO(data), len(data))


@pytest.mark.parametrize(
    ("file", "pictures"),
    [
        (still({1: b"hvc1"}), Pictures()),
        (still({1: b"grid", 2: b"hvc1", 3: b"hvc1"}, (b"dimg", 1, (2, 3))), Pictures(composed_of="tiles")),
        (still({1: b"iovl", 2: b"hvc1"}, (b"dimg", 1, (2,))), Pictures(composed_of="layers")),
        (still({1: b"hvc1", 2: b"hvc1"}, (b"thmb", 2, (1,))), Pictures()),
        (still({1: b"av01", 2: b"av01"}, (b"auxl", 2, (1,)), about=ALPHA), Pictures(has_alpha=True)),
        (still({1: b"hvc1", 2: b"hvc1"}, (b"auxl", 2, (1,)), about=DEPTH), Pictures()),
        (still({1: b"hvc1", 2: b"hvc1", 3: b"jpeg", 4: b"Exif"}), Pictures(others=2)),
        (still({1: b"grid", 2: b"av01"}, (b"dimg", 1, (2,)), behind=box(b"moov")), Pictures()),
        (b"", Pictures()),
    ],
)
def test_parts_transparency_and_other_pictures_are_told_apart(file: bytes, pictures: Pictures) -> None:
    assert found(file) == pictures


def test_damaged_files_are_survived() -> None:
    whole = still({1: b"grid", 2: b"hvc1", 3: b"hvc1"}, (b"dimg", 1, (2, 3)), (b"auxl", 3, (1,)), about=ALPHA)
    chance = random.Random(1)  # noqa: S311 - not for secrets
    for at in range(len(whole)):
        found(whole[:at])
        changed = bytearray(whole)
        changed[at] = chance.randrange(256)
        found(bytes(changed))
