"""Publishing continues from wherever it was stopped, with nothing twice and nothing lost."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from faulty_os import FaultyOs, failing
from framewatch.domain import JobState, Journal
from framewatch.errors import CancelledError, Need, StorageError
from framewatch.jobs.lifecycle import events
from framewatch.jobs.publishing.publish import final_sidecar
from framewatch.jobs.store.recovery import was_rebuilt
from framewatch.storage import move as moving
from framewatch.storage import root as rooting
from framewatch.storage.mounts import Mounts
from mounts import move_mount, tmpfs, unmount
from publish_world import NAME, RESULT, SOURCE, World

S = JobState
STEM = Path(NAME).stem


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


@pytest.fixture
def shared_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system, if there is one."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else tmp_path))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "scenario",
    [
        *("atomic", "link", "exdev", "failed", "skipped", "companions-atomic", "keep", "replace-same"),
        *(pytest.param(f"keep-{how}", marks=pytest.mark.slow) for how in ("failed", "skipped", "exdev")),
        *(pytest.param(f"replace-{how}", marks=pytest.mark.slow) for how in ("atomic", "failed", "skipped", "exdev")),
        *(pytest.param(f"replace-same-{how}", marks=pytest.mark.slow) for how in ("link", "exdev", "apart")),
        *(pytest.param(f"companions-{how}", marks=pytest.mark.slow) for how in ("link", "exdev", "failed")),
    ],
)
def test_publishing_that_was_killed_after_any_change_ends_the_same_way_when_repeated(
    tmp_path: Path, shared_memory: Path, scenario: str
) -> None:
    program = Path(__file__).parents[3] / "support" / "publish_world.py"
    run = subprocess.run(
        [sys.executable, str(program), str(tmp_path), str(shared_memory), scenario],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 10


def test_a_done_job_has_output_and_sidecar_in_out_and_the_source_in_done(world: World) -> None:
    world.job()
    assert world.publish().state == S.DONE
    assert world.files() == world.expected(S.DONE)
    with world.store() as store:
        assert [entry.event for entry in store.history("0a")] == [
            "Added",
            "OutputChosen",
            "OutputPlaced",
            "SourceChosen",
            "SourceMoved",
            "Published",
        ]


@pytest.mark.parametrize("outcome", [S.FAILED, S.CANCELLED])
def test_a_failed_job_has_source_and_sidecar_in_failed(world: World, outcome: JobState) -> None:
    world.job(outcome)
    assert world.publish().state == outcome
    assert sorted(world.files()) == [f"failed/s1/{NAME}", f"failed/s1/{NAME}.progress.json"]


def test_a_taken_name_gets_a_number(world: World) -> None:
    for root, name in ((world.places.output, f"{STEM}.mp4"), (world.places.done, NAME)):
        (root / "s1").mkdir()
        (root / "s1" / name).write_bytes(b"older")
    world.job()
    job = world.publish()
    assert job.journal.output == world.places.output / "s1" / f"{STEM} (2).mp4"
    found = world.files()
    assert found[f"out/s1/{STEM} (2).mp4"] == RESULT
    assert found[f"done/s1/{STEM} (2).mkv"] == SOURCE
    assert found[f"out/s1/{STEM}.mp4"] == found[f"done/s1/{NAME}"] == b"older"


def test_a_name_that_is_taken_after_it_was_chosen_gets_a_number(world: World) -> None:
    taken = world.places.output / "s1" / f"{STEM}.mp4"
    taken.parent.mkdir()
    taken.write_bytes(b"other")
    world.job(journal=Journal(result=world.result, output=taken, output_size=len(RESULT)))
    assert world.publish().state == S.DONE
    assert world.files()[f"out/s1/{STEM} (2).mp4"] == RESULT
    assert taken.read_bytes() == b"other"


def test_a_sidecar_of_an_earlier_failure_is_not_replaced(world: World) -> None:
    (world.places.failed / "s1").mkdir()
    earlier = world.places.failed / "s1" / f"{NAME}.progress.json"
    earlier.write_bytes(b"earlier")
    world.job(S.FAILED)
    world.publish()
    assert earlier.read_bytes() == b"earlier"
    assert world.files()[f"failed/s1/{STEM} (2).mkv"] == SOURCE


def test_an_output_replaces_the_older_one_with_overwrite(tmp_path: Path) -> None:
    world = World(tmp_path / "home", overwrite=True)
    (world.places.output / "s1").mkdir()
    (world.places.output / "s1" / f"{STEM}.mp4").write_bytes(b"older")
    world.job()
    world.publish()
    assert world.files() == world.expected(S.DONE)


def test_a_source_that_changed_is_not_moved_and_its_output_is_not_placed(world: World) -> None:
    job = world.job()
    world.source.write_bytes(b"a new version")
    ended = world.publish()
    assert (ended.state, ended.findings[0].code) == (S.FAILED, "source.changed")
    assert sorted(world.files()) == [f"failed/s1/{NAME}.progress.json", f"in/s1/{NAME}"]
    assert world.source.read_bytes() == b"a new version"
    assert final_sidecar(ended, world.places)[0].parent == world.places.failed / job.relative.parent


def test_a_source_that_changed_during_the_copy_of_the_output_leaves_no_unfinished_copy(world: World) -> None:
    output = world.places.output / "s1" / f"{STEM}.mp4"
    output.parent.mkdir()
    part = output.with_name(".framewatch-0a.part")
    part.write_bytes(b"half")
    world.job(journal=Journal(result=world.result, output=output, output_size=len(RESULT)))
    world.source.write_bytes(b"a new version")
    assert world.publish().state == S.FAILED
    assert not part.exists()
    assert not output.exists()


@pytest.mark.parametrize("outcome", [S.DONE, S.FAILED, S.CANCELLED])
def test_a_missing_source_is_reported_as_vanished(world: World, outcome: JobState) -> None:
    world.job(outcome)
    world.source.unlink()
    ended = world.publish()
    assert ended.state == (S.FAILED if outcome == S.DONE else outcome)
    assert ended.findings[-1].code == "source.vanished"
    assert [name for name in world.files() if not name.endswith(".json")] == []


def test_a_source_that_became_a_link_is_not_moved(world: World) -> None:
    world.job()
    target = world.home / "secret"
    world.source.rename(target)
    world.source.symlink_to(target)
    assert world.publish().findings[0].code == "source.changed"
    assert target.exists()
    assert world.source.is_symlink()


def test_a_source_that_is_replaced_after_it_was_moved_is_left_for_the_next_job(world: World) -> None:
    output = world.places.output / f"{STEM}.mp4"
    world.result.rename(output)
    moved = world.places.done / NAME
    world.job(
        journal=Journal(
            result=world.result, output=output, output_size=len(RESULT), output_done=True, source_to=moved
        )
    )
    world.source.rename(moved)
    world.source.write_bytes(b"the next one")
    ended = world.publish()
    assert (ended.state, ended.warnings) == (S.DONE, ())
    assert (moved.read_bytes(), world.source.read_bytes()) == (SOURCE, b"the next one")


def test_publishing_waits_for_an_input_that_is_not_mounted(world: World) -> None:
    world.job()
    with guarded(world):
        shutil.move(world.places.input, world.home / "elsewhere")
        with pytest.raises(StorageError) as caught:
            world.publish()
        assert caught.value.finding.code == "storage.unavailable"
        shutil.move(world.home / "elsewhere", world.places.input)
        assert world.publish().state == S.DONE


@contextmanager
def guarded(world: World) -> Iterator[None]:
    """Guard the world's places as the daemon does, which has seen each of them before."""
    with world.store() as store:
        roots = Mounts(store, {"anime": world.places}, rebuilt=was_rebuilt(store))
        for root in world.places.roots.values():
            roots.require(root)
        world.places = replace(world.places, guard=roots)
        yield


