"""Tags, titles and chapters of a source that are too many or too long to keep. Pure.

Losing them harms no picture and no sound, so the file is processed, and a warning names what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from framewatch.domain import MediaInfo
from framewatch.errors import Finding
from framewatch.media.limits import MAX_CHAPTERS, MAX_LANGUAGE, MAX_TAG_CHARACTERS, MAX_TAGS, MAX_TITLE
from framewatch.media.preset.preset import Preset


def has_too_many_tags(info: MediaInfo) -> bool:
    """Return whether the source's tags are left out, all of them: which of them matter nobody knows."""
    return info.extras.tags > MAX_TAGS or info.extras.tag_characters > MAX_TAG_CHARACTERS


def has_too_many_chapters(info: MediaInfo) -> bool:
    """Return whether the source's chapters are left out."""
    return info.chapters > MAX_CHAPTERS


def extras_warnings(preset: Preset, info: MediaInfo) -> Iterator[Finding]:
    """Yield a warning for everything that is shortened or left out, if the preset would keep it."""
    if preset.metadata.removes_all:
        return
    if has_too_many_tags(info):
        message = (
            f"the tags are left out: there are {info.extras.tags}, with {info.extras.tag_characters} characters; "
            f"at most {MAX_TAGS} tags and {MAX_TAG_CHARACTERS} characters are kept"
        )
        yield Finding("metadata.too_many_tags", message, "remove those that nobody needs")
    if has_too_many_chapters(info):
        message = f"the chapters are left out: there are {info.chapters}, and at most {MAX_CHAPTERS} are kept"
        yield Finding("streams.chapters_dropped", message)
    if info.extras.title is not None and not has_too_many_tags(info):
        yield Finding("metadata.shortened", f"the title is cut after {MAX_TITLE} characters")
    if info.extras.shortened:
        message = (
            f"titles of {len(info.extras.shortened)} streams are cut after {MAX_TITLE} characters, "
            f"or their languages after {MAX_LANGUAGE}"
        )
        yield Finding("metadata.shortened", message)
