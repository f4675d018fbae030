"""Teletext and caption tracks become text, where they are not copied."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import av
import pytest

from framewatch.jobs.attempt.request import AttemptResult
from full_run import process
from media_factory import ffmpeg, make_video
from teletext import OTHER_PAGE, PAGE, with_teletext

_CAPTIONS = """Scenarist_SCC V1.0

00:00:00:05\t9420 9420 94ae 94ae 9470 9470 c8e5 ecec ef80 942f 942f

00:00:01:05\t942c 942c

00:00:01:15\t942c 942c
"""  # the last packet is lost on the way into MOV

WAYS: tuple[dict[str, Any], ...] = ({}, {"processing_mode": "copy"}, {"ml_upscale": "esrgan-2x"})


class Shown(NamedTuple):
    """A text of a subtitle track."""

    start: float  # seconds
    end: float
    text: str


def texts(made: AttemptResult) -> list[Shown]:
    """Return what the only subtitle track of a file shows, without empty pauses."""
    with av.open(str(made.result)) as container:
        (stream,) = container.streams.subtitles
        base = stream.time_base
        packets = [packet for packet in container.demux(stream) if packet.size > 2]
        return [
            Shown(
                float(each.pts * base),
                float((each.pts + each.duration) * base),
                bytes(each).decode("utf-8", "replace"),
            )
            for each in packets
        ]


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film with the teletext page 888, which has two texts, and 877, which has none."""
    folder = tmp_path_factory.mktemp("teletext")
    plain, path = make_video(folder / "plain.ts", seconds=4), folder / "teletext.ts"
    sent = [(0.8, "Hello"), (1.8, "World"), (2.6, "")]
    path.write_bytes(with_teletext(plain.read_bytes(), sent, 4.0, (PAGE, OTHER_PAGE)))
    return path


@pytest.mark.parametrize("keys", WAYS)
@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_a_page_of_teletext_becomes_text_that_ends_when_it_is_removed(
    container: str, keys: dict[str, Any], broadcast: Path, tmp_path: Path
) -> None:
    made = process(broadcast, tmp_path / "work", container=container, **keys)
    shown = texts(made)
    assert [each.text.strip("\0\5") for each in shown] == ["Hello", "World"]
    assert shown[0].end == pytest.approx(shown[1].start, abs=0.05)
    assert shown[0].end - shown[0].start == pytest.approx(1.0, abs=0.3)
    assert shown[1].end - shown[1].start == pytest.approx(0.8, abs=0.3)
    (warning,) = (each for each in made.warnings if each.code == "subtitle.pages_dropped")
    assert (warning.where, "888 is kept, 877 not" in warning.message) == ("stream 1", True)


def test_teletext_is_copied_into_a_transport_stream(broadcast: Path, tmp_path: Path) -> None:
    made = process(broadcast, tmp_path / "work", container="m2t")
    assert [row.action for row in made.plan.of_kind("subtitle")] == ["copy"]
    with av.open(str(made.result)) as container:
        assert [stream.type for stream in container.streams] == ["video", "subtitle"]


@pytest.mark.parametrize("keys", WAYS)
@pytest.mark.parametrize("container", ["mkv", "mp4"])
def test_a_track_of_captions_becomes_text(container: str, keys: dict[str, Any], tmp_path: Path) -> None:
    captions, film = tmp_path / "a.scc", tmp_path / "a.mov"
    captions.write_text(_CAPTIONS)
    pattern = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=2"]
    ffmpeg(*pattern, "-i", captions, "-map", "0", "-map", "1", "-c:v", "libx264", "-c:s", "copy", film)
    made = process(film, tmp_path / "work", container=container, **keys)
    (shown,) = texts(made)
    assert "Hello" in shown.text
    assert shown.start == pytest.approx(0.165, abs=0.04)
    assert shown.end == pytest.approx(1.165, abs=0.04)
