"""What the probe finds attached to files, streams and frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame

from framewatch.domain import Entry
from framewatch.media.inventory.derived import complete_inventory
from framewatch.media.probe.inventory.frames import attached_types, frame_entries
from framewatch.media.probe.libav_dump import SideDatum, parse_dump
from framewatch.media.probe.probe import probe
from media_factory import make_video
from property_samples import SAMPLES, run

PALETTE = "split[a][b];[a]palettegen[p];[b][p]paletteuse"
DUMP = """Input #0, mov, from 'x':
  Program 1{space}
    Metadata:
      service_name    : One
  Stream #0:0[0x1](und): Video: h264, yuv420p, 64x48 (default)
    Metadata:
      handler_name    : x
    Side data:
      Spherical Mapping: equirectangular (10.000000/0.000000/0.000000){space}
      unknown side data type 77 (4 bytes)
  Program 2{space}
  Stream #0:1(und): Audio: aac, 44100 Hz
""".replace("{space}", " ")


def test_side_data_and_programs_are_read_from_the_description() -> None:
    dump = parse_dump(DUMP)
    sphere = SideDatum("Spherical Mapping", "equirectangular (10.000000/0.000000/0.000000)")
    assert dump.side_data == {0: (sphere, SideDatum("unknown side data type 77", ""))}
    assert dump.programs == ("One", "2")
    forged = parse_dump(DUMP, forged=True)
    assert (forged.side_data, forged.programs, forged.codecs) == ({}, (), dump.codecs)


def test_a_tag_that_imitates_side_data_hides_it_and_is_a_warning(tmp_path: Path) -> None:
    name = "x\n    Side data:\n      Stereo 3D: side by side, view: packed, primary eye: none\n"
    path = make_video(tmp_path / "film.mkv", output=("-metadata:s:v", f"{name}=1"))
    kinds = [entry.kind for entry in probe(path).inventory]
    assert "stereo3d" not in kinds
    assert "unknown" in kinds


def test_a_plain_file_has_nothing_but_frames(tmp_path: Path) -> None:
    assert probe(make_video(tmp_path / "film.mp4", audio=True)).inventory == ()


def test_what_frames_have_is_found_without_reading_it(tmp_path: Path) -> None:
    found = {entry.kind: entry for entry in probe(SAMPLES["layouts"].make(tmp_path, "h264")).inventory}
    assert set(found) == {"stereo3d", "spherical"}
    assert found["spherical"].data.startswith("00000000" + "00000a00" + "00001400")
    assert list(attached_types(plain_frame())) == []
    assert frame_entries([plain_frame()], 0) == ()


def test_two_programs_are_one_entry_of_the_file(tmp_path: Path) -> None:
    found = probe(SAMPLES["programs"].make(tmp_path, "h264")).inventory
    assert Entry(kind="programs", detail="One, Two") in found


def test_a_region_of_a_language_that_libav_does_not_read_is_found(tmp_path: Path) -> None:
    path = make_video(tmp_path / "film.mkv", output=("-metadata:s:v", "language=pt-BR"))
    data = path.read_bytes()
    legacy, tag = b"\x22\xb5\x9c\x85pt-BR", b"\x22\xb5\x9d\x85pt-BR"  # Language, LanguageBCP47 (RFC 9559, 5.1.4.1)
    assert data.count(legacy) == 1
    path.write_bytes(data.replace(legacy, tag))
    assert Entry(kind="language_region", stream=0, detail="pt-BR") in probe(path).inventory


def test_tags_that_no_program_writes_do_not_become_arguments(tmp_path: Path) -> None:
    many = [part for number in range(25) for part in ("-metadata:s:v", f"note{number}={'x' * 9000}")]
    path = make_video(tmp_path / "film.mkv", output=many)
    found = probe(path).inventory
    kept = sum(len(each.detail) + len(each.data) for each in found if each.kind == "tag_of_track")
    assert 190_000 < kept <= 200_000
    assert [each.detail for each in found if each.kind == "unknown"] == [
        "further tags of tracks, beyond 200000 characters"
    ]
    named = make_video(tmp_path / "named.mkv", output=("-metadata:s:v", f"{'n' * 251}=x"))
    assert probe(named).inventory == (Entry(kind="unknown", stream=0, detail="a tag with a name of 251 characters"),)


def plain_frame() -> VideoFrame:
    return VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")


def test_a_language_that_imitates_the_description_is_a_warning(tmp_path: Path) -> None:
    language = "x)\n    Side data:\n      Stereo 3D: side by side\n  Stream #0:" + "7" * 5000 + ": Video: none"
    path = make_video(tmp_path / "film.mkv", output=("-metadata:s:v", f"language={language[:990]}"))
    kinds = [entry.kind for entry in probe(path).inventory]
    assert "stereo3d" not in kinds
    assert "unknown" in kinds


def test_numbers_without_end_are_no_description() -> None:
    digits = "7" * 5000  # more than Python reads
    stream = f"{DUMP}  Stream #0:{digits}: Video: h264\n"
    cropped = f"    Side data:\n      Frame cropping: {digits}/1/1/1\n"
    assert parse_dump(stream).codecs == parse_dump(DUMP).codecs
    assert parse_dump(DUMP + cropped).edges == {}


def test_a_pan_and_scan_rectangle_is_one_only_if_it_leaves_something_out(tmp_path: Path) -> None:
    plain = make_video(tmp_path / "plain.mpg", codec=("-c:v", "mpeg2video"))
    stated = make_video(tmp_path / "s.mpg", codec=("-c:v", "mpeg2video", "-seq_disp_ext", "always"))
    data = stated.read_bytes()
    at = data.index(b"\0\0\1\xb5\x2b") + 8  # ISO 13818-2, 6.2.2.4: 14 bits of width, a mark, 14 of height
    assert int.from_bytes(data[at : at + 2]) >> 2 == 64
    narrow = tmp_path / "narrow.mpg"
    narrow.write_bytes(data[:at] + (48 << 2 | data[at + 1] & 3).to_bytes(2) + data[at + 2 :])
    kinds = [{entry.kind for entry in probe(path).inventory} for path in (plain, stated, narrow)]
    assert kinds == [{"timecode_gop"}, {"timecode_gop"}, {"timecode_gop", "pan_scan"}]


@pytest.mark.parametrize(
    ("source", "options", "expected"),
    [
        ("testsrc2=s=64x48:r=10:d=1", (), set()),
        ("testsrc2=s=64x48:r=10:d=1", ("-gifflags", "0"), set()),
        (f"color=red@0:s=64x48:r=10:d=1,format=rgba,{PALETTE}", (), {"alpha"}),
        (
            f"color=red:s=64x48:r=10:d=1,format=rgba,fade=out:2:6:alpha=1,{PALETTE}",
            (),
            {"alpha"},
        ),  # not from the beginning
    ],
)
def test_a_gif_is_transparent_only_if_one_of_its_frames_is(
    tmp_path: Path, source: str, options: tuple[str, ...], expected: set[str]
) -> None:
    run("-f", "lavfi", "-i", source, *options, tmp_path / "clip.gif")
    assert {entry.kind for entry in complete_inventory(probe(tmp_path / "clip.gif"))} == expected


def test_audio_description_on_television_is_one_mark(tmp_path: Path) -> None:
    flags = ("-c:a", "mp2", "-disposition:a:0", "visual_impaired", "-metadata:s:a:0", "language=eng")
    path = make_video(tmp_path / "film.ts", audio=True, output=flags)
    assert [entry.kind for entry in probe(path).inventory] == ["disposition.visual_impaired"]


def test_the_android_version_of_a_phone_is_no_property(tmp_path: Path) -> None:
    flags = ("-movflags", "use_metadata_tags", "-metadata", "com.android.version=14", "-metadata", "com.x=1")
    found = probe(make_video(tmp_path / "clip.mp4", output=flags)).inventory
    assert [(entry.kind, entry.detail) for entry in found] == [("tag", "com.x")]