def test_publishing_waits_at_an_empty_mount_point_until_the_user_cancels(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "in", 2):
        world = World(tmp_path)
        job = world.job()
        with guarded(world):
            unmount(world.places.input)
            with pytest.raises(StorageError) as caught:
                world.publish()
            assert caught.value.finding.code == "storage.not_mounted"
            with world.store() as store:
                store.save(job.evolve(outcome=S.CANCELLED, journal=Journal()), "Test")
            assert world.publish().state == S.CANCELLED
        assert list(world.places.input.iterdir()) == []


def test_the_mount_point_of_an_unplugged_output_disk_is_not_written_to(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "out", 2):
        world = World(tmp_path)
        world.job()
        with guarded(world):
            move_mount(world.places.output, tmp_path / "pulled")
            with pytest.raises(StorageError) as caught:
                world.publish()
            assert caught.value.finding.code == "storage.not_mounted"
            assert "framewatch folders trust anime" in caught.value.finding.hint
            assert list(world.places.output.iterdir()) == []
            move_mount(tmp_path / "pulled", world.places.output)
            assert world.publish().state == S.DONE
        found = {name: data for name, data in world.files().items() if not name.endswith("/.framewatch")}
        assert found == world.expected(S.DONE)


def test_a_copy_that_does_not_fit_is_not_begun(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "out", 0.25) as out:
        world = World(tmp_path)
        world.places = replace(world.places, reserve=255_000)
        world.job()
        with pytest.raises(StorageError) as caught:
            world.publish()
        needs = (Need("output", len(RESULT)),)
        assert (caught.value.finding.code, caught.value.needs) == ("storage.will_not_fit", needs)
        assert list(out.iterdir()) == []
        world.places = replace(world.places, reserve=0)
        assert world.publish().state == S.DONE


