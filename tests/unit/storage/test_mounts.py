"""What mount markers say, and roots on disks that are unplugged and replaced."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from framewatch.errors import StorageError
from framewatch.jobs.store.recovery import open_or_rebuild, was_rebuilt
from framewatch.jobs.store.store import Store
from framewatch.service.daemon import known_roots
from framewatch.storage.folder_places import FolderPlaces
from framewatch.storage.marker_store import copy_path
from framewatch.storage.mount_marker import (
    MARKER_NAME,
    FolderKey,
    Location,
    MountMarker,
    MountState,
    RootState,
    marker_id,
    marker_text,
    mount_state,
)
from framewatch.storage.mounts import Mounts, mount_point
from mounts import bound, folder_places, mount, move_mount, tmpfs, unmount, viewed

Show = Callable[[Path, Path], AbstractContextManager[Path]]

NAS, ROOT = Path("/nas"), Path("/")
KNOWN = MountMarker(id="0123456789abcdef", mount=NAS)


def place(folder: int | None = None, *, parent: int | None = 1, own_disk: bool | None = False) -> Location:
    """A root's location; the folders are named by their inode numbers."""
    keys = [None if inode is None else FolderKey(device=1, inode=inode, disk=7) for inode in (folder, parent)]
    return Location(folder=keys[0], parent=keys[1], own_disk=own_disk)


PLACED = KNOWN.evolve(location=place(10))
VOLUME = KNOWN.evolve(location=place(10, own_disk=True))
HIDDEN = KNOWN.evolve(location=place(None, parent=None, own_disk=None))


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
        (PLACED, RootState(None, NAS, True, None, place(10)), MountState.RESTORED),
        (PLACED, RootState(None, ROOT, True, None, place(10)), MountState.RESTORED),  # mounted elsewhere, and emptied
        (PLACED, RootState(None, NAS, True, None, place(11)), MountState.RESTORED),
        (PLACED, RootState(None, NAS, True, None, place(11, parent=2)), MountState.ABSENT),
        (PLACED, RootState(None, ROOT, True, None, place(11)), MountState.ABSENT),
        (PLACED, RootState("f" * 16, NAS, True, None, place(10)), MountState.ABSENT),
        (PLACED, RootState(None, NAS, True), MountState.ABSENT),
        (VOLUME, RootState(None, NAS, True, None, place(10, own_disk=True)), MountState.RESTORED),
        (VOLUME, RootState(None, NAS, True, None, place(11, own_disk=True)), MountState.ABSENT),
        (VOLUME, RootState(None, NAS, True, None, place(11)), MountState.ABSENT),
        (VOLUME, RootState(None, NAS, False, None, place(11)), MountState.ABSENT),
        (HIDDEN, RootState(None, NAS, True, None, HIDDEN.location), MountState.ABSENT),
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


@pytest.mark.parametrize(
    ("known", "seen", "same"),
    [
        ((1, 5, 9), (1, 5, 9), True),
        ((1, 5, 9), (2, 5, 9), True),  # mounted again, with another device number
        ((1, 5, 9), (1, 5, 8), False),  # another disk, with the device number of the first
        ((1, 5, 9), (1, 6, 9), False),
        ((1, 5, 0), (1, 5, 0), True),
        ((1, 5, 0), (2, 5, 0), False),
    ],
)
def test_a_folder_is_known_by_its_inode_and_its_file_systems_own_id(
    known: tuple[int, ...], seen: tuple[int, ...], same: bool
) -> None:
    keys = [FolderKey(device=device, inode=inode, disk=disk) for device, inode, disk in (known, seen)]
    assert keys[0].same(keys[1]) is same


