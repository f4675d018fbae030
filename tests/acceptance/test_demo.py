"""`framewatch demo`: what a new user sees first, with the real clip and the real network."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest

from harness import CLIP, framewatch


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo")
    result = framewatch("demo", "--dir", folder, timeout=400)
    assert result.returncode == 0, result.stderr
    return folder, result.stdout


def seconds(stream: av.stream.Stream) -> float:
    assert stream.duration is not None
    return float(stream.duration * stream.time_base)


def test_the_output_is_twice_the_size_with_every_frame_and_all_audio(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    output = next((folder / "out").glob("*.mp4"))
    with av.open(str(output)) as made, av.open(str(CLIP)) as source:
        video, sound = made.streams.video[0], made.streams.audio[0]
        assert (video.width, video.height) == (640, 360)
        assert video.average_rate == 25
        assert abs(seconds(sound) - seconds(source.streams.audio[0])) < 0.040
        assert sum(1 for _ in made.decode(video)) == 100


def test_the_sidecar_says_done_and_the_unchanged_source_is_in_done(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    sidecar = json.loads(next((folder / "out").glob("*.progress.json")).read_text())
    assert (sidecar["status"], sidecar["progress"], sidecar["error"]) == ("done", 100.0, None)
    assert (sidecar["frames_done"], sidecar["frames_total"]) == (100, 100)
    assert sidecar["engine"].startswith(("openvino/", "ncnn/"))
    done = folder / "in" / "done" / CLIP.name
    assert done.read_bytes() == CLIP.read_bytes()
    assert not (folder / "in" / CLIP.name).exists()


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    """Above all one that has a framewatch.yaml and folders of the same names."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "film.mp4").write_text("mine")
    (tmp_path / "framewatch.yaml").write_text("folders: []\n")
    result = framewatch("demo", "--dir", tmp_path)
    assert result.returncode == 2
    assert "demo.folder_in_use" in result.stderr
    assert (tmp_path / "in" / "film.mp4").read_text() == "mine"
    assert (tmp_path / "framewatch.yaml").read_text() == "folders: []\n"


def test_it_prints_where_the_output_and_the_before_and_after_image_are(demo: tuple[Path, str]) -> None:
    folder, said = demo
    picture = folder / "before-after.png"
    assert str(next((folder / "out").glob("*.mp4"))) in said.replace("\n", "")
    assert str(picture) in said.replace("\n", "")
    with av.open(str(picture)) as image:
        assert image.streams.video[0].height >= 360
