"""Which video streams are stills: covers, previews and placeholders beside the film.

A codec does not tell: cameras write films as Motion JPEG, and programs write covers as H.264. How many packets a
stream has does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from av.container import InputContainer

from framewatch.domain import Stream
from framewatch.media.probe.pyav_values import packets

# How far into a file a second packet is looked for where no index tells the number: a film has one every few hundred
# kilobytes, and a file with a still may be read as a whole for nothing.
_LOOK_BYTES = 64 * 2**20


Opening = Callable[[], AbstractContextManager[InputContainer]]
"""Opens the file once more, as `open_media` does."""


def mark_stills(
    opening: Opening, container: InputContainer, streams: tuple[Stream, ...], chosen: int | None
) -> tuple[Stream, ...]:
    """Return the streams, with those video streams marked as covers that have a single packet beside a moving one.

    Args:
        opening: the file, to count packets.
        container: the same, opened; it is not read from.
        streams: as the headers have them.
        chosen: the index of a stream that is no cover, whatever it looks like.

    Raises:
        MediaError: reading took too long.
        StorageError: the file system failed.
    """
    streams = tuple(each.evolve(cover=False) if each.index == chosen else each for each in streams)
    videos = [each for each in streams if each.kind == "video" and not each.cover]
    if len(videos) < 2:
        return streams
    indexed = container.format.name.startswith("mov")  # AVI counts the empty packets that fill gaps, too
    numbers = {each.index: container.streams[each.index].frames if indexed else 0 for each in videos}
    if unknown := [index for index, frames in numbers.items() if not frames]:
        numbers |= _seen_packets(opening, unknown)
    stills = {index for index, frames in numbers.items() if frames == 1 and index != chosen}
    if len(stills) == len(videos):
        return streams
    return tuple(each.evolve(cover=True) if each.index in stills else each for each in streams)


def _seen_packets(opening: Opening, indexes: Sequence[int]) -> dict[int, int]:
    """Return how many packets these streams have, counted until each has two."""
    seen = dict.fromkeys(indexes, 0)
    read = 0
    with opening() as container:
        for packet in packets(container):
            read += packet.size
            if packet.stream_index in seen and packet.size:
                seen[packet.stream_index] += 1
                if min(seen.values()) > 1:
                    break
            if read > _LOOK_BYTES:
                break
    return seen