def test_a_copy_that_replaces_an_older_file_and_does_not_fit_is_not_begun(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "out", 0.25):
        world = World(tmp_path, overwrite=True)
        world.places = replace(world.places, reserve=250_000)
        job = world.job()
        job.output.parent.mkdir()
        job.output.write_bytes(b"older")
        with pytest.raises(StorageError) as caught:
            world.publish()
        assert caught.value.finding.code == "storage.will_not_fit"
        assert job.output.read_bytes() == b"older"
        world.places = replace(world.places, reserve=0)
        assert world.publish().state == S.DONE
        assert job.output.read_bytes() == RESULT


def publish_until(world: World, steps: int, *, next_step: bool) -> None:
    """Publish until so many steps are recorded; with `next_step`, one more is taken, but not recorded."""
    recorded: list[int] = []

    def stop(_number: int, name: str) -> None:
        recorded.extend([1] if name == "record" else [])
        if len(recorded) == steps + next_step:
            raise CancelledError("the daemon ends")

    with pytest.raises(CancelledError):
        world.publish(FaultyOs(before=stop) if next_step else FaultyOs(after=stop))


def elsewhere(world: World) -> None:
    """Let the configuration name other folders."""
    new = [world.home / f"new {name}" for name in ("out", "done", "failed")]
    for root in new:
        root.mkdir()
    world.places = replace(world.places, output=new[0], done=new[1], failed=new[2])


@pytest.mark.parametrize("next_step", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_job_follows_folders_that_the_configuration_moves_after_any_step(
    world: World, steps: int, next_step: bool
) -> None:
    world.job()
    publish_until(world, steps, next_step=next_step)
    before = world.places
    elsewhere(world)
    assert world.publish().state == S.DONE
    output = before.output if steps + next_step > 1 else world.places.output
    done = before.done if steps + next_step > 3 else world.places.done
    assert (output / "s1" / f"{STEM}.mp4").read_bytes() == RESULT
    assert (done / "s1" / NAME).read_bytes() == SOURCE
    there = [path.read_bytes() for path in world.home.rglob("*") if path.is_file()]
    assert (there.count(RESULT), there.count(SOURCE)) == (1, 1)


def test_a_failing_job_follows_moved_folders_too(world: World) -> None:
    world.job(S.FAILED)
    publish_until(world, 1, next_step=False)
    elsewhere(world)
    assert world.publish().state == S.FAILED
    assert (world.places.failed / "s1" / NAME).read_bytes() == SOURCE


def test_a_missing_result_is_made_again(world: World) -> None:
    world.job()
    world.result.unlink()
    job = world.publish()
    assert (job.state, job.findings[0].code, job.journal) == (S.QUEUED, "work.lost", Journal())
    assert world.source.exists()


def test_a_file_of_another_size_under_the_chosen_name_is_not_mistaken_for_the_output(world: World) -> None:
    output = world.places.output / f"{STEM}.mp4"
    output.write_bytes(b"somebody else's")
    world.job(journal=Journal(result=world.result, output=output, output_size=len(RESULT)))
    world.result.unlink()
    assert world.publish().state == S.QUEUED


def test_a_retry_that_fails_again_leaves_the_source_where_it_is(world: World) -> None:
    there = world.places.failed / "s1" / NAME
    there.parent.mkdir()
    world.source.rename(there)
    world.source = there
    world.job(S.FAILED)
    assert world.publish().journal.source_to == there
    assert world.files() == world.expected(S.FAILED)


def test_publishing_waits_for_space_and_continues_at_the_same_step(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.job()
    with monkeypatch.context() as patch:
        patch.setattr(rooting, "os", failing("mkdir", errno.ENOSPC))
        with pytest.raises(StorageError) as caught:
            world.publish()
        assert caught.value.finding.code == "storage.full"
    with world.store() as store:
        job = store.get("0a")
        assert job is not None
        assert events.Broke.of(caught.value).error.findings == caught.value.findings
        assert job.journal.output is not None
    assert world.publish().state == S.DONE
    assert world.files() == world.expected(S.DONE)


def test_stopping_the_daemon_stops_a_copy_and_the_next_daemon_continues(
    tmp_path: Path, shared_memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path / "home", shared_memory / "nas")
    if tmp_path.stat().st_dev == shared_memory.stat().st_dev:
        monkeypatch.setattr(moving, "rename_exclusive", _across)
    world.job()
    stop = threading.Event()
    with pytest.raises(CancelledError):
        world.publish(cancel=stop, progress=lambda *_: stop.set())
    assert sorted(world.files()) == [f"in/s1/{NAME}"]
    assert world.publish().state == S.DONE
    assert world.files() == world.expected(S.DONE)


def _across(old_folder: int, old: str, new_folder: int, new: str) -> None:
    if not os.path.sameopenfile(old_folder, new_folder):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    os.link(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder)
    os.unlink(old, dir_fd=old_folder)
