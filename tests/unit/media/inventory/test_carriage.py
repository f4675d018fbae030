"""What becomes of the entries of an inventory, and the warnings about it."""

from __future__ import annotations

import pytest
from av.video.format import VideoFormat, names

from framewatch.domain import Entry
from framewatch.errors import Finding
from framewatch.media.inventory.carriage import FILE, Place, carriage, carriage_warnings
from framewatch.media.inventory.derived import complete_inventory
from framewatch.media.inventory.kinds import Output, Way, kinds
from framewatch.media.inventory.languages import three_letters
from framewatch.media.plan.plan import make_plan
from framewatch.media.preset.preset import Preset
from media_samples import cfr, media, video


def warnings(entry: Entry, output: Output, way: Way | None = "upscale") -> list[Finding]:
    places = {FILE: Place("upscale"), 0: Place(way, "video")}
    return list(carriage_warnings(carriage([entry], output, places), output, places))


def test_what_has_no_rule_is_always_a_warning() -> None:
    (finding,) = warnings(Entry(kind="unknown", stream=0, detail="side data 'X'"), Output("mkv"), "copy")
    assert (finding.code, finding.where) == ("streams.unknown_property", "stream 0")
    assert "side data 'X'" in finding.message


@pytest.mark.parametrize(
    ("kind", "output", "hint"),
    [
        ("spherical", Output("mov", "libx264", "yuv420p"), "container mp4 or mkv or webm"),
        ("spherical", Output("mp4", "libx264", "yuv420p", whole=False), "without crop, rotation and flips"),
        ("chroma_422", Output("mp4", "libx264", "yuv420p"), "pixel_format yuv422p or yuv444p"),
        ("captions_a53", Output("mkv", "vp9", "yuv420p"), None),
        ("timecode_gop", Output("mkv", "vp9", "yuv420p"), None),
    ],
)
def test_a_warning_says_what_would_keep_it(kind: str, output: Output, hint: str | None) -> None:
    found = warnings(Entry(kind=kind, stream=0), output)
    assert [finding.code for finding in found] == ([kinds()[kind].code] if hint else [])
    assert all((hint or "") in finding.hint for finding in found)


def test_the_resolution_of_colour_is_told_by_the_name_of_every_pixel_format() -> None:
    kinds_of = {(64, 64): "chroma_444", (32, 64): "chroma_422", (64, 32): "chroma_422"}
    for name in sorted(names):
        known = VideoFormat(name, 64, 64)
        has_colour = name == "pal8" or (len(known.components) > 2 and not name.startswith("bayer"))
        expected = kinds_of.get((known.chroma_width(), known.chroma_height())) if has_colour else None
        stream = video(pixel_format=name)
        found = [each.kind for each in complete_inventory(media(stream)) if each.kind.startswith("chroma")]
        assert (name, found) == (name, [expected] if expected else [])


def test_what_goes_with_its_stream_is_no_loss() -> None:
    entry = Entry(kind="timecode", stream=0, detail="01:02:03:04")
    assert warnings(entry, Output("m2t")) != []
    assert warnings(entry, Output("m2t"), way=None) == []


@pytest.mark.parametrize(("mode", "codes"), [("preserve", ["metadata.tags_dropped"]), ("replace", []), ("clean", [])])
def test_tags_that_are_lost_are_one_warning_unless_the_preset_removes_them(mode: str, codes: list[str]) -> None:
    tags = tuple(Entry(kind="tag", detail=name) for name in ("mood", "artist", "director"))
    info = media(video()).evolve(inventory=tags)
    plan = make_plan(Preset(container="mp4", metadata={"mode": mode}), "test", info, cfr())
    assert [warning.code for warning in plan.warnings] == codes
    assert all("mood, director" in warning.message for warning in plan.warnings)


@pytest.mark.parametrize(
    ("tag", "letters"),
    [("pt-BR", "por"), ("zh-Hans-CN", "zho"), ("de", "deu"), ("en_US", "eng"), ("xx", None), ("é-x", None)],
)
def test_a_language_has_three_letters(tag: str, letters: str | None) -> None:
    assert three_letters(tag) == letters
