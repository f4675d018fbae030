"""Which files belong to a video, and which to a folder of videos, by their names alone. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Set
from fnmatch import translate
from functools import cache
from pathlib import Path
from typing import NamedTuple

from framewatch import documents
from framewatch.domain import Record
from framewatch.library.kinds import Kind, kinds_of

DATA = Path(__file__).with_name("companions.yaml")


class Companion(NamedTuple):
    """A file or folder that belongs to a video."""

    name: str
    rest: str  # what comes behind the video's name: ".en.srt"
    behind_ending: bool = False  # whether that is the name with its ending: "film.mkv.srt"
    for_output: bool = True  # whether it is true of the output, too

    def beside(self, video: str) -> str:
        """Return the name that it has beside a video of another name."""
        return (video if self.behind_ending else stem_of(video)) + self.rest


class Family(NamedTuple):
    """What lies beside a video and belongs to it."""

    companions: tuple[Companion, ...]
    shared: bool  # another video with the same stem is there, and has the same companions


class _Data(Record):
    """companions.yaml."""

    with_tags: tuple[str, ...]
    plain: tuple[str, ...]
    subtitles: tuple[str, ...]
    suffixes: tuple[str, ...]
    pictures: tuple[str, ...]
    folders: tuple[str, ...]
    source_only: tuple[str, ...]
    folder_pictures: tuple[str, ...]
    folder_files: tuple[str, ...]
    folder_folders: tuple[str, ...]


def stem_of(name: str) -> str:
    """Return a file's name without its ending."""
    return Path(name).stem


def family_of(video: str, files: Collection[str], folders: Iterable[str] = ()) -> Family:
    """Return what belongs to a video, of all that lies beside it.

    A name that begins with those of two videos belongs to the longer one: `film.part2.srt` to `film.part2.mkv`, and
    not to `film.mkv`. A file of the video's own kind is never a companion but a video with a job of its own.

    Args:
        video: its name, whether or not it still lies there.
        files: the names of all files in its folder.
        folders: the names of all folders in it.
    """
    own = _normal(stem_of(video))
    # Few names pass this, of perhaps thousands.
    alike = [name for name in files if name != video and _normal(name).startswith(own)]
    others = {name for name in alike if are_alike(name, video)}
    longer = [other for other in others if _normal(stem_of(other)) != own]
    claims = {_normal(beginning) for other in longer for beginning in (other, stem_of(other))}
    candidates = [(name, False) for name in alike if name not in others] + [(name, True) for name in folders]
    found = [
        companion
        for name, is_folder in candidates
        if (companion := _companion(name, video, is_folder=is_folder))
        and not _belongs_to_one(name, claims, is_folder=is_folder)
    ]
    return Family(tuple(sorted(found)), shared=len(longer) < len(others))


def are_alike(name: str, video: str) -> bool:
    """Return whether a file is of the kind of a video, or whatever else is processed: it has a job of its own."""
    return bool(kinds_of(name) & (kinds_of(video) or {Kind.VIDEO}))


def is_folder_companion(name: str, *, is_folder: bool) -> bool:
    """Return whether a name says that a file or folder belongs to the folder that it lies in."""
    return bool((_folder_folders() if is_folder else _folder_files()).match(name))


def is_written_for_a_video(name: str) -> bool:
    """Return whether a file of this name makes no sense without its video, such as a subtitle file."""
    return bool(_subtitles().fullmatch(name))


def endings_of_texts() -> list[str]:
    """Return the endings of companions that are no media, such as subtitles: such files are never processed."""
    data = _data()
    endings = sorted({*data.with_tags, *data.plain, *data.source_only})
    return [ending for ending in endings if kinds_of(f"name.{ending}") == {Kind.TEXT}]


def without_video(companions: Iterable[str], videos: Iterable[str]) -> list[str]:
    """Return those paths of companions, with slashes, beside which there is no video that they could belong to."""
    found = list(companions)
    folders = {path.rpartition("/")[0] for path in found}
    stems = {_normal(path.rpartition(".")[0] or path) for path in videos if path.rpartition("/")[0] in folders}
    return [path for path in found if not any(_normal(stem) in stems for stem in _stems(path))]


def _stems(path: str) -> Iterator[str]:
    """Yield what could be the path of the video without its ending: a/b.en for a/b.en.srt, and a/b."""
    stem, dot, _ = path.rpartition(".")
    while dot and "/" not in path[len(stem) :]:
        yield stem
        stem, dot, _ = stem.rpartition(".")


def _companion(name: str, video: str, *, is_folder: bool) -> Companion | None:
    stem = stem_of(video)
    for beginning, behind_ending in ((video, stem != video), (stem, False)):
        wanted = _normal(beginning)
        for rest in (rest for found, rest in _divided(name) if found == wanted):
            if _is_rest_of_companion(rest, is_folder=is_folder):
                for_output = is_folder or not _of_source().fullmatch(rest)
                return Companion(name, rest, behind_ending, for_output)
    return None


def _belongs_to_one(name: str, beginnings: Set[str], *, is_folder: bool) -> bool:
    """Return whether a file or folder is a companion of a video with one of these beginnings."""
    found = (rest for beginning, rest in _divided(name) if beginning in beginnings)
    return any(_is_rest_of_companion(rest, is_folder=is_folder) for rest in found)


def _is_rest_of_companion(rest: str, *, is_folder: bool) -> bool:
    """Return whether what comes behind the name of a video makes the whole the name of a companion."""
    if is_folder:
        return bool(_named_folder().fullmatch(rest))
    return bool(_of_source().fullmatch(rest) or _of_video().fullmatch(rest))


def _divided(name: str) -> Iterator[tuple[str, str]]:
    """Yield each beginning of a name that may be that of a video, in one spelling, and what comes behind it.

    File systems differ in case and in the composition of accents, and so do the programs that write companions.
    """
    for position in (place for place, character in enumerate(name) if character in ".-_"):
        yield _normal(name[:position]), name[position:]


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


@cache
def _data() -> _Data:
    return documents.validate(documents.read(DATA), _Data)


@cache
def _of_video() -> re.Pattern[str]:
    data = _data()
    suffixes = "|".join(translate(each) for each in data.suffixes).replace(r"\Z", "").replace(r"\z", "")
    return _pattern(
        rf"(?:\.[^/]+)?\.(?:{_any(data.with_tags)})|\.(?:{_any(data.plain)})|(?:{suffixes})\.(?:{_any(data.pictures)})"
    )


@cache
def _subtitles() -> re.Pattern[str]:
    return _pattern(rf".+\.(?:{_any(_data().subtitles)})")


@cache
def _of_source() -> re.Pattern[str]:
    return _pattern(rf"(?:\.[^/]+)?\.(?:{_any(_data().source_only)})")


@cache
def _named_folder() -> re.Pattern[str]:
    return _pattern(rf"\.(?:{_any(_data().folders)})")


@cache
def _folder_files() -> re.Pattern[str]:
    pictures = [f"{name}.{ending}" for name in _data().folder_pictures for ending in _data().pictures]
    return _pattern("|".join(map(translate, (*pictures, *_data().folder_files))))


@cache
def _folder_folders() -> re.Pattern[str]:
    return _pattern("|".join(map(translate, _data().folder_folders)))


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, words))


def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.IGNORECASE)