@contextmanager
def disk_of(kind: str, tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of some kind, below which roots can be."""
    behind, share = tmp_path / "behind", tmp_path / "share"
    behind.mkdir()
    match kind:
        case "folder":
            yield behind
        case "tmpfs":
            with tmpfs(share, 1):
                yield share
        case "bind":
            with bound(behind, share):
                yield share
        case "fuse":
            with viewed(behind, share):
                yield share


def empty(folder: Path) -> None:
    """Remove everything in a folder, as `find -mindepth 1 -delete` does."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("kind", ["folder", "tmpfs", "bind", "fuse"])
def test_a_folder_that_was_emptied_or_made_again_is_recognised(tmp_path: Path, kind: str) -> None:
    with disk_of(kind, tmp_path) as share:
        root = share / "out"
        root.mkdir()
        for each in (share, root):
            with roots_of(tmp_path, each) as roots:
                roots.require(each)
                mark = (each / MARKER_NAME).read_bytes()
                (each / MARKER_NAME).unlink()
                empty(each)
                roots.require(each)
                empty(each)
            with roots_of(tmp_path, each) as roots:
                roots.require(each)
                assert (each / MARKER_NAME).read_bytes() == mark
                root.mkdir(exist_ok=True)
        with roots_of(tmp_path, root) as roots:
            shutil.rmtree(root)
            (share / "takes the inode").touch()
            root.mkdir()
            roots.require(root)
            assert (root / MARKER_NAME).read_bytes() == mark


@pytest.mark.parametrize("kind", ["tmpfs", "bind", "fuse"])
def test_the_empty_mount_point_of_a_share_that_is_gone_is_no_emptied_folder(tmp_path: Path, kind: str) -> None:
    with disk_of(kind, tmp_path) as share:
        (share / "out").mkdir()
        with roots_of(tmp_path, share, share / "out") as roots:
            roots.require(share)
        with roots_of(tmp_path, share / "out") as roots:
            roots.require(share / "out")
        unmount(share)
        (share / "out").mkdir()  # somebody made it, when the share was not mounted once
        for root in (share / "out", share):
            with roots_of(tmp_path, root) as roots:
                assert code(roots, root) == "storage.not_mounted"
                empty(root)
                assert code(roots, root) == "storage.not_mounted"
                assert list(root.iterdir()) == []


@pytest.mark.parametrize("show", [bound, viewed])
def test_a_view_of_a_disk_that_is_gone_behind_it_is_no_emptied_folder(tmp_path: Path, show: Show) -> None:
    """As in a container that is given a folder of the host, where the share is not mounted; and as with FUSE."""
    disk, root = tmp_path / "disk", tmp_path / "in"
    with tmpfs(disk, 1), show(disk, root), roots_of(tmp_path, root) as roots:
        roots.require(root)
    with show(disk, root), roots_of(tmp_path, root) as roots:
        assert code(roots, root) == "storage.not_mounted"
        assert list(root.iterdir()) == []
        roots.trust("anime")
        roots.require(root)


def test_a_disk_that_is_gone_behind_fuse_is_not_taken_for_a_folder_that_was_made_again(tmp_path: Path) -> None:
    pool, disk, view = tmp_path / "pool", tmp_path / "pool" / "disk", tmp_path / "view"
    with tmpfs(disk, 1), viewed(pool, view), roots_of(tmp_path, view / "disk") as roots:
        roots.require(view / "disk")
    with viewed(pool, view), roots_of(tmp_path, view / "disk") as roots:
        assert code(roots, view / "disk") == "storage.not_mounted"
        disk.rmdir()
        assert not roots.may_create(view / "disk")


def test_missing_targets_are_made_again_where_their_disk_is_and_inputs_never(tmp_path: Path) -> None:
    share = tmp_path / "share"
    with tmpfs(share, 1):
        names = ("in", "out", "in/done", "out/deep/failed")
        places = FolderPlaces(*(share / name for name in names), work=tmp_path / "work")
        (share / "in").mkdir()
        (share / "out").mkdir()
        with Store.open(tmp_path / "jobs.db") as store:
            roots = Mounts(store, {"anime": places}, rebuilt=was_rebuilt(store))
            for root in places.roots.values():
                roots.require(root)
                assert root.is_dir()
            shutil.rmtree(share / "out")
            shutil.rmtree(share / "in" / "done")
            for root in places.roots.values():
                roots.require(root)
                assert root.is_dir()
            shutil.rmtree(share / "in")
            for root in (places.input, places.done):
                with pytest.raises(StorageError):
                    roots.require(root)
            assert not (share / "in").exists()
            move_mount(share, tmp_path / "pulled")
            for root in places.roots.values():
                with pytest.raises(StorageError):
                    roots.require(root)
            assert list(share.iterdir()) == []
            move_mount(tmp_path / "pulled", share)


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
