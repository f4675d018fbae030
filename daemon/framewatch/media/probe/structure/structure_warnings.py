"""Warnings about the structure of a file that libav passes over without a word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from framewatch.errors import Finding
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.media.iso_files.edit_lists import edit_lists
from framewatch.media.probe.safe_open import AnyFile, open_file
from framewatch.media.probe.truncation import Family, read_extent


def structure_warnings(source: AnyFile, beat: Beat = no_beat) -> tuple[Finding, ...]:
    """Return what is odd about the structure of a file that can be read.

    Raises:
        MediaError: it is another version of the file.
        StorageError: the file is gone or cannot be read now.
    """
    with open_file(source, beat=beat) as file:
        return tuple(_warnings(file))


def _warnings(file: BinaryIO) -> Iterator[Finding]:
    extent = read_extent(file)
    if extent.trailing:
        message = f"{extent.trailing} bytes behind the end of this {extent.family} file belong to no part of it"
        hint = "a program or a server has appended them; what comes before them is whole"
        yield Finding("media.trailing_bytes", message, hint)
    if extent.family is Family.ISO:
        for track, edits in edit_lists(file).items():
            if any(edit.changes_speed for edit in edits):
                message = f"track {track} has parts that are to be played slower, faster or as a still: that is lost"
                hint = "export the film from the program that it was cut with, so that its frames have these times"
                yield Finding("media.speed_lost", message, hint)
