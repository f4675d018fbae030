"""Files that refer to other files or addresses, to make a program that opens them read or call something else."""

from __future__ import annotations

import struct
from pathlib import Path

from media_factory import ffmpeg

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"dinf")


def pointing_texts(path: Path, address: str) -> dict[str, str]:
    """Return contents by file name. Each refers to `path`, `address` or both."""
    media = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n"
    return {
        "playlist.mp4": f"{media}#EXTINF:1.0,\nfile://{path}\n#EXTINF:1.0,\nhttp://{address}/a.ts\n#EXT-X-ENDLIST\n",
        "master.ts": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://{address}/b.m3u8\n",
        "key.mkv": f'{media}#EXT-X-KEY:METHOD=AES-128,URI="file://{path}"\n#EXTINF:1.0,\n{path}\n#EXT-X-ENDLIST\n',
        "script.mkv": f"ffconcat version 1.0\nfile '{path}'\nfile 'http://{address}/c.mp4'\n",
        "subfile.mp4": f"subfile,,start,0,end,9000,,:{path}\n",
        "concat.mp4": f"concat:{path}|{path}\n",
        "session.mp4": f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nt=0 0\na=control:rtsp://{address}/\n"
        "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "manifest.mp4": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet>'
        f"<Representation><BaseURL>http://{address}/d.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
        "drawing.mp4": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
        f'<image href="file://{path}"/><image href="http://{address}/e.png"/></svg>',
        "listing.avi": f"[playlist]\nFile1={path}\nFile2=http://{address}/f.mp3\n",
    }


def movie_with_data_elsewhere(path: Path, target: Path, kind: bytes) -> Path:
    """Make a QuickTime movie whose video data are in another file, by an alias (`alis`) or a URL (`url `)."""
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=0.2", "-c:v", "mpeg4", "-f", "mov", f"file:{path}")
    entry = _alias(target) if kind == b"alis" else f"file://{target}".encode() + b"\0"
    # Version and flags are 0: flag 1 would mean that the data are in the file itself.
    reference = struct.pack(">I4sI", 12 + len(entry), kind, 0) + entry
    data = path.read_bytes()
    assert data.index(b"mdat") < data.index(b"moov")  # so that offsets stay valid
    path.write_bytes(_with_reference(data, reference))
    return path


def _with_reference(data: bytes, reference: bytes) -> bytes:
    """Copy the boxes, with this single entry in every `dref`."""
    made, at = b"", 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        size = size or len(data) - at
        body = data[at + 8 : at + size]
        if name in _CONTAINERS:
            body = _with_reference(body, reference)
        elif name == b"dref":
            body = struct.pack(">II", 0, 1) + reference
        made += struct.pack(">I4s", 8 + len(body), name) + body
        at += size
    return made


def _alias(target: Path) -> bytes:
    """Make an alias record as QuickTime does: the file's path on the volume "disk", with colons between its parts."""
    name, where = target.name.encode()[:63], b"disk" + str(target).replace("/", ":").encode()
    where += bytes(len(where) % 2)
    head = bytes(10) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(12)
    head += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + struct.pack(">hh", 1, 1) + bytes(16)
    return head + struct.pack(">HH", 2, len(where)) + where + struct.pack(">HH", 0xFFFF, 0)


