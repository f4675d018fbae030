"""Warnings about the structure of a file that libav passes over without a word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from framewatch.errors import Finding, MediaError
from framewatch.media.heartbeat import Beat, no_beat
from framewatch.media.iso_files.edit_lists import edit_lists
from framewatch.media.iso_files.heif import Pictures, read_pictures
from framewatch.media.matroska_files.editions import Editions, read_editions
from framewatch.media.probe.pyav_values import fraction
from framewatch.media.probe.safe_open import AnyFile, open_file, open_media
from framewatch.media.probe.structure.content import HEAD, RAW, demuxer_of
from framewatch.media.probe.truncation import COPY_AGAIN_HINT, Family, read_extent

_ODD_RATE = 13
_NAMED = 10  # tracks: an index that libav does not read may have any number of them
_NUT_INDEX = bytes.fromhex("4e58dd672f23e64e")


def structure_warnings(source: AnyFile, beat: Beat = no_beat) -> tuple[Finding, ...]:
    """Return what is odd about the structure of a file that can be read.

    Raises:
        MediaError: it is a part of what it shows (`media.linked_files`), or another version of the file.
        StorageError: the file is gone or cannot be read now.
    """
    with open_file(source, beat=beat) as file:
        demuxer = demuxer_of(file.read(HEAD))
        found = list(_warnings(file))
        if demuxer == "nut" and not _has_nut_index(file):
            message = "this NUT file ends without an index: it was not finished, or it is cut off"
            found.append(Finding("media.no_index", message, f"look at its end; if it is cut off, {COPY_AGAIN_HINT}"))
    if demuxer in RAW and not _states_rate(source, beat):
        message = "this raw stream does not say how many frames it has in a second: 25 are assumed"
        hint = "if that is wrong, put it into a container with its rate: mkvmerge --default-duration 0:24000/1001p"
        found.append(Finding("media.assumed_rate", message, hint))
    return tuple(found)


def _edition_warnings(editions: Editions) -> Iterator[Finding]:
    if editions.linked:
        message = "this file shows parts of other files (ordered chapters with links), which are not followed"
        hint = "put together what it shows with a program that follows the links, and drop the result"
        raise MediaError(message, code="media.linked_files", hint=hint)
    if editions.reordered:
        message = (
            "players show the chapters of this file in another order, or not all: here all is in the file's order"
        )
        yield Finding("media.ordered_chapters", message, "mkvmerge --split parts: puts parts into another order")
    if editions.continued:
        message = "another file comes before or after this one when it is played: each is a job of its own"
        yield Finding("media.linked_neighbour", message, "join them with mkvmerge first to get one film")


def _picture_warnings(pictures: Pictures) -> Iterator[Finding]:
    if pictures.has_alpha:
        message = "the transparency of this picture is left out: HEIF and AVIF store it as a picture of its own"
        yield Finding("image.alpha_dropped", message, "convert it to PNG first to keep it")
    if pictures.others:
        message = f"the file has {pictures.others} more pictures, which are left out"
        yield Finding("image.pictures_dropped", message, "save each of them as a file of its own")


def _has_nut_index(file: BinaryIO) -> bool:
    """Return whether a NUT file ends as it should: with an index, and how long that is (nut.txt, "index")."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 12, 0))
    length = int.from_bytes(file.read(8))
    file.seek(max(size - length, 0))
    return file.read(8) == _NUT_INDEX


def _states_rate(source: AnyFile, beat: Beat) -> bool:
    """Return whether libav counts the frames of a raw stream at a rate of its own, whatever the default is."""
    with open_media(source, beat=beat, raw_rate=_ODD_RATE) as container:
        return all(fraction(each.guessed_rate) != _ODD_RATE for each in container.streams.video)


def _warnings(file: BinaryIO) -> Iterator[Finding]:
    extent = read_extent(file)
    if extent.trailing:
        message = f"{extent.trailing} bytes behind the end of this {extent.family} file belong to no part of it"
        hint = "a program or a server has appended them; what comes before them is whole"
        yield Finding("media.trailing_bytes", message, hint)
    if extent.family is Family.MATROSKA:
        yield from _edition_warnings(read_editions(file))
    if extent.family is Family.ISO:
        yield from _picture_warnings(read_pictures(file, file.seek(0, os.SEEK_END)))
        odd = (track for track, edits in edit_lists(file).items() if any(edit.changes_speed for edit in edits))
        for track in islice(odd, _NAMED):
            message = f"track {track} has parts that are to be played slower, faster or as a still: that is lost"
            hint = "export the film from the program that it was cut with, so that its frames have these times"
            yield Finding("media.speed_lost", message, hint)
