"""What happens on every home server: folders that are shared, emptied, renamed, mounted twice, or away."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import Harness
from mounts import bound, viewed
from waiting import eventually

PLAIN = {"preset": "ultrafast", "crf": 30}  # without the network: nothing here is about pixels


@pytest.fixture
def neighbour(tmp_path: Path) -> Iterator[Harness]:
    """A second daemon, with a store and a configuration of its own."""
    root = tmp_path / "neighbour"
    root.mkdir()
    harness = Harness(root)
    yield harness
    if harness.daemon is not None and harness.daemon.poll() is None:
        harness.daemon.kill()
        harness.daemon.wait()


def test_two_daemons_with_one_output_folder_keep_a_progress_file_for_each_output(
    harness: Harness, neighbour: Harness, clip: Path
) -> None:
    out = harness.root / "out"
    out.mkdir()
    names = [f"{number}.mp4" for number in range(6)]
    shares = [each.folder(preset=PLAIN, output=str(out)) for each in (harness, neighbour)]
    for share in shares:
        for name in names:
            shutil.copy(clip, share / name)
    for each in (harness, neighbour):
        each.launch()
    for share in shares:
        eventually(
            lambda share=share: len(list(share.glob("done/*.mp4"))) == len(names),
            what="both daemons' work",
            details=lambda: harness.log() + neighbour.log(),
        )
    assert (harness.stop(), neighbour.stop()) == (0, 0)
    outputs = sorted(path.name for path in out.glob("*.mp4"))
    assert outputs == sorted([*names, *(name.replace(".", " (2).") for name in names)])
    shown = [harness.sidecar(out / name) for name in outputs]
    assert [(each["status"], Path(each["output"]).name) for each in shown] == [("done", name) for name in outputs]
    assert len({each["job_id"] for each in shown}) == len(outputs)


def test_framewatchs_own_folders_under_another_name_in_the_input_are_left_alone(harness: Harness, clip: Path) -> None:
    """Bind mounts of the output, another folder's done, and the input itself, and a view of the output by FUSE."""
    share, other = harness.folder(preset=PLAIN), harness.folder("other", preset=PLAIN)
    out = harness.root / "anime" / "out"
    shutil.copy(clip, share / "a.mp4")
    shutil.copy(clip, other / "b.mp4")
    harness.start()
    for source in (share / "done" / "a.mp4", other / "done" / "b.mp4"):
        harness.wait_for(source)
    views = {"its output": out, "the other's done": other / "done", "its input": share}
    with ExitStack() as mounted:
        for name, folder in views.items():
            mounted.enter_context(bound(folder, share / name))
        mounted.enter_context(viewed(out, share / "fuse"))
        for name in (*views, "fuse"):
            (share / name / f"touched in {name}.mp4").touch()  # events for those who watch by name
        shutil.copy(clip, share / "c.mp4")
        harness.wait_status(out / "c.mp4", "done")
        assert harness.stop() == 0
        shutil.copy(clip, share / "d.mp4")  # and after a restart, when all is there from the beginning
        harness.start()
        harness.wait_status(out / "d.mp4", "done")
        eventually(
            lambda: {event["path"] for event in harness.events("folder.unsupported_entry")} >= {*views, "fuse"},
            what="a line about each",
            details=harness.log,
        )
        assert harness.stop() == 0
    sources = {Path(event["source"]) for event in harness.events("job.queued")}
    expected = {share / "a.mp4", other / "b.mp4", share / "c.mp4", share / "d.mp4"}
    assert sources - {share / "touched in its input.mp4"} == expected  # that one is a new file of the input, too
    assert (out / "a.mp4").exists()


def remove(path: Path) -> None:
    """Remove a tree, in which the daemon may just be making its marker again."""
    eventually(lambda: subprocess.run(["rm", "-rf", path], capture_output=True, check=False).returncode == 0)


def test_folders_that_are_emptied_or_removed_while_the_daemon_runs_are_used(harness: Harness, clip: Path) -> None:
    share = harness.folder(preset=PLAIN)
    out, done, failed = harness.root / "anime" / "out", share / "done", share / "failed"
    harness.start()
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(clip, share / name)
        harness.wait_status(out / name, "done")
        harness.wait_for(done / name)
        subprocess.run(["find", share, "-type", "f", "-delete"], check=True)  # the hidden files, too
        for path in (out, done, failed):
            remove(path)
        if name == "a.mp4":
            out.mkdir(exist_ok=True)
    (share / "broken.mp4").write_bytes(b"no film")
    harness.wait_status(failed / "broken.mp4", "failed")
    assert harness.stop() == 0
    subprocess.run(["find", share, "-type", "f", "-delete"], check=True)
    shutil.rmtree(out)
    out.mkdir()
    shutil.copy(clip, share / "c.mp4")
    assert harness.once().returncode == 0
    assert harness.listed(done) == ["c.mp4"]
    assert (out / ".framewatch").exists()
    assert harness.events("job.held") == []
    assert {event["code"] for event in harness.events("folder.unavailable")} == set()
