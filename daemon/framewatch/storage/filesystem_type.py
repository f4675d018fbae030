"""The file system that a folder is on, and whether it reports changes made by other machines."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import NamedTuple

import psutil

# These report no events for changes made by another client, by the host of a virtual machine, or in a lower layer.
_SILENT = frozenset(
    {
        *("nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "ncpfs", "afpfs", "afs", "coda"),
        *("webdav", "davfs", "davfs2", "ftp", "fuse", "macfuse", "osxfuse"),
        *("9p", "virtiofs", "vboxsf", "vmhgfs", "prl_fs", "drvfs", "fakeowner", "grpcfuse", "osxfs"),
        *("ceph", "lustre", "gpfs", "beegfs", "orangefs", "glusterfs", "ocfs2", "gfs2"),
        *("overlay", "overlayfs", "aufs", "unionfs"),
    }
)


# These make up inode numbers: from the path, anew for each mount, or the same for the root of every disk.
_NO_INODES = frozenset(
    {*("9p", "vfat", "msdos", "exfat", "ntfs", "ntfs3", "hfs"), *("davfs", "davfs2", "webdav", "ftp")}
)
# What these show at a path may be a disk of its own on the server, and be gone without a change of mounts here.
_HIDES_MOUNTS = frozenset({"cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "ncpfs", "virtiofs", "vboxsf", "vmhgfs"})
# bindfs, which shows inode numbers and space of the folder behind it. Those that make them up, such as mergerfs and
# sshfs, have names of their own.
_PASSES_THROUGH = frozenset({"fuse", "fuse.bindfs"})


class Mount(NamedTuple):
    """A mount point and the kernel's name of its file system type."""

    point: str
    fstype: str


def gives_events(fstype: str | None) -> bool:
    """Return whether events report every change on such a file system; unknown types are left to the self-test.

    FUSE file systems (`fuse.sshfs`, `fuse.mergerfs`) do not. `fuseblk` does: all writers of a local disk go through
    this kernel.
    """
    return fstype is None or (fstype not in _SILENT and not fstype.startswith("fuse."))


def keeps_inodes(fstype: str | None) -> bool:
    """Return whether equal inode numbers mean the same folder, as long as the disk is the same."""
    if fstype is None:
        return False
    return fstype in _PASSES_THROUGH or not (fstype.startswith("fuse") or fstype in _NO_INODES)


def shows_mounts(fstype: str | None) -> bool:
    """Return whether a mount point on such a file system is one here, or has other figures of space at least."""
    return keeps_inodes(fstype) and fstype not in _HIDES_MOUNTS


def filesystem_type(path: Path) -> str | None:
    """Return the type of the file system that a path is on: ext4, nfs4, fuse.sshfs …; None if unknown.

    The path is absolute and without links, as `framewatch.storage.links.resolve` returns it.
    """
    try:
        mount = mount_of(path, mounts())
    except OSError:
        return None
    return mount.fstype if mount else None


def mounts() -> list[Mount]:
    """Return all mounted file systems, in mount order."""
    if sys.platform == "linux":
        text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        return parse_mountinfo(text)
    return [Mount(part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True)]


def parse_mountinfo(text: str) -> list[Mount]:
    """Parse /proc/self/mountinfo, as described in proc_pid_mountinfo(5).

    The fifth field is the mount point, with octal escapes; the type follows a single dash.
    """
    found = []
    for line in text.split("\n"):
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if dash and len(fields) >= 6:
            found.append(Mount(_unescaped(fields[4]), after.split(" ")[0].lower()))
    return found


def mount_of(path: PurePath, mounted: Iterable[Mount]) -> Mount | None:
    """Return the mount that a resolved path is on: the longest mount point; of equal ones, the last mounted."""
    above = {str(path), *map(str, path.parents)}
    best: Mount | None = None
    for mount in mounted:
        if mount.point in above and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
