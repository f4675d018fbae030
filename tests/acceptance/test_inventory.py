"""What films have beyond picture and sound, from a watched folder to its output."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness import Harness
from property_samples import SAMPLES, properties

PRESET = {"ml_upscale": "esrgan-2x", "preset": "ultrafast", "crf": 30, "container": "mp4"}


def test_properties_are_in_the_output_or_in_a_warning(harness: Harness, tmp_path: Path) -> None:
    share = harness.folder(preset=PRESET)
    for name in ("layouts", "marks", "timecode", "tags"):
        (folder := tmp_path / name).mkdir()
        made = SAMPLES[name].make(folder, "h264")
        shutil.copy(made, share / f"{name}{made.suffix}")
    harness.once()
    out = share.parent / "out"
    found = {path.stem: {(kind, detail) for kind, _, detail in properties(path)} for path in out.glob("*.mp4")}
    assert {"stereo3d", "spherical"} <= {kind for kind, _ in found["layouts"]}
    assert {("disposition.comment", ""), ("disposition.forced", ""), ("language", "por")} <= found["marks"]
    assert ("timecode", "01:02:03:04") in found["timecode"]
    assert ("tag", "artist") in found["tags"]
    warned = {(Path(each["source"]).stem, each["code"]) for each in harness.events("job.warning")}
    assert warned >= {
        ("marks", "streams.mark_dropped"),  # "original"
        ("marks", "metadata.language_shortened"),
        ("tags", "metadata.tags_dropped"),
    }
    assert {stem for stem, _ in warned} == {"marks", "tags"}
