"""What this machine's processor and memory allow an engine to use."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from math import ceil
from pathlib import Path

from framewatch.upscale.frames.tiling import LARGEST_WINDOW

_CORES_A_LANE = 4  # more lanes cost memory and gain nothing: 1 lane of 2 threads is as fast as 2 of 1
_DOT_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni"})  # as /proc/cpuinfo calls them
_TILES = "amx_bf16"
_BF16 = frozenset({"avx512_bf16", "amx_bf16"})
_CPUINFO = Path("/proc/cpuinfo")
_OWN_GROUP, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")  # of Linux, version 2
_MEMORY_SHARE = 4  # a quarter of what is free: decoders, encoders and other workers need theirs


def cores() -> int:
    """Processor cores that this process may run on, or whose time it may take."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(there, allowed_cores())


def lanes(concurrency: int) -> int:
    """Frames that are computed side by side, each by its share of the cores; the others wait in line."""
    return max(1, min(concurrency, cores() // _CORES_A_LANE))


def int8_is_faster(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether 8-bit codes are faster here than the floats of `exact`.

    The processor has to multiply and add them in one step. Tiles of bf16 (AMX) are so fast that 8 bits lose by what
    is around the products (docs/performance.md). Known on Linux on x86 alone; elsewhere False.
    """
    flags = _flags(cpuinfo)
    return _TILES not in flags and not _DOT_PRODUCTS.isdisjoint(flags)


def has_floats_only(*, fast: bool, cpuinfo: Path = _CPUINFO) -> bool:
    """Whether the processor is known to have neither bf16 nor, where `fast` allows them, 8-bit dot products.

    Known on Linux on x86 alone; elsewhere False.
    """
    flags = _flags(cpuinfo)
    return bool(flags) and flags.isdisjoint(_BF16 | _DOT_PRODUCTS if fast else _BF16)


def _flags(cpuinfo: Path) -> frozenset[str]:
    """What an x86 processor on Linux says that it can; else nothing."""
    return frozenset(told("flags", cpuinfo).split())


def told(key: str, cpuinfo: Path = _CPUINFO) -> str:
    """What Linux tells of the first processor under this key, such as "model name"; "" where there is nothing."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() == key), "")


def most_pixels(bytes_per_pixel: int, concurrency: int) -> int:
    """Input pixels of a window so that all lanes together take at most a quarter of the memory that is free."""
    import psutil  # noqa: PLC0415 - the room must be importable with numpy alone

    free = int(psutil.virtual_memory().available)
    return min(free // _MEMORY_SHARE // lanes(concurrency) // bytes_per_pixel, LARGEST_WINDOW)


def allowed_memory_gb(proc: Path = _OWN_GROUP, groups: Path = _GROUPS) -> float:
    """Memory in GB that this process may take: the machine's, or less where its control group says so.

    That is how systemd (`MemoryMax`) and containers limit a service (Linux, version 2 of cgroups).
    """
    limits = [int(words[0]) for words in _limits("memory.max", proc, groups)]
    return min([memory_gb(), *(limit / 2**30 for limit in limits)])


def allowed_cores(proc: Path = _OWN_GROUP, groups: Path = _GROUPS) -> int:
    """Cores whose time this process may take, as its control group says (`CPUQuota` of systemd); at least 1."""
    quotas = [int(words[0]) / int(words[1]) for words in _limits("cpu.max", proc, groups)]
    return max(1, ceil(min(quotas, default=sys.maxsize)))


def _limits(name: str, proc: Path, groups: Path) -> list[list[str]]:
    """The words of this file of the process's control group, and of those above it, that name a limit."""
    try:
        owned = (line[4:] for line in proc.read_text().splitlines() if line.startswith("0::/"))
        folder = groups / next(owned, "")
    except OSError:
        return []
    found = []
    for one in (folder, *folder.parents):
        with suppress(OSError):  # the root has none
            words = (one / name).read_text().split() if one.is_relative_to(groups) else []
            if words and all(word.isdecimal() for word in words):  # else it is "max"
                found.append(words)
    return found


def memory_gb() -> float:
    """Memory of this machine in GB."""
    import psutil  # noqa: PLC0415 - the room must be importable with numpy alone

    return float(psutil.virtual_memory().total) / 2**30
