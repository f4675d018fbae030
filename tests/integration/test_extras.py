"""Titles, tags, chapters and attachments that are too long or too many: the film is made, and a warning says so."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from framewatch.media.commands import ffmpeg_commands
from framewatch.media.limits import MAX_ATTACHMENTS, MAX_CHAPTERS, MAX_TAGS, MAX_TITLE
from framewatch.media.plan.plan import VideoPlan, make_plan
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.probe import probe
from media_factory import ffmpeg, make_video
from media_samples import FFMPEG


def film(folder: Path, tags: str = "", chapters: int = 0, attachments: int = 0, tracks: str = "") -> Path:
    """Make a film with what a metadata file of ffmpeg says, and with attachments."""
    made = make_video(folder / "plain.mkv", seconds=0.2, audio=True)
    listed = (f"[CHAPTER]\nTIMEBASE=1/1000000\nSTART={n}\nEND={n + 1}\ntitle={n}\n" for n in range(chapters))
    metadata, font = folder / "metadata.txt", folder / "font.ttf"
    metadata.write_text(f";FFMETADATA1\n{tags}\n{''.join(listed)}")
    font.write_bytes(b"font")
    fonts = [word for _ in range(attachments) for word in ("-attach", str(font))]
    named = [word for n in range(attachments) for word in (f"-metadata:s:t:{n}", "mimetype=font/ttf")]
    path = folder / "film.mkv"
    ffmpeg("-i", made, "-i", metadata, "-map", "0", "-map_metadata", "1", "-map_chapters", "1", "-c", "copy",
           *fonts, *named, *(["-metadata:s:a:0", f"title={tracks}"] if tracks else []), f"file:{path}")  # fmt: skip
    return path


def copied(path: Path) -> tuple[VideoPlan, Path]:
    """Copy a film as a job would; returns the plan and the output."""
    made = make_plan(Preset(processing_mode="copy", container="mkv"), "test", probe(path), None)
    assert isinstance(made, VideoPlan)
    out = path.with_name("out.mkv")
    ffmpeg(*ffmpeg_commands.transcode_command(made, FFMPEG, path, out)[1:])
    return made, out


def warnings_of(made: VideoPlan) -> list[str]:
    return [warning.code for warning in made.warnings]


def test_long_titles_of_file_and_track_are_cut_with_a_warning(tmp_path: Path) -> None:
    made, out = copied(film(tmp_path, tags=f"title={'t' * 5000}\ncomment=short", tracks="a" * 3000))
    assert warnings_of(made) == ["metadata.shortened", "metadata.shortened"]
    with av.open(str(out)) as container:
        assert container.metadata["title"] == "t" * MAX_TITLE
        assert container.metadata["COMMENT"] == "short"
        assert container.streams.audio[0].metadata["title"] == "a" * MAX_TITLE


@pytest.mark.parametrize(
    "tags",
    [f"title={'x' * 5_000_000}", "\n".join(f"key{n}=value" for n in range(MAX_TAGS + 1))],
    ids=["too long", "too many"],
)
def test_tags_beyond_all_measure_are_left_out_with_a_warning(tmp_path: Path, tags: str) -> None:
    made, out = copied(film(tmp_path, tags=tags, tracks="Sound"))
    assert warnings_of(made) == ["metadata.too_many_tags"]
    with av.open(str(out)) as container:
        assert set(container.metadata) <= {"ENCODER"}
        assert container.streams.audio[0].metadata["title"] == "Sound"


def test_more_chapters_than_allowed_are_left_out_with_a_warning(tmp_path: Path) -> None:
    made, out = copied(film(tmp_path, chapters=2 * MAX_CHAPTERS))
    assert warnings_of(made) == ["streams.chapters_dropped"]
    assert probe(out).chapters == 0
    assert not made.expected.chapters


def test_as_many_chapters_and_tags_as_allowed_are_kept(tmp_path: Path) -> None:
    made, out = copied(film(tmp_path, tags=f"title={'t' * MAX_TITLE}", chapters=MAX_CHAPTERS))
    assert warnings_of(made) == []
    assert probe(out).chapters == MAX_CHAPTERS


def test_attachments_beyond_the_limit_are_dropped_with_a_warning_each(tmp_path: Path) -> None:
    made, out = copied(film(tmp_path, attachments=MAX_ATTACHMENTS + 3))
    assert warnings_of(made) == ["streams.attachment_dropped"] * 3
    assert len(probe(out).of_kind("attachment")) == MAX_ATTACHMENTS
