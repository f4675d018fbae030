"""What happens on every home server: folders that are shared, emptied, renamed, mounted twice, or away."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import injected
from framewatch.jobs.store.store import Store
from harness import Harness, framewatch
from mounts import bound, move_mount, tmpfs, viewed
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
        if name == "a.mp4":  # nobody has removed anything yet
            assert harness.events("folder.recreated") == []
            assert {event["path"] for event in harness.events("folder.created")} >= {str(done), str(failed)}
        subprocess.run(["find", share, "-type", "f", "-delete"], check=True)  # the hidden files, too
        for path in (out, done, failed):
            remove(path)
        if name == "a.mp4":
            out.mkdir(exist_ok=True)
    (share / "broken.mp4").write_bytes(b"no film")
    harness.wait_status(failed / "broken.mp4", "failed")
    assert harness.stop() == 0
    assert str(done) in {event["path"] for event in harness.events("folder.recreated")}
    subprocess.run(["find", share, "-type", "f", "-delete"], check=True)
    shutil.rmtree(out)
    out.mkdir()
    shutil.copy(clip, share / "c.mp4")
    assert harness.once().returncode == 0
    assert harness.listed(done) == ["c.mp4"]
    assert (out / ".framewatch").exists()
    assert harness.events("job.held") == []
    assert {event["code"] for event in harness.events("folder.unavailable")} == set()


def jobs_of(harness: Harness) -> dict[str, set[tuple[str, str]]]:
    """Return state and file name of each job, by the name of its folder."""
    found: dict[str, set[tuple[str, str]]] = {}
    with Store.open(harness.root / "state" / "framewatch.db", readonly=True) as store:
        for job in store.find(limit=None):
            found.setdefault(job.folder, set()).add((job.state, job.source.name))
    return found


@pytest.mark.slow
def test_jobs_follow_folders_that_exchange_their_names_and_one_that_is_moved(harness: Harness, clip: Path) -> None:
    first, second, kept = harness.folder("first", preset=PLAIN), harness.folder("second", preset=PLAIN), "kept"
    library = harness.folder(kept, preset=PLAIN, done="keep")
    for share, prefix in ((first, "1"), (second, "2"), (library, "3")):
        shutil.copy(clip, share / f"{prefix} done.mp4")
    (first / "1 failed.mp4").write_bytes(b"no film")
    assert harness.once().returncode == 1
    harness.settings["reserve_gb"] = 100_000
    harness.write()
    for share, prefix in ((first, "1"), (second, "2"), (library, "3")):
        shutil.copy(clip, share / f"{prefix} held.mp4")
    assert harness.once().returncode == 1
    before = jobs_of(harness)
    assert before["first"] == {("done", "1 done.mp4"), ("failed", "1 failed.mp4"), ("held", "1 held.mp4")}

    one, two, three = harness.settings["folders"]
    one["name"], two["name"], three["name"] = "second", "first", "films"
    moved = harness.root / "moved"
    second.rename(moved)
    two |= {"input": str(moved), "output": str(harness.root / "second" / "out")}
    harness.write()
    assert harness.once().returncode == 1
    assert jobs_of(harness) == {"second": before["first"], "first": before["second"], "films": before[kept]}

    harness.settings["reserve_gb"] = 0
    harness.write()
    harness.start()
    for path in ("first/out/1 held.mp4", "second/out/2 held.mp4", "kept/out/3 held.mp4"):
        harness.wait_status(harness.root / path, "done")
    failed = first / "failed" / "1 failed.mp4"
    shutil.copy(clip, failed)
    with Store.open(harness.root / "state" / "framewatch.db", readonly=True) as store:
        (job_id,) = [job.id for job in store.find(limit=None) if job.state == "failed"]
    assert framewatch("retry", job_id, "--config", harness.config).returncode == 0
    harness.wait_status(harness.root / "first" / "out" / "1 failed.mp4", "done")
    assert harness.stop() == 0
    assert sorted(path.name for path in moved.glob("done/*")) == ["2 done.mp4", "2 held.mp4"]
    assert sorted(path.name for path in (harness.root / kept / "out").glob("*.mp4")) == ["3 done.mp4", "3 held.mp4"]


def test_a_folder_that_is_renamed_while_the_daemon_runs_keeps_the_job_that_runs(
    harness: Harness, clip: Path, long_clip: Path, pace: injected.Knob
) -> None:
    share = harness.folder("before", preset={**PLAIN, "ml_upscale": "esrgan-2x"})
    shutil.copy(long_clip, share / "a.mp4")
    harness.start()
    output = harness.root / "before" / "out" / "a.mp4"
    harness.wait_running(output)
    shutil.copy(clip, share / "b.mp4")
    harness.wait_status(output.with_name("b.mp4"), "queued")
    harness.settings["folders"][0]["name"] = "after"
    harness.write()
    assert harness.daemon is not None
    harness.daemon.send_signal(signal.SIGHUP)
    harness.wait_for_event("config.reloaded")
    pace.turn(0)
    for name in ("a.mp4", "b.mp4"):
        harness.wait_status(output.with_name(name), "done")
    assert harness.stop() == 0
    assert len(harness.events("job.started")) == 2
    assert {job["folder"] for job in harness.events("job.done")} == {"after"}


def test_a_reload_is_taken_though_folders_are_in_trouble_and_each_is_used_as_soon_as_it_can_be(
    harness: Harness, clip: Path
) -> None:
    share = harness.root / "away"
    with tmpfs(share, 16):
        (share / "preset.yaml").write_text("preset: ultrafast\n")
        harness.folder("away", preset=str(share / "preset.yaml"), watch="poll")
        harness.start()
        harness.wait_for(share / "in" / ".framewatch")
        move_mount(share, harness.root / "pulled")
        harness.settings["folders"][0]["priority"] = 1  # nothing but the folder whose share is away
        reloads = 0

        def reload() -> None:
            nonlocal reloads
            harness.write()
            assert harness.daemon is not None
            harness.daemon.send_signal(signal.SIGHUP)
            reloads += 1
            eventually(
                lambda: len(harness.events("config.reloaded")) == reloads, what="a reload", details=harness.log
            )

        reload()
        new = harness.root / "new" / "in"
        harness.settings["folders"] = [{"name": "new", "input": str(new), "preset": PLAIN, "poll_seconds": 0.5}]
        reload()  # one that was never there, alone
        here = harness.folder("here", preset=PLAIN)
        harness.settings["folders"].append(
            {
                "name": "away",
                "input": str(share / "in"),
                "output": str(share / "out"),
                "preset": str(share / "preset.yaml"),
            }
            | {"settle_seconds": 0.3, "poll_seconds": 0.5}
        )
        reload()
        shutil.copy(clip, here / "a.mp4")
        harness.wait_status(harness.root / "here" / "out" / "a.mp4", "done")
        new.mkdir(parents=True)
        shutil.copy(clip, new / "b.mp4")
        harness.wait_for(harness.root / "new" / "out" / "b.mp4")
        move_mount(harness.root / "pulled", share)
        shutil.copy(clip, share / "in" / "c.mp4")
        harness.wait_status(share / "out" / "c.mp4", "done")
        assert harness.events("config.refused") == []
        assert harness.stop() == 0


def test_an_error_is_no_longer_shown_when_its_file_was_taken_in_again_or_has_vanished(
    harness: Harness, clip: Path
) -> None:
    share = harness.folder(preset=PLAIN)
    failed = share / "failed"
    names = ("moved back.mp4", "deleted.mp4", "left.mp4")
    for name in names:
        (share / name).write_bytes(b"no film")
    harness.start()
    for name in names:
        harness.wait_status(failed / name, "failed")
    (failed / "deleted.mp4").unlink()
    (failed / "moved back.mp4").write_bytes(clip.read_bytes())
    (failed / "moved back.mp4").rename(share / "moved back.mp4")
    harness.wait_status(harness.root / "anime" / "out" / "moved back.mp4", "done")
    left = ["left.mp4", "left.mp4.progress.json"]
    eventually(lambda: harness.listed(failed) == left, what="no outdated errors", details=harness.log)
    assert harness.stop() == 0