def box(name: bytes, *content: bytes) -> bytes:
    """Return a box of an MP4 or MOV."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def table(name: bytes, *numbers: int) -> bytes:
    """Return a box with version and flags 0 that holds 32-bit numbers."""
    return box(name, bytes(4), struct.pack(f">{len(numbers)}I", *numbers))


def track(*tables: bytes, handler: bytes = b"vide", entry: bytes = b"jpeg") -> bytes:
    """Return a track of 96x64 pixels of Motion JPEG, or of sound, with these tables as its index."""
    header = table(b"tkhd", 0, 0, 1, 0, 1000, *[0] * 13, 96 << 16, 64 << 16)
    if handler == b"vide":
        described = bytes(6) + struct.pack(">H16x2H2I4xH32x2H", 1, 96, 64, 72 << 16, 72 << 16, 1, 24, 0xFFFF)
    else:
        described = bytes(6) + struct.pack(">H8x2H4xI", 1, 2, 16, 48_000 << 16)
    description = box(b"stsd", bytes(4), struct.pack(">I", 1), box(entry, described))
    data = box(b"dinf", box(b"dref", struct.pack(">2I", 0, 1), table(b"url ")))
    media = box(
        b"mdia",
        table(b"mdhd", 0, 0, 10_240, 10_240, 0),
        box(b"hdlr", bytes(8), handler, bytes(13)),
        box(b"minf", box(b"vmhd", bytes(12)), data, box(b"stbl", description, *tables)),
    )
    return box(b"trak", header, media)


def movie(path: Path, *tracks: bytes, after: bytes = b"") -> Path:
    """Write a movie with these tracks and 100 bytes of data; `after` follows the index."""
    header = table(b"mvhd", 0, 0, 1000, 1000, 1 << 16, 1 << 24, *[0] * 18, 2)
    start = box(b"ftyp", b"isom", bytes(4), b"isommp41") + box(b"mdat", bytes(100))
    path.write_bytes(start + box(b"moov", header, *tracks) + after)
    return path


def claiming_packets(path: Path, count: int, tracks: int = 1) -> Path:
    """Write a movie of less than 2 kB whose index lists `count` packets of one byte in each track."""
    stated = (table(b"stts", 1, count, 2), table(b"stsc", 1, 1, count, 1), table(b"stsz", 1, count))
    return movie(path, *[track(*stated, table(b"stco", 1, 40))] * tracks)


def element(name: str, content: bytes, size: int | None = None) -> bytes:
    """Return an element of a Matroska file, which may claim another size than it has."""
    return bytes.fromhex(name) + ((size or len(content)) | 1 << 56).to_bytes(8) + content


def matroska_with_private_data(path: Path, claimed: int) -> Path:
    """Write a Matroska file of 138 bytes, whose codec claims private data of `claimed` bytes."""
    entry = (element("D7", b"\1"), element("73C5", b"\1"), element("83", b"\1"), element("86", b"V_MPEG4/ISO/AVC"))
    track = element("AE", b"".join(entry) + element("63A2", bytes(10), claimed))
    unknown = bytes.fromhex("18538067") + b"\x01" + b"\xff" * 7
    path.write_bytes(element("1A45DFA3", element("4282", b"matroska")) + unknown + element("1654AE6B", track))
    return path


def flac_with_picture(path: Path, claimed: int) -> Path:
    """Write a FLAC file of 187 bytes, whose cover claims `claimed` bytes."""
    picture = struct.pack(">2I9s6I", 3, 9, b"image/png", 0, 60_000, 60_000, 24, 0, claimed) + bytes(100)
    sound = (44_100 << 44 | 1 << 41 | 15 << 36 | 44_100).to_bytes(8)
    info = struct.pack(">2H6x", 4096, 4096) + sound + bytes(16)
    blocks = (b"\0", info), (b"\x86", picture)
    path.write_bytes(b"fLaC" + b"".join(kind + len(body).to_bytes(3) + body for kind, body in blocks))
    return path


def sound_with_id3_picture(path: Path) -> Path:
    """Write an MP3 of 533 bytes, whose tag claims a picture of 256 MB."""
    tag = b"ID3\x04\0\0" + b"\x7f" * 4 + b"APIC" + b"\x7f" * 3 + b"\x70" + b"\0\0" + b"\0image/png\0\x03\0"
    path.write_bytes(tag + bytes(100) + b"\xff\xfb\x90\x00" * 100)
    return path


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk of an AVI."""
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def avi_with_repeated_index(path: Path, times: int, entries: int) -> Path:
    """Write an AVI whose index names the same index of `entries` frames `times` times over."""
    index = chunk(
        b"ix00", struct.pack("<HBBI4sQI", 2, 0, 1, entries, b"00dc", 0, 0) + struct.pack("<2I", 8, 0) * entries
    )
    stream = struct.pack("<4s4s11I", b"vids", b"MJPG", 0, 0, 0, 1, 25, 0, entries, 0, 0, 0, 0)
    frames = struct.pack("<IiiHHIIiiII", 40, 96, 64, 1, 24, 0x47504A4D, 0, 0, 0, 0, 0)
    header = struct.pack("<14I", 40_000, 0, 0, 0x10, entries, 0, 1, 0, 96, 64, 0, 0, 0, 0)

    def start(offset: int) -> bytes:
        named = struct.pack("<HBBI4s3I", 4, 0, 0, times, b"00dc", 0, 0, 0)
        super_index = chunk(b"indx", named + struct.pack("<QII", offset, len(index), entries) * times)
        listed = b"strl" + chunk(b"strh", stream) + chunk(b"strf", frames) + super_index
        movie_data = chunk(b"LIST", b"movi" + chunk(b"00dc", bytes(100)))
        return b"AVI " + chunk(b"LIST", b"hdrl" + chunk(b"avih", header) + chunk(b"LIST", listed)) + movie_data

    body = start(8 + len(start(0))) + index
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path
