"""What becomes of each entry of an inventory, and the warnings about what is lost. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from framewatch.domain import Entry, Record
from framewatch.domain.inventory import UNKNOWN
from framewatch.errors import Finding
from framewatch.media.containers import rules
from framewatch.media.inventory.kinds import Kind, Outcome, Output, Way, kinds


class Place(NamedTuple):
    """What is done with what has a property: a stream or the file."""

    way: Way | None  # None: the stream is dropped
    kind: str = ""  # of the stream


TAGS: Final = ("tag", "tag_of_track", "service")  # kinds whose detail is the name of a tag
FILE: Final = None  # the key of the file itself
Places = Mapping[int | None, Place]


class Carriage(Record):
    """What becomes of one entry."""

    kind: str
    stream: int | None
    detail: str
    data: str = ""
    outcome: Outcome
    note: str = ""  # why it is dropped, where that is no loss


def carriage(inventory: Iterable[Entry], output: Output, places: Places) -> tuple[Carriage, ...]:
    """Return what becomes of each entry.

    Args:
        inventory: what the probe found.
        output: what it depends on.
        places: by the index of each stream, and None for the file.
    """
    return tuple(_carried(entry, output, places) for entry in inventory)


def _carried(entry: Entry, output: Output, places: Places) -> Carriage:
    place = places.get(entry.stream, Place(None))
    outcome: Outcome = "dropped"
    if place.way is not None and entry.kind != UNKNOWN:
        outcome = kinds()[entry.kind].rule(place.way).outcome(output._replace(stream=place.kind, detail=entry.detail))
    return Carriage(**entry.model_dump(), outcome=outcome, note="" if place.way else "with its stream")


def carriage_warnings(found: Iterable[Carriage], output: Output, places: Places) -> Iterator[Finding]:
    """Yield a warning for everything that is lost and of which no other rule warns.

    Args:
        found: what becomes of each entry.
        output: what it depends on.
        places: as for `carriage`.
    """
    for each in _grouped(found):
        place = places.get(each.stream, Place(None))
        if place.way is None or each.note:
            continue
        where = "" if each.stream is None else f"stream {each.stream}"
        if each.kind == UNKNOWN:
            message = f"{each.detail}: framewatch has no rule for this, and does not know whether the output has it"
            hint = "compare the output with the source if it matters, and please report it"
            yield Finding("streams.unknown_property", message, hint, where)
            continue
        its_output = output._replace(stream=place.kind, detail=each.detail)
        if finding := _warning(each, kinds()[each.kind], its_output, place.way):
            yield finding.at(where)


def _grouped(found: Iterable[Carriage]) -> list[Carriage]:
    """Join the tags of a stream, or the file, that are lost, so that they are one warning."""
    grouped: dict[object, Carriage] = {}
    for number, each in enumerate(found):
        is_lost_tag = each.kind in TAGS and each.outcome == "dropped"
        key = (each.kind, each.stream) if is_lost_tag else number
        before = grouped.get(key)
        grouped[key] = each if before is None else before.evolve(detail=f"{before.detail}, {each.detail}")
    return list(grouped.values())


def _warning(each: Carriage, kind: Kind, output: Output, way: Way) -> Finding | None:
    kept = each.outcome == "carried" or (each.outcome == "converted" and not kind.lossy)
    if kept or not kind.code:
        return None
    why = kind.why.format(
        container=output.container, encoder=output.encoder, pixel_format=output.pixel_format, detail=each.detail
    )
    detail = f" ({each.detail})" if each.detail else ""
    verb = "is changed" if each.outcome == "converted" else kind.verb
    return Finding(kind.code, f"{kind.title}{detail} {verb}: {why}", keeping_hint(kind, output, way))


def keeping_hint(kind: Kind, output: Output, way: Way) -> str:
    """Return what would keep a property that is lost: what the preset says of its edges, encoder, container, mode."""
    rule = kind.rule(way)
    if rule.outcome(output._replace(whole=True)) == "carried":
        return "without crop, rotation and flips it is kept"
    if formats := [name for name in _pixel_formats(output) if rule.outcome(_with(output, name)) == "carried"]:
        return f"pixel_format {' or '.join(formats)} keeps it"
    encoders = [name for name in _encoders(output.container) if _kept_by(kind, way, output._replace(encoder=name))]
    if encoders:
        return f"video_codec {' or '.join(encoders)} keeps it"
    containers = [name for name in _alike(output.container) if _kept_by(kind, way, output._replace(container=name))]
    if containers:
        return f"container {' or '.join(containers)} keeps it"
    if way != "copy" and kind.rule("copy").outcome(output) == "carried":
        return 'processing_mode "copy" keeps it'
    return "the source has it"


def _alike(container: str) -> list[str]:
    """Return the containers that hold a picture where this one does."""
    known = rules().containers
    return [name for name in rules().moving() if known[name].audio_only == known[container].audio_only]


def _with(output: Output, pixel_format: str) -> Output:
    return output._replace(pixel_format=pixel_format)


def _kept_by(kind: Kind, way: Way, output: Output) -> bool:
    return kind.rule(way).outcome(output) == "carried"


def _pixel_formats(output: Output) -> tuple[str, ...]:
    return rules().pixel_formats(output.container, output.encoder) if output.encoder else ()


def _encoders(container: str) -> list[str]:
    allowed = rules().containers[container].video.encode
    return [name for name in rules().video_encoders if name in allowed]
