"""Text and profiles in a PNG that would take far more memory than the file has bytes."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest

from framewatch.media.decode.image_file import read_image, with_image_details
from framewatch.media.image_files.png_text import HIDDEN_PROFILE, hidden_chunks
from framewatch.media.limits import MAX_TAG_CHARACTERS, Limits
from framewatch.media.probe.probe import probe
from framewatch.media.probe.safe_open import open_media

MIB = 2**20
BOMB = zlib.compress(bytes(3 * MIB), 9)
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*chunks: bytes, after: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(16 * (b"\0" + bytes(48))))
    return SIGNATURE + header + b"".join(chunks) + rows + after + chunk(b"IEND", b"")


def hidden(data: bytes) -> list[bytes]:
    """Return the types of the chunks that are hidden."""
    return [data[at : at + 4] for at in hidden_chunks(io.BytesIO(data))]


PACKED_TEXT = {
    "zTXt": chunk(b"zTXt", b"Comment\0\0" + BOMB),
    "iTXt": chunk(b"iTXt", b"Comment\0\1\0en\0Kommentar\0" + BOMB),
}


@pytest.mark.parametrize("kind", PACKED_TEXT)
def test_text_is_hidden_beyond_what_any_file_may_have_and_the_image_is_still_read(kind: str, tmp_path: Path) -> None:
    text = PACKED_TEXT[kind]
    path = tmp_path / "picture.png"
    path.write_bytes(png(text, text, text))

    with open_media(path) as container:
        tags = next(container.decode(video=0)).metadata
    info = with_image_details(path, probe(path, Limits()))
    assert sum(map(len, tags.values())) <= MAX_TAG_CHARACTERS
    assert read_image(path, info.streams[0]).rgb.shape == (16, 16, 3)
    assert hidden(path.read_bytes()) == [kind.encode()] * 2


@pytest.mark.parametrize("kind", PACKED_TEXT)
def test_text_is_found_behind_the_pixels_behind_the_end_and_in_an_icon(kind: str) -> None:
    text = PACKED_TEXT[kind]
    assert hidden(png(after=text + text)) == [kind.encode()]
    assert hidden(png() + png(text, text)) == [kind.encode()]
    image = png(text, text)
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 24, len(image), 22)
    assert hidden(b"\0\0\1\0\1\0" + entry + image) == [kind.encode()]


def test_ordinary_text_is_left_as_it_is() -> None:
    packet = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"x" * 3 * MIB)
    exif = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(60_000)))
    assert hidden(png(packet, exif, chunk(b"tEXt", b"Title\0Spring"))) == []


def test_plain_text_counts_as_well_and_so_does_damaged_text() -> None:
    plain = chunk(b"tEXt", b"Comment\0" + b"a" * 3 * MIB)
    assert hidden(png(plain, plain)) == [b"tEXt"]
    assert hidden(png(chunk(b"zTXt", b"Comment\0\0" + BOMB[:50] + b"?" * 90))) == [b"zTXt"]


def test_a_profile_is_hidden_that_is_too_large_and_so_are_second_ones() -> None:
    large = chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(bytes(5 * MIB), 9))
    long = chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(bytes(5 * MIB), 0))
    sound = chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(bytes(2 * MIB)))
    assert hidden(png(large)) == hidden(png(long)) == hidden(png(sound, sound)) == [b"iCCP"]
    assert hidden(png(sound)) == []
    assert set(hidden_chunks(io.BytesIO(png(large))).values()) == {HIDDEN_PROFILE}


@pytest.mark.parametrize("data", [b"", b"\0\0\1\0", b"\0\0\1\0\5\0abc", SIGNATURE, SIGNATURE + b"\xff" * 20, b"RIFF"])
def test_what_is_cut_off_or_no_png_has_nothing_to_hide(data: bytes) -> None:
    assert hidden_chunks(io.BytesIO(data)) == {}
