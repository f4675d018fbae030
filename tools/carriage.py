"""Write docs/carriage.md from the table of what is carried, converted or dropped: `python -m tools.carriage`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from framewatch.media.containers import CodecSet, rules
from framewatch.media.inventory.kinds import WAYS, Clause, Kind, Way, kinds

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "carriage.md"
_CONTAINERS = ("mp4", "mov", "mkv", "webm", "m2t", "m2ts", "gif")
_TITLES: dict[Way, str] = {
    "upscale": "Through the network (`ml_upscale`)",
    "transcode": "Transcoded (`processing_mode: reencode`)",
    "copy": "Copied (`processing_mode: copy`)",
}
_INTRODUCTION = """# What becomes of what a file has beyond picture and sound

For each property and container, with the packaged ffmpeg: it is carried, converted (what it says is done to the
picture, or said in the container's own way), or dropped. `framewatch plan` shows the properties of a file and
what would become of each. What is dropped is a warning with the code in the last column, and so is what is
converted with a loss. What belongs to a stream that is dropped goes with it, and containers of sound alone hold
no picture. A property that framewatch does not know is always a warning: `streams.unknown_property`.

`make carriage` makes this page from `daemon/framewatch/media/inventory/carriage.yaml`, and
tests/integration/test_carriage.py and test_frame_messages.py try it with files. Tracks, covers and fonts are in the
stream table of `framewatch plan`."""


def page() -> str:
    """Return the whole page."""
    return "\n\n".join([_INTRODUCTION, *(_section(way) for way in WAYS)]) + "\n"


def _section(way: Way) -> str:
    rows = [_row(kind, way) for kind in kinds().values()]
    headings = ("property", *_CONTAINERS, "only", "warning")
    return "\n".join([f"## {_TITLES[way]}", "", _line(headings), _line(["---"] * len(headings)), *map(_line, rows)])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(kind: Kind, way: Way) -> Sequence[str]:
    clauses = kind.rule(way).clauses
    cells = [_cell(clauses, way, container) for container in _CONTAINERS]
    conditions = "; ".join(dict.fromkeys(filter(None, map(_conditions, clauses))))
    code = kind.code or kind.told_by
    return (kind.title, *cells, conditions, f"`{code}`" if code else "none")


def _cell(clauses: Iterable[Clause], way: Way, container: str) -> str:
    for clause in clauses:
        if way == "copy" or _can_fit(clause, container):
            if container in clause.carried:
                return "carried"
            if container in clause.converted:
                return "converted"
    return "dropped"


def _can_fit(clause: Clause, container: str) -> bool:
    """Return whether any encoder that the container takes is one of the clause, with one of its pixel formats."""
    encoders = [name for name in rules().video_encoders if name in rules().containers[container].video.encode]
    wanted = clause.pixel_formats
    formats = [
        have for name in encoders if name in clause.encoders for have in rules().pixel_formats(container, name)
    ]
    return any(wanted is None or any(fnmatchcase(have, each) for each in wanted) for have in formats)


def _conditions(clause: Clause) -> str:
    """Return what has to be true besides the container."""
    held = _held(clause)
    said = ", ".join(_said(clause))
    return f"{held}: {said}" if held and said else said


def _held(clause: Clause) -> str:
    held = [name for name in _CONTAINERS if name in clause.carried or name in clause.converted]
    return "" if len(held) == len(_CONTAINERS) else ", ".join(held)


def _said(clause: Clause) -> Iterator[str]:
    if clause.encoders != CodecSet(rest=True):
        yield f"encoded by {clause.encoders}"
    if clause.pixel_formats is not None:
        yield "as pixel format " + ", ".join(f"`{each}`" for each in clause.pixel_formats)
    if clause.whole:
        yield "neither cropped, turned nor padded"
    if not clause.scaled:
        yield "not scaled"
    if not clause.retimed:
        yield "with the source's beginning and frame rate"
    if clause.streams is not None:
        yield f"of {' and '.join(clause.streams)} streams"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
