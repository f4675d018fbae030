"""Many folders, bursts, slow copies, temporary names: each file is processed exactly once."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import av

from clips import make_clip
from harness import Harness, framewatch
from waiting import eventually

Drop = Callable[[Path, Path], Path]


def size_of(path: Path) -> tuple[int, int]:
    with av.open(str(path)) as container:
        return container.streams.video[0].width, container.streams.video[0].height


def test_three_folders_with_three_presets_work_at_once(harness: Harness, clip: Path, drop: Drop) -> None:
    """The presets are an inline mapping, a path, and a preset file in the folder."""
    two = harness.folder("two")
    (harness.root / "three.yaml").write_text("ml_upscale: esrgan-3x\npreset: ultrafast\ncontainer: mkv\n")
    three = harness.folder("three", preset="./three.yaml")
    four = harness.folder("four", preset=False)
    (four / "framewatch-preset.yaml").write_text("mlUpscale: esrgan-4x\npreset: ultrafast\n")
    harness.start()
    for share in (two, three, four):
        drop(clip, share / "tiny.mp4")
    outputs = [
        harness.wait_for(harness.root / "two" / "out" / "tiny.mp4"),
        harness.wait_for(harness.root / "three" / "out" / "tiny.mkv"),
        harness.wait_for(harness.root / "four" / "out" / "tiny.mp4"),
    ]
    assert [size_of(output) for output in outputs] == [(128, 96), (192, 144), (256, 192)]
    assert harness.stop() == 0


def test_each_of_30_files_at_once_is_processed_exactly_once(harness: Harness, clip: Path) -> None:
    share = harness.folder()
    names = [f"episode {number:02}.mp4" for number in range(30)]
    harness.start()
    for name in names:
        shutil.copy(clip, share / name)
    out = harness.root / "anime" / "out"
    for name in names:
        harness.wait_status(out / name, "done", timeout=150)
    assert sorted(path.name for path in out.glob("*.mp4")) == names
    assert sorted(path.name for path in (share / "done").iterdir()) == names
    assert sorted(event["source"] for event in harness.events("job.started")) == [str(share / n) for n in names]
    assert harness.stop() == 0


def test_a_file_that_grows_for_three_settle_times_is_taken_once_when_complete(harness: Harness, clip: Path) -> None:
    share = harness.folder(settle_seconds=0.6)
    harness.start()
    data = clip.read_bytes()
    parts = [data[index * len(data) // 12 : (index + 1) * len(data) // 12] for index in range(12)]
    growing = share / "slow.mp4"
    eventually(lambda: _append(growing, parts), what="the slow copy", timeout=30)
    output = harness.wait_for(harness.root / "anime" / "out" / "slow.mp4")
    harness.wait_status(output, "done")
    assert len(harness.events("job.queued")) == 1
    assert (share / "done" / "slow.mp4").read_bytes() == data
    assert harness.stop() == 0


def _append(path: Path, parts: list[bytes]) -> bool:
    """Write one part every 0.15 s, as a slow copy would. Return True once all are written."""
    if parts:
        with path.open("ab") as file:
            file.write(parts.pop(0))
        threading.Event().wait(0.15)
    return not parts


def test_a_file_renamed_from_part_is_processed_once(harness: Harness, clip: Path) -> None:
    share = harness.folder()
    harness.start()
    shutil.copy(clip, share / "film.mp4.part")
    shutil.copy(clip, share / "other.mp4")
    harness.wait_status(harness.root / "anime" / "out" / "other.mp4", "done")
    assert (share / "film.mp4.part").exists()  # it was left alone while the other came and went
    (share / "film.mp4.part").rename(share / "film.mp4")
    harness.wait_status(harness.root / "anime" / "out" / "film.mp4", "done")
    assert len(harness.events("job.started")) == 2
    assert harness.stop() == 0


def test_a_tree_is_mirrored(harness: Harness, clip: Path) -> None:
    share = harness.folder(recursive=True)
    (share / "show" / "season 1").mkdir(parents=True)
    shutil.copy(clip, share / "show" / "season 1" / "e01.mp4")
    assert harness.once().returncode == 0
    assert (harness.root / "anime" / "out" / "show" / "season 1" / "e01.mp4").exists()
    assert (share / "done" / "show" / "season 1" / "e01.mp4").exists()


def test_polling_finds_files_too(harness: Harness, clip: Path, drop: Drop) -> None:
    share = harness.folder(watch="poll")
    harness.start()
    drop(clip, share / "a.mp4")
    harness.wait_status(harness.root / "anime" / "out" / "a.mp4", "done")
    assert harness.events("folder.watching")[0]["mode"] == "poll"
    assert harness.stop() == 0


def test_sources_with_the_same_output_name_all_get_an_output(harness: Harness, clip: Path) -> None:
    share = harness.folder()
    shutil.copy(clip, share / "a.mp4")
    mkv = make_clip(share / "a.mkv", frames=3)
    assert mkv.exists()
    assert harness.once().returncode == 0
    shutil.copy(clip, share / "a.mp4")
    assert harness.once().returncode == 0
    out = harness.root / "anime" / "out"
    assert sorted(path.name for path in out.glob("*.mp4")) == ["a (2).mp4", "a (3).mp4", "a.mp4"]
    assert sorted(path.name for path in (share / "done").iterdir()) == ["a (2).mp4", "a.mkv", "a.mp4"]


def test_folders_that_feed_each_other_are_refused_also_through_links(harness: Harness) -> None:
    first = harness.folder("first")
    (harness.root / "link").symlink_to(first)
    harness.folder("second", output=str(harness.root / "link" / "deep"))
    result = framewatch("check", "--config", harness.config)
    assert result.returncode == 2
    assert "folders[1].output" in result.stderr
    assert "folders.overlap" in result.stderr


def test_output_name_follows_the_template(harness: Harness, clip: Path) -> None:
    (harness.root / "soft.yaml").write_text("ml_upscale: esrgan-2x\npreset: ultrafast\n")
    share = harness.folder(preset="./soft.yaml", output_name="{stem}_{preset}.{ext}")
    shutil.copy(clip, share / "tiny.mp4")
    assert harness.once().returncode == 0
    assert (harness.root / "anime" / "out" / "tiny_soft.mp4").exists()
