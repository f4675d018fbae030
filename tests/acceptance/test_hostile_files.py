"""Whatever is dropped into a watched folder, the daemon reads that file and no other."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from clips import make_clip, make_picture
from harness import Harness
from hostile_media import movie_with_data_elsewhere, pointing_texts
from icc import embedded_icc, icc_profile, png_with_icc

# Names that some part of ffmpeg takes for more than a name.
NAMES_THAT_POINT = [
    "frame%03d.mp4",
    "concat:a.mp4|b.mp4",
    "subfile,,start,0,end,9,,:a.mp4",
    "http:a.mp4",
    "pipe:0.mp4",
]


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """Make a pipe: a process that opened it would wait for ever, and be noticed."""
    path = tmp_path / "canary.mp4"
    os.mkfifo(path)
    return path


def is_being_read(pipe: Path) -> bool:
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return False
    return True


def test_reading_the_canary_file_is_noticed(canary: Path) -> None:
    reader = os.open(canary, os.O_RDONLY | os.O_NONBLOCK)
    assert is_being_read(canary)
    os.close(reader)


def test_references_to_other_files_are_not_followed_and_fail_with_a_code(harness: Harness, canary: Path) -> None:
    share = harness.folder()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        texts = pointing_texts(canary, f"127.0.0.1:{server.getsockname()[1]}")
        for name, text in texts.items():
            (share / name).write_text(text)
        assert harness.once().returncode == 1
        with pytest.raises(BlockingIOError):
            server.accept()  # nobody has called
    found = {name: harness.sidecar(share / "failed" / name)["error"]["code"] for name in texts}
    assert found == dict.fromkeys(texts, "media.not_media")
    assert {name: (share / "failed" / name).read_text() for name in texts} == texts
    assert not is_being_read(canary)


@pytest.mark.parametrize("preset", [None, {"processing_mode": "copy", "container": "mov"}], ids=["upscale", "copy"])
def test_a_movie_with_external_video_data_gets_only_what_it_contains(harness: Harness, preset: object) -> None:
    """Upscaled, and by ffmpeg alone. The control shows that ffmpeg would open the file that the alias names."""
    share = harness.folder(preset=preset)
    pipe = share / "canary.mp4"  # an alias is looked for beside the movie
    os.mkfifo(pipe)
    kinds = {"alias.mov": b"alis", "url.mov": b"url "}
    movies = [movie_with_data_elsewhere(share / name, pipe, kind) for name, kind in kinds.items()]
    content = {movie.name: movie.read_bytes() for movie in movies}
    followed = [get_ffmpeg_exe(), "-v", "debug", "-enable_drefs", "1", "-use_absolute_path", "1"]
    movie_with_data_elsewhere(harness.root / "control.mov", harness.root / "none", b"alis")
    control = subprocess.run(
        [*followed, "-i", harness.root / "control.mov"], capture_output=True, text=True, check=False
    )
    assert f"Opening '{harness.root}/none' for reading" in control.stderr
    harness.once()
    for name, data in content.items():
        places = [place / name for place in (share, share / "done", share / "failed") if (place / name).exists()]
        assert [place.read_bytes() for place in places] == [data]
        assert places[0].parent.name == "done" or harness.sidecar(places[0])["error"]["code"]
    assert not is_being_read(pipe)


def test_file_names_that_look_like_ffmpeg_syntax_are_taken_literally(harness: Harness, clip: Path) -> None:
    """The files that they would name lie beside them, as pipes that nobody may open."""
    share = harness.folder()
    pipes = [share / "frame000.mp4", share / "frame001.mp4", share / "a.mp4", share / "b.mp4"]
    for pipe in pipes:
        os.mkfifo(pipe)
    for name in NAMES_THAT_POINT:
        shutil.copy(clip, share / name)
    assert harness.once().returncode == 0
    out = harness.root / "anime" / "out"
    assert sorted(path.name for path in out.glob("*.mp4")) == sorted(
        name if name.endswith(".mp4") else f"{name}.mp4" for name in NAMES_THAT_POINT
    )
    assert sorted(path.name for path in (share / "done").iterdir()) == sorted(NAMES_THAT_POINT)
    assert not any(is_being_read(pipe) for pipe in pipes)


def test_a_name_that_looks_like_an_image_pattern_is_one_image(harness: Harness) -> None:
    share = harness.folder(preset={"container": "png", "ml_upscale": "esrgan-2x"})
    os.mkfifo(share / "a001.png")
    make_picture(harness.root / "one.png")
    shutil.copy(harness.root / "one.png", share / "a%03d.png")
    assert harness.once().returncode == 0
    assert (harness.root / "anime" / "out" / "a%03d.png").exists()
    assert not is_being_read(share / "a001.png")


def test_an_ordinary_png_with_a_colour_profile_is_upscaled_and_keeps_it(harness: Harness) -> None:
    share = harness.folder(preset={"ml_upscale": "esrgan-2x", "container": "png"})
    png_with_icc(make_picture(harness.root / "a.png"), icc_profile()).rename(share / "a.png")
    assert harness.once().returncode == 0
    assert embedded_icc(harness.root / "anime" / "out" / "a.png") == icc_profile()


def test_a_strangers_file_in_the_place_of_a_progress_file_stays(harness: Harness, clip: Path) -> None:
    share = harness.folder()
    output = harness.root / "anime" / "out" / "a.mp4"
    output.parent.mkdir(exist_ok=True)
    notes = output.with_name("a.mp4.progress.json")
    notes.write_text('{"schema": "notes/1"}')
    shutil.copy(clip, share / "a.mp4")
    assert harness.once().returncode == 0
    assert output.exists()
    assert notes.read_text() == '{"schema": "notes/1"}'
    assert {warning["code"] for warning in harness.events("sidecar.unwritable")} == {"sidecar.foreign"}


def test_links_and_special_files_are_left_unopened(harness: Harness, canary: Path, clip: Path) -> None:
    share = harness.folder(recursive=True)
    (share / "link.mp4").symlink_to(canary)
    (share / "zero.mp4").symlink_to("/dev/zero")
    (share / "up").symlink_to(harness.root)
    (share / "pipe.mp4").symlink_to(canary)
    os.mkfifo(share / "fifo.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(share / "socket.mp4"))
        shutil.copy(clip, share / "film.mp4")
        harness.once()
    assert (harness.root / "anime" / "out" / "film.mp4").exists()
    assert [event["source"] for event in harness.events("job.started")] == [str(share / "film.mp4")]
    assert not is_being_read(share / "fifo.mp4")
    assert not is_being_read(canary)
    assert (share / "zero.mp4").is_symlink()


def test_a_file_beyond_the_limits_fails_with_the_setting_in_its_hint(harness: Harness) -> None:
    share = harness.folder()
    harness.settings["limits"] = {"max_pixels": 64 * 48, "max_hours": 0.0001}
    harness.write()
    make_clip(share / "large.mp4", size="66x48", frames=2)
    make_clip(share / "long.mp4", frames=25)
    make_clip(share / "fine.mp4", frames=2)
    assert harness.once().returncode == 1
    errors = {name: harness.sidecar(share / "failed" / name)["error"] for name in ("large.mp4", "long.mp4")}
    assert {name: error["code"] for name, error in errors.items()} == {
        "large.mp4": "media.too_large",
        "long.mp4": "media.too_long",
    }
    assert "limits.max_pixels" in errors["large.mp4"]["hint"]
    assert (harness.root / "anime" / "out" / "fine.mp4").exists()
