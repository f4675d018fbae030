"""The file system that a path is on, and whether its events can be trusted."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from framewatch.intake.watch_mode import why_poll
from framewatch.storage.filesystem_type import (
    Mount,
    filesystem_type,
    gives_events,
    keeps_inodes,
    mount_of,
    mounts,
    parse_mountinfo,
    shows_mounts,
)

MOUNTINFO = r"""24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
31 24 0:27 / /nas rw - nfs4 server:/export rw,vers=4.2
32 31 0:28 / /nas/local\040disk rw shared:7 master:1 - ext4 /dev/sdb1 rw
33 24 0:29 / /media/usb rw - fuseblk /dev/sdc1 rw
34 24 0:30 / /media/usb rw - fuse.sshfs me@host: rw
35 24 0:31 / /caf\303\251 rw - CIFS //server/share rw

broken line
"""


@pytest.mark.parametrize(
    ("path", "fstype"),
    [
        ("/home/film.mp4", "ext4"),
        ("/nas", "nfs4"),
        ("/nas/in", "nfs4"),
        ("/nas/local disk/in", "ext4"),
        ("/nasty", "ext4"),
        ("/media/usb/in", "fuse.sshfs"),
    ],
)
def test_a_path_is_on_the_longest_and_last_mount_above_it(path: str, fstype: str) -> None:
    mount = mount_of(PurePosixPath(path), parse_mountinfo(MOUNTINFO))
    assert mount is not None
    assert mount.fstype == fstype


def test_an_empty_mount_table_has_no_mount_for_a_path() -> None:
    assert mount_of(PurePosixPath("/a"), []) is None


def test_on_this_machine_every_folder_has_a_file_system_type(tmp_path: Path) -> None:
    assert "/" in {mount.point for mount in mounts()}
    assert filesystem_type(tmp_path)
    assert filesystem_type(tmp_path / "not" / "there") == filesystem_type(tmp_path)


@pytest.mark.parametrize("fstype", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "apfs", "hfs", "exfat", "fuseblk", None])
def test_local_file_systems_report_events(fstype: str | None) -> None:
    assert gives_events(fstype)


@pytest.mark.parametrize(
    "fstype",
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "fuse.sshfs",
        "fuse.mergerfs",
        "fuse",
        "9p",
        "virtiofs",
        "overlay",
    ],
)
def test_file_systems_that_other_machines_change_do_not(fstype: str) -> None:
    assert not gives_events(fstype)


def test_the_setting_overrides_the_file_system() -> None:
    assert why_poll("poll", "ext4") == "`watch: poll` is set"
    assert "nfs4" in why_poll("auto", "nfs4")
    assert why_poll("auto", "ext4") is None
    assert why_poll("events", "nfs4") is None


def test_mountinfo_is_read_with_its_escapes() -> None:
    assert Mount("/nas/local disk", "ext4") in parse_mountinfo(MOUNTINFO)


@pytest.mark.parametrize(
    ("fstype", "inodes", "mounts_seen"),
    [
        ("ext4", True, True),
        ("btrfs", True, True),
        ("tmpfs", True, True),
        ("nfs4", True, True),
        ("fuse", True, True),  # bindfs
        ("cifs", True, False),
        ("virtiofs", True, False),
        ("fuse.mergerfs", False, False),
        ("fuse.sshfs", False, False),
        ("fuseblk", False, False),
        ("exfat", False, False),
        (None, False, False),
    ],
)
def test_inode_numbers_are_trusted_only_where_the_file_system_keeps_them(
    fstype: str | None, inodes: bool, mounts_seen: bool
) -> None:
    assert (keeps_inodes(fstype), shows_mounts(fstype)) == (inodes, mounts_seen)
