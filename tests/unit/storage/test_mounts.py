"""What mount markers say, and roots on disks that are unplugged and replaced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from framewatch.errors import StorageError
from framewatch.jobs.store.recovery import open_or_rebuild, was_rebuilt
from framewatch.jobs.store.store import Store
from framewatch.service.daemon import known_roots
from framewatch.storage.marker_store import copy_path
from framewatch.storage.mount_marker import (
    MARKER_NAME,
    MountMarker,
    MountState,
    RootState,
    marker_id,
    marker_text,
    mount_state,
)
from framewatch.storage.mounts import Mounts, mount_point
from mounts import folder_places, mount, move_mount, tmpfs, unmount

NAS, ROOT = Path("/nas"), Path("/")
KNOWN = MountMarker(id="0123456789abcdef", mount=NAS)


@pytest.mark.parametrize(
    ("recorded", "seen", "state"),
    [
        (None, RootState(None, ROOT, True), MountState.NEW),
        (None, RootState("f" * 16, NAS, False), MountState.NEW),  # another framewatch's: its id is taken over
        (KNOWN, RootState(KNOWN.id, NAS, False), MountState.THERE),
        (KNOWN, RootState(KNOWN.id, ROOT, True), MountState.THERE),  # mounted elsewhere, but it is the one
        (KNOWN, RootState("f" * 16, NAS, False), MountState.ABSENT),
        (KNOWN, RootState(None, ROOT, False), MountState.ABSENT),
        (KNOWN, RootState(None, NAS, True), MountState.ABSENT),
        (KNOWN, RootState(None, NAS, False), MountState.RESTORED),
        (MountMarker(), RootState(None, ROOT, True), MountState.ABSENT),
        (MountMarker(), RootState(None, ROOT, False), MountState.NEW),
        (MountMarker(), RootState("f" * 16, NAS, True), MountState.NEW),
    ],
)
def test_the_state_of_a_root_follows_from_id_mount_point_and_content(
    recorded: MountMarker | None, seen: RootState, state: MountState
) -> None:
    assert mount_state(recorded, seen) is state


def test_the_marker_file_explains_itself_and_holds_the_id() -> None:
    text = marker_text(KNOWN.id)
    assert b"leave it" in text
    assert marker_id(text) == KNOWN.id
    assert marker_id(b"\xff id: 12") is None


@contextmanager
def roots_of(tmp_path: Path, *paths: Path) -> Iterator[Mounts]:
    with Store.open(tmp_path / "jobs.db") as store:
        yield Mounts(store, {"anime": folder_places(*paths)}, rebuilt=was_rebuilt(store))


def code(roots: Mounts, root: Path) -> str:
    with pytest.raises(StorageError) as caught:
        roots.require(root)
    return caught.value.finding.code


def test_an_unmounted_root_is_waited_for_and_never_written_to_even_after_a_restart(tmp_path: Path) -> None:
    share = tmp_path / "share"
    with tmpfs(share, 1):
        with roots_of(tmp_path, share) as roots:
            roots.require(share)
            first = (share / MARKER_NAME).read_bytes()
            move_mount(share, tmp_path / "pulled")
            assert code(roots, share) == "storage.not_mounted"
            (share / "somebody's file").touch()  # the mount point is another one, whatever lies there
        with roots_of(tmp_path, share) as roots:
            assert code(roots, share) == "storage.not_mounted"
            assert [path.name for path in share.iterdir()] == ["somebody's file"]
            assert roots.state(share) is MountState.ABSENT
            move_mount(tmp_path / "pulled", share)
            roots.require(share)
            assert (share / MARKER_NAME).read_bytes() == first


@contextmanager
def rebuilt_store(tmp_path: Path) -> Iterator[Store]:
    """The store after its file was damaged and the daemon restarted."""
    (tmp_path / "jobs.db").write_bytes(b"garbage" * 1000)
    (tmp_path / "work").mkdir(exist_ok=True)
    with open_or_rebuild(tmp_path / "jobs.db", tmp_path / "work") as store:
        yield store


def test_a_rebuilt_store_still_knows_the_disks_so_an_empty_mount_point_is_waited_for(tmp_path: Path) -> None:
    share = tmp_path / "share"
    with tmpfs(share, 1):
        with roots_of(tmp_path, share) as roots:
            roots.require(share)
        move_mount(share, tmp_path / "pulled")
        with rebuilt_store(tmp_path) as store:
            assert known_roots(store.path) == {share}
            roots = Mounts(store, {"anime": folder_places(share)}, rebuilt=was_rebuilt(store))
            assert code(roots, share) == "storage.not_mounted"
            assert list(share.iterdir()) == []
            move_mount(tmp_path / "pulled", share)
            roots.require(share)


def test_if_all_markers_are_lost_an_empty_folder_without_one_is_waited_for(tmp_path: Path) -> None:
    share, new = tmp_path / "share", tmp_path / "new"
    new.mkdir()
    with tmpfs(share, 1):
        with roots_of(tmp_path, share) as roots:
            roots.require(share)
        move_mount(share, tmp_path / "pulled")
        copy_path(tmp_path / "jobs.db").write_text('{"digest": "", "marks": "{}"}')
        with rebuilt_store(tmp_path) as store:
            roots = Mounts(store, {"anime": folder_places(share)}, rebuilt=was_rebuilt(store))
            assert code(roots, share) == "storage.not_mounted"
            assert not roots.may_create(share)
            move_mount(tmp_path / "pulled", share)
            roots.require(share)
            later = Mounts(
                store, {"anime": folder_places(share, new)}, rebuilt=was_rebuilt(store)
            )  # a folder that is new to the configuration is no matter
            later.require(new)
            unmount(share)
            assert code(later, share) == "storage.not_mounted"


def test_after_a_rebuild_an_empty_folder_is_accepted_when_the_user_trusts_it(tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    with rebuilt_store(tmp_path) as store:
        roots = Mounts(store, {"anime": folder_places(share)}, rebuilt=was_rebuilt(store))
        assert code(roots, share) == "storage.not_mounted"
        roots.trust("anime")
        roots.require(share)
        Mounts(store, {"anime": folder_places(share)}, rebuilt=was_rebuilt(store)).require(share)


def test_a_root_below_a_missing_mount_point_is_not_mounted_and_not_created(tmp_path: Path) -> None:
    share, root = tmp_path / "share", tmp_path / "share" / "out"
    with tmpfs(share, 1), roots_of(tmp_path, root) as roots:
        root.mkdir()
        roots.require(root)
        unmount(share)
        assert code(roots, root) == "storage.not_mounted"
        assert not roots.may_create(root)
        assert known_roots(tmp_path / "jobs.db") == {root}


def test_a_root_that_was_removed_from_a_mounted_disk_may_be_recreated(tmp_path: Path) -> None:
    root = tmp_path / "out"
    root.mkdir()
    with roots_of(tmp_path, root) as roots:
        roots.require(root)
        (root / MARKER_NAME).unlink()
        root.rmdir()
        assert code(roots, root) == "storage.unavailable"
        assert roots.may_create(root)
        root.mkdir()
        roots.forget(root)
        roots.require(root)
        assert (root / MARKER_NAME).exists()


def test_another_disk_is_accepted_only_when_the_user_trusts_it(tmp_path: Path) -> None:
    share = tmp_path / "share"
    with tmpfs(share, 1), roots_of(tmp_path, share) as roots:
        roots.require(share)
        unmount(share)
        mount(share, 1)
        assert code(roots, share) == "storage.not_mounted"
        assert list(share.iterdir()) == []
        roots.trust("anime")
        roots.require(share)
        assert (share / MARKER_NAME).exists()
        unmount(share)
        assert code(roots, share) == "storage.not_mounted"


def test_trusting_a_missing_root_changes_nothing(tmp_path: Path) -> None:
    there, gone = tmp_path / "in", tmp_path / "out"
    there.mkdir()
    gone.mkdir()
    with roots_of(tmp_path, there, gone) as roots:
        roots.require(there)
        mark = (there / MARKER_NAME).read_bytes()
        gone.rmdir()
        with pytest.raises(StorageError):
            roots.trust("anime")
        assert (there / MARKER_NAME).read_bytes() == mark
        roots.require(there)


def test_a_removed_marker_is_recreated_with_its_id(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mkv").touch()
    with roots_of(tmp_path, tmp_path / "in") as roots:
        roots.require(tmp_path / "in")
        before = (tmp_path / "in" / MARKER_NAME).read_bytes()
        (tmp_path / "in" / MARKER_NAME).unlink()
        roots.require(tmp_path / "in")
        assert (tmp_path / "in" / MARKER_NAME).read_bytes() == before


def test_a_root_inside_another_shares_its_state_unless_it_is_a_disk_of_its_own(tmp_path: Path) -> None:
    share, done, failed = tmp_path / "in", tmp_path / "in" / "done", tmp_path / "in" / "failed"
    done.mkdir(parents=True)
    failed.mkdir()
    with roots_of(tmp_path, share, done, failed) as roots, tmpfs(done, 1):
        for root in (share, done, failed):
            roots.require(root)
        assert ((done / MARKER_NAME).exists(), (failed / MARKER_NAME).exists()) == (True, False)
        unmount(done)
        assert code(roots, done) == "storage.not_mounted"
        roots.require(failed)


def test_an_open_root_stays_on_its_disk_when_the_disk_is_unplugged(tmp_path: Path) -> None:
    share = tmp_path / "share"
    with tmpfs(share, 1), roots_of(tmp_path, share) as roots:
        roots.require(share)
        descriptor = roots.open(share)
        unmount(share)
        with os.scandir(descriptor) as entries:
            assert MARKER_NAME in [entry.name for entry in entries]
        os.close(descriptor)
        assert code(roots, share) == "storage.not_mounted"


@pytest.mark.parametrize("odd", ["link", "folder", "garbage"])
def test_something_else_under_the_markers_name_is_no_marker(tmp_path: Path, odd: str) -> None:
    root, mark = tmp_path / "in", tmp_path / "in" / MARKER_NAME
    root.mkdir()
    (tmp_path / "target").write_bytes(marker_text(KNOWN.id))
    {
        "link": lambda: mark.symlink_to(tmp_path / "target"),
        "folder": mark.mkdir,
        "garbage": lambda: mark.write_bytes(b"\0"),
    }[odd]()
    with roots_of(tmp_path, root) as roots:
        roots.require(root)
        roots.require(root)
    assert (tmp_path / "target").read_bytes() == marker_text(KNOWN.id)


def test_a_root_that_cannot_be_written_to_gets_no_marker(tmp_path: Path) -> None:
    share = tmp_path / "share"
    with tmpfs(share, 1):
        mount_readonly(share)
        with roots_of(tmp_path, share) as roots:
            roots.require(share)
            roots.require(share)
            assert list(share.iterdir()) == []


def mount_readonly(path: Path) -> None:
    import subprocess

    subprocess.run(["mount", "-o", "remount,ro", path], check=True)


def test_the_mount_point_of_a_path_that_does_not_exist_is_found_and_links_are_not_followed(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "share", 1) as share:
        (share / "a").mkdir()
        (tmp_path / "link").symlink_to(share / "a")
        assert mount_point(share / "a/b/c") == share
        assert mount_point(tmp_path / "link/b") == mount_point(tmp_path)


def test_a_root_that_becomes_a_link_later_is_refused(tmp_path: Path) -> None:
    share, private = tmp_path / "share", tmp_path / "private"
    for folder in (share, private):
        folder.mkdir()
    with roots_of(tmp_path, share) as roots:
        roots.require(share)
        share.rename(tmp_path / "aside")
        share.symlink_to(private)
        assert code(roots, share) == "storage.symlink"
        assert list(private.iterdir()) == []


def test_a_link_that_leads_elsewhere_after_a_restart_is_refused(tmp_path: Path) -> None:
    share, private = tmp_path / "share", tmp_path / "private"
    for folder in (share, private):
        folder.mkdir()
        (folder / "file").touch()
    with roots_of(tmp_path, share) as roots:
        roots.require(share)
    share.rename(tmp_path / "aside")
    share.symlink_to(private)
    with roots_of(tmp_path, share) as roots:
        assert code(roots, share) == "storage.not_mounted"
        assert [path.name for path in private.iterdir()] == ["file"]


def test_a_root_inside_another_is_never_reached_through_a_link(tmp_path: Path) -> None:
    share, private = tmp_path / "share", tmp_path / "private"
    share.mkdir()
    private.mkdir()
    (share / "done").symlink_to(private)
    with roots_of(tmp_path, share, share / "done") as roots:
        assert code(roots, share / "done") == "storage.symlink"
        assert list(private.iterdir()) == []


def test_a_missing_root_is_created_in_the_folder_above_it_and_not_behind_a_link(tmp_path: Path) -> None:
    share, private = tmp_path / "share", tmp_path / "private"
    done, failed = share / "sub/done", share / "failed"
    for folder in (share / "sub", private):
        folder.mkdir(parents=True)
    with roots_of(tmp_path, share, done, failed, tmp_path / "out") as roots:
        for root in (share, failed, tmp_path / "out"):
            if root != share:
                roots.create(root)
            roots.require(root)
        roots.create(failed)  # it is there
        (share / "sub").rmdir()
        (share / "sub").symlink_to(private)
        with pytest.raises(StorageError) as caught:
            roots.create(done)
        assert caught.value.finding.code == "storage.symlink"
        (tmp_path / "out").rename(tmp_path / "aside")
        (tmp_path / "out").symlink_to(private / "made")
        roots.create(tmp_path / "out")  # a link that leads nowhere is left alone
        assert list(private.iterdir()) == []


def test_a_root_of_an_earlier_configuration_is_still_guarded_for_the_jobs_that_refer_to_it(tmp_path: Path) -> None:
    share, other = tmp_path / "share", tmp_path / "other"
    other.mkdir()
    with tmpfs(share, 1), roots_of(tmp_path, share) as roots:
        roots.require(share)
        (share / "failed").mkdir()
        roots.use({"anime": folder_places(other)})
        roots.require(share)
        roots.require(share / "failed")
        assert roots.real_path(share / "failed") == roots.real_path(share) / "failed"
        move_mount(share, tmp_path / "pulled")
        (share / "failed").mkdir()
        assert code(roots, share) == "storage.not_mounted"
        assert code(roots, share / "failed") == "storage.not_mounted"
        move_mount(tmp_path / "pulled", share)
        (share / "failed").rename(share / "away")
        (share / "failed").symlink_to("away")
        assert code(roots, share / "failed") == "storage.symlink"


def test_a_disk_that_is_mounted_late_is_found(tmp_path: Path) -> None:
    share = tmp_path / "disk/share"
    with roots_of(tmp_path, share) as roots:
        assert code(roots, share) == "storage.unavailable"
        with tmpfs(tmp_path / "disk", 1):
            share.mkdir()
            roots.require(share)
