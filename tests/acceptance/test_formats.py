"""Files that other programs make than ffmpeg, and formats that few have, dropped into a watched folder."""

from __future__ import annotations

from pathlib import Path

import av

from harness import Harness
from iso_edits import with_edits
from media_factory import make_video


def frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_files_of_every_kind_are_taken_or_refused_under_their_own_name(harness: Harness, tmp_path: Path) -> None:
    share = harness.folder(preset={"ml_upscale": "esrgan-2x", "preset": "ultrafast", "crf": 30, "container": "mkv"})
    film = make_video(tmp_path / "film.mp4", output=["-movie_timescale", "1000"])
    with_edits(film, share / "trimmed.mp4", [(0.4, 5 * 512, 1)])
    (share / "page.mp4").write_bytes(film.read_bytes() + b"<html><head><title>Thank you</title></head></html>\n")
    (share / "cut.mp4").write_bytes(film.read_bytes()[:-1000])
    harness.once()
    made, failed = share.parent / "out", share / "failed"
    warned = {(Path(each["source"]).name, each["code"]) for each in harness.events("job.warning")}
    assert warned == {("page.mp4", "media.trailing_bytes")}
    refused = {path.name: harness.sidecar(path)["error"]["code"] for path in failed.glob("*.mp4")}
    assert refused == {"cut.mp4": "media.truncated"}
    assert frames(made / "trimmed.mkv") == 10
    assert frames(made / "page.mkv") == 25
