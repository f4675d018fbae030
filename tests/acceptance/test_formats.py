"""Files that other programs make than ffmpeg, and formats that few have, dropped into a watched folder."""

from __future__ import annotations

from pathlib import Path

import av

from harness import Harness
from iso_edits import with_edits
from media_factory import ffmpeg, make_video


def frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


PRESET = {"ml_upscale": "esrgan-2x", "preset": "ultrafast", "crf": 30, "container": "mkv"}
TAKEN = {  # by name: options of ffmpeg
    "a.nut": ("-c:v", "mpeg4"),
    "a.y4m": (),
    "a.264": ("-c:v", "libx264", "-preset", "ultrafast"),
    "a.obu": ("-c:v", "libaom-av1", "-cpu-used", "8"),
    "a.avif": ("-c:v", "libaom-av1", "-cpu-used", "8"),
}


def test_files_of_every_kind_are_taken_or_refused_under_their_own_name(harness: Harness, tmp_path: Path) -> None:
    share = harness.folder(preset=PRESET)
    film = make_video(tmp_path / "film.mp4", output=["-movie_timescale", "1000"])
    with_edits(film, share / "trimmed.mp4", [(0.4, 5 * 512, 1)])
    (share / "page.mp4").write_bytes(film.read_bytes() + b"<html><head><title>Thank you</title></head></html>\n")
    (share / "cut.mp4").write_bytes(film.read_bytes()[:-1000])
    (share / "camera.mov").write_bytes(film.read_bytes().replace(b"avc1", b"aprn"))
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", "-c:v", "flv1", share / "flash.swf")
    for name, options in TAKEN.items():
        make_video(share / name, seconds=0.2, codec=options)
    harness.once()
    made, failed = share.parent / "out", share / "failed"
    warned = {(Path(each["source"]).name, each["code"]) for each in harness.events("job.warning")}
    assert {each for each in warned if each[1].startswith("media.")} == {
        ("page.mp4", "media.trailing_bytes"),
        ("a.obu", "media.assumed_rate"),
    }
    refused = {
        name: harness.sidecar(failed / name)["error"]["code"] for name in ("cut.mp4", "camera.mov", "flash.swf")
    }
    assert refused == {
        "cut.mp4": "media.truncated",
        "camera.mov": "media.unsupported",
        "flash.swf": "media.unsupported",
    }
    assert frames(made / "trimmed.mkv") == 10
    assert frames(made / "page.mkv") == 25
    outputs = sorted(path for path in made.glob("a*.mkv"))
    assert [frames(path) for path in outputs] == [5] * len(TAKEN)
