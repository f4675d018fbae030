"""All kinds of files."""

from __future__ import annotations

from kinds import colours, containers, extras, sound, special, subtitles, times, video_codecs
from kinds.kind import Kind

GROUPS: dict[str, list[Kind]] = {
    "Containers": containers.KINDS,
    "Video codecs and pixel formats": video_codecs.KINDS,
    "Sound": sound.KINDS,
    "Subtitles": subtitles.KINDS,
    "Chapters, tags, covers, attachments and several tracks": extras.KINDS,
    "Colours and shapes": colours.KINDS,
    "Times and fields": times.KINDS,
    "Data, and streams that no encoder at hand writes": special.KINDS,
}
KINDS: list[Kind] = [kind for kinds in GROUPS.values() for kind in kinds]
