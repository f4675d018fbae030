"""Old files in done/ and failed/ are deleted where the configuration says so."""

from __future__ import annotations

from pathlib import Path

from harness import Harness


def test_sources_and_their_companions_are_deleted_and_nothing_else(harness: Harness, clip: Path) -> None:
    share = harness.folder(keep_done_days=0, max_failed_gb=0)
    (share / "s1").mkdir()
    (share / "s1/film.mp4").write_bytes(clip.read_bytes())
    (share / "s1/film.srt").write_text("text")
    (share / "bad.mp4").write_bytes(b"no film")
    (share / "done").mkdir()
    (share / "done/theirs.mp4").write_bytes(b"theirs")
    assert harness.once().returncode == 1
    left = [path for path in share.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert left == [share / "done/theirs.mp4"], harness.log()
    assert not (share / "s1").exists()
    assert sorted(Path(event["path"]).name for event in harness.events("file.deleted")) == [
        "bad.mp4",
        "film.mp4",
        "film.srt",
    ]
    assert (harness.root / "anime/out/s1/film.mp4").exists()
    assert (harness.root / "anime/out/s1/film.srt").exists()
