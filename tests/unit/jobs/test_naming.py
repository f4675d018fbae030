"""Names of outputs, copies and sidecars."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framewatch.jobs import naming

file_names = st.binary(min_size=1, max_size=255).map(
    lambda raw: os.fsdecode(raw.replace(b"/", b"_").replace(b"\0", b"_"))
)


def fits(name: str) -> bool:
    return 0 < len(os.fsencode(name)) <= 255 and "/" not in name and "\0" not in name


@pytest.mark.parametrize(
    ("template", "stem", "expected"),
    [
        ("{stem}.{ext}", "Episode 1", "Episode 1.mp4"),
        ("{stem}_{preset}.{ext}", "a", "a_upscale-4k.mp4"),
        ("{stem}.{ext}", "{preset} 100%d", "{preset} 100%d.mp4"),
        ("{stem}.{ext}", "-dash", "-dash.mp4"),
        ("{stem}.{ext}", "two\nlines", "two\nlines.mp4"),
        ("{stem}", "..", "_.."),
        ("up/{stem}.{ext}", "a", "up_a.mp4"),
    ],
)
def test_an_output_is_named_by_the_template(template: str, stem: str, expected: str) -> None:
    assert naming.output_name(template, stem, "upscale-4k", "mp4") == expected


@given(file_names, st.sampled_from(["{stem}.{ext}", "{stem}_{preset}.{ext}", "{stem}-{stem}", "x{ext}"]))
def test_an_output_name_always_fits_the_file_system(stem: str, template: str) -> None:
    assert fits(naming.output_name(template, stem, "preset", "mp4"))


@given(file_names, st.integers(2, 10_000))
def test_numbered_names_and_sidecar_names_always_fit_the_file_system(name: str, number: int) -> None:
    if name in (".", ".."):
        return
    assert fits(naming.numbered(name, number))
    assert naming.numbered(name, number) != name
    assert fits(naming.sidecar_path(Path("/out") / name).name)


def test_two_long_stems_that_differ_only_at_their_end_get_different_names() -> None:
    first, second = (naming.output_name("{stem}.{ext}", "é" * 125 + end, "p", "webm") for end in "ab")
    assert first != second
    assert first.endswith(".webm")
    assert len(os.fsencode(first)) <= 255


def test_a_long_name_is_cut_between_characters() -> None:
    name = naming.output_name("{stem}.{ext}", "😀" * 63 + "x", "p", "webm")
    assert name.encode().decode() == name
    assert name.startswith("😀" * 50)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("name.mp4", "name (2).mp4"),
        ("name", "name (2)"),
        (".hidden", ".hidden (2)"),
        ("Vol. 1 the long way home", "Vol. 1 the long way home (2)"),
        ("a.tar.gz", "a.tar (2).gz"),
    ],
)
def test_a_second_file_of_a_name_gets_its_number_before_the_extension(name: str, expected: str) -> None:
    assert naming.numbered(name, 2) == expected


def test_the_tree_below_the_input_is_mirrored_into_the_output() -> None:
    planned = naming.planned_output(Path("/out"), Path("show/s1/e1.avi"), "{stem}_{preset}.{ext}", "4k", "mkv")
    assert planned == Path("/out/show/s1/e1_4k.mkv")


def test_a_free_path_is_the_first_that_is_not_taken() -> None:
    taken = {Path("/o/a.mp4"), Path("/o/a (2).mp4")}
    assert naming.free_path(Path("/o/a.mp4"), taken.__contains__) == Path("/o/a (3).mp4")
    assert naming.free_path(Path("/o/b.mp4"), taken.__contains__) == Path("/o/b.mp4")


def test_a_sidecar_is_named_after_the_whole_file_name() -> None:
    assert naming.sidecar_path(Path("/o/a.mp4")) == Path("/o/a.mp4.progress.json")
    assert naming.sidecar_path(Path("/f/a.mkv")) == Path("/f/a.mkv.progress.json")


def test_progress_files_are_beside_their_files_or_in_a_folder_at_the_top() -> None:
    root, film = Path("/out"), Path("/out/s1/film.mp4")
    assert naming.progress_path(root, film, "keep") == Path("/out/s1/film.mp4.progress.json")
    assert naming.progress_path(root, film, "while_running") == Path("/out/s1/film.mp4.progress.json")
    assert naming.progress_path(root, film, "folder") == Path("/out/.framewatch-progress/s1/film.mp4.progress.json")
    assert naming.progress_path(Path("/moved"), film, "folder") == Path("/out/s1/film.mp4.progress.json")


@pytest.mark.parametrize(
    ("relative", "expected"),
    [
        ("What? Now: 2/a*b.mp4", "What_ Now_ 2/a_b.mp4"),
        ("Trailing. /CON.mp4", "Trailing/CON_.mp4"),
        ("???/aux", "___/aux_"),
        ("plain/ä 1.mp4", "plain/ä 1.mp4"),
    ],
)
def test_names_can_be_made_portable(relative: str, expected: str) -> None:
    root = Path("/out: of here")
    assert naming.portable(root / relative, root, "_") == root / expected
    assert naming.portable(root / relative, root, None) == root / relative
    assert naming.portable(root / "a?", root, "") == root / "a"
    assert naming.portable(root / "?", root, "") == root / "_"
