"""No file name that a file system allows stops the work, or makes a log or a sidecar invalid JSON."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

from harness import Harness

NAMES = [
    "🎬 emoji 👩‍👩‍👧.mp4".encode(),
    "e\u0301te\u0301 decomposed.mp4".encode(),
    b"two\nlines\r.mp4",
    b"quotes \"'`$(id).mp4",
    b"-dash.mp4",
    b"--overwrite",
    b"100%d %s %03d.mp4",
    b"bytes \xff\xfe\x80.mp4",
    b"\x01\x1b[31m\x7f.mp4",
    b"back\\slash;semi:colon*?|<>.mp4",
    b" spaces at both ends ",
    b'{"json": [1, 2]}.mp4',
    "\u202emarks\u2028of direction.mp4".encode(),
    b"x" * 246 + b".mp4",  # 250 bytes
    b"y" * 251 + b".mp4",  # 255, the most there is
]


OURS = (".framewatch", ".framewatch.lock")  # by which a disk is known, and a folder kept from a second daemon


def own_box(number: int) -> bytes:
    """Return an MP4 box without meaning, which makes each file different."""
    return struct.pack(">I4sB", 9, b"free", number)


def content(folder: Path) -> dict[bytes, bytes]:
    """Return the content of the files in a folder by name, without sidecars and the daemon's own files."""
    if not folder.exists():
        return {}
    paths = [path for path in folder.iterdir() if path.is_file() and not path.name.endswith(".json")]
    return {os.fsencode(path.name): path.read_bytes() for path in paths if path.name not in OURS}


def sidecars(folder: Path) -> list[dict[str, Any]]:
    """Return all sidecars of a folder. Each must be UTF-8 and JSON."""
    return [json.loads(path.read_bytes().decode("utf-8")) for path in folder.glob("*.json")]


def test_every_file_name_is_processed_or_fails_with_a_code_and_all_output_is_json(
    harness: Harness, clip: Path
) -> None:
    """Use each name twice: for a good clip, and in another folder for a file that is no video.

    Of those, the names without an ending do not claim to be videos: they are left alone.
    """
    good, bad = harness.folder("good"), harness.folder("bad")
    for number, name in enumerate(NAMES):
        (good / os.fsdecode(name)).write_bytes(clip.read_bytes() + own_box(number))
        (bad / os.fsdecode(name)).write_text(f"no video, number {number}")
    before, broken = content(good), content(bad)
    assert len(before) == len(NAMES)
    assert harness.once(timeout=180).returncode == 1

    left = {name: text for name, text in broken.items() if b"." not in name}
    assert content(bad) == left
    assert content(good) == content(bad / "done") == {}
    assert content(good / "done") | content(good / "failed") == before
    assert content(bad / "failed") == {name: text for name, text in broken.items() if name not in left}
    outputs = harness.root / "good" / "out"
    assert len(content(outputs)) == len(content(good / "done"))
    assert content(good / "failed") == {}
    said = {"done": sidecars(outputs), "failed": sidecars(bad / "failed")}
    for status, count in {"done": len(NAMES), "failed": len(NAMES) - len(left)}.items():
        assert [each["status"] for each in said[status]] == [status] * count
        assert len({each["source"] for each in said[status]}) == count
    assert {each["error"]["code"] for each in said["failed"]} == {"media.not_media"}
    lines = harness.log().splitlines()
    events = [json.loads(line) for line in lines]
    assert sum(event["event"] == "job.done" for event in events) == len(NAMES)
    assert sum(event["event"] == "job.failed" for event in events) == len(NAMES) - len(left)
    assert sum(event["event"] == "job.skipped" for event in events) == len(left) == 2
