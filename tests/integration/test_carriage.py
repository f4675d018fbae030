"""Every cell of the table of what is carried, converted or dropped, with a real file that PyAV looks at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from framewatch.media.inventory.carriage import Carriage
from framewatch.media.inventory.kinds import WAYS, kinds
from framewatch.media.plan.plan import VideoPlan, make_plan
from framewatch.media.probe.probe import probe
from media_samples import FAST, fitting, render, timeline_of
from property_samples import SAMPLES, Property, properties, run

CONTAINERS = ("mp4", "mov", "mkv", "webm", "m2t", "m2ts")
QUICK = {
    ("layouts", "upscale", "mp4"),
    ("layouts", "copy", "mp4"),
    ("marks", "upscale", "mkv"),
    ("hdr", "transcode", "mp4"),
}
QUICK |= {
    ("timecode", "upscale", "mov"),
    ("clear", "transcode", "webm"),
    ("marks", "copy", "m2t"),
    ("tags", "upscale", "mkv"),
    ("siting", "transcode", "mp4"),
    ("siting of vp9", "copy", "mp4"),
}

# What no muxer or encoder of ffmpeg writes into a file that it then reads; tests/unit/media/probe/test_inventory.py
# has the last, and tests/integration/test_told_losses.py those that PyAV cannot show.
WITHOUT_FILES = {
    *(f"disposition.{each}" for each in ("lyrics", "karaoke", "timed_thumbnails", "non_diegetic", "metadata")),
    *(f"disposition.{each}" for each in ("dependent", "still_image", "multilayer")),
    *("spherical_other", "hdr_vivid", "pan_scan", "film_grain", "audio_service", "frame_timecode", "language_region"),
    *("exif", "service"),
}
# What stands in the packets: tests/integration/test_frame_messages.py.
MESSAGES = {"captions_a53", "hdr10plus", "bar_data", "registered_data", "lcevc", "alpha_layer"}


def cells() -> Iterator[Any]:
    for name, sample in SAMPLES.items():
        for way in WAYS:
            for container in CONTAINERS:
                if way == "copy" and sample.only and container not in sample.only:
                    continue
                marks = [] if (name, way, container) in QUICK else [pytest.mark.slow]
                yield pytest.param(name, way, container, marks=marks, id=f"{name}-{way}-{container}")


def made(name: str, way: str, container: str, folder: Path) -> tuple[VideoPlan, Path]:
    codec = "vp9" if container == "webm" and way == "copy" else "h264"
    source = SAMPLES[name].make(folder, codec)
    keys: dict[str, Any] = {
        "upscale": {**FAST, "ml_upscale": "esrgan-2x"},
        "transcode": FAST,
        "copy": {"processing_mode": "copy"},
    }[way]
    preset = fitting(container, **keys)
    plan = make_plan(preset, "test", probe(source), timeline_of(source))
    assert isinstance(plan, VideoPlan)
    (folder / "out").mkdir()
    return plan, render(plan, source, folder / "out")


def place(plan: VideoPlan, each: Carriage) -> str | None:
    """Return the stream of the output that an entry is about, as `properties` names it; None: it is dropped."""
    if each.stream is None:
        return "file"
    row = next(row for row in plan.streams if row.index == each.stream)
    kept = [other.index for other in plan.kept if other.kind == row.kind]
    return f"{row.kind} {kept.index(row.index)}" if row.index in kept else None


def has(found: set[Property], each: Carriage, where: str) -> bool:
    here = {(kind, detail) for kind, stream, detail in found if stream == where}
    if each.kind == "language_tag":
        return ("language", each.detail) in here
    if each.kind.startswith("chroma_siting"):
        return ("chroma_siting", each.detail) in here
    if each.kind in ("tag", "tag_of_track"):
        return (each.kind, each.detail) in here
    if each.kind.startswith("timecode") and each.detail:
        return any(kind == "timecode" and detail == each.detail for kind, _, detail in found)
    return each.kind in {kind for kind, _ in here}


@pytest.mark.parametrize(("name", "way", "container"), list(cells()))
def test_the_output_has_what_the_table_says(name: str, way: str, container: str, tmp_path: Path) -> None:
    plan, out = made(name, way, container, tmp_path)
    found = properties(out)
    run("-i", out, "-f", "null", "-")  # ffmpeg can filter it, too
    assert set(SAMPLES[name].kinds) <= {each.kind for each in plan.carriage}
    told = {(warning.code, warning.where) for warning in plan.warnings}
    wrong = []
    for each in plan.carriage:
        where, rule = place(plan, each), kinds()[each.kind]
        if where is None:
            continue
        if each.outcome != "converted" and has(found, each, where) != (each.outcome == "carried"):
            wrong.append(f"{each.kind} of {where} is {each.outcome}, and the output has {sorted(found)}")
        about = "" if each.stream is None else f"stream {each.stream}"
        lost = each.outcome == "dropped" or (each.outcome == "converted" and rule.lossy)
        if lost and not rule.silent and (rule.code or rule.told_by, about) not in told:
            wrong.append(f"no warning about {each.kind} of {where}: {sorted(told)}")
    assert wrong == []


def test_each_kind_has_a_file() -> None:
    tried = {kind for sample in SAMPLES.values() for kind in sample.kinds}
    assert set(kinds()) - tried - WITHOUT_FILES - MESSAGES == set()
