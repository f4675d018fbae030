"""What this machine's CPU and memory allow an engine to use."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from math import ceil
from pathlib import Path

from framewatch.upscale.frames.tiling import MAX_TILE_PIXELS

_CORES_PER_FRAME = 4  # fewer cores a frame cost memory and gain nothing: 1 frame on 2 cores is as fast as 2 on 1 each
_DOT_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni"})  # flags of /proc/cpuinfo: 8-bit dot products
_AMX = "amx_bf16"
_BF16 = frozenset({"avx512_bf16", "amx_bf16"})
_CPUINFO = Path("/proc/cpuinfo")
_STATM = Path("/proc/self/statm")
_OWN_GROUP, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
_MEMORY_SHARE = 4  # a quarter of what is free: decoders, encoders and other workers need memory too


def cores() -> int:
    """Return the CPU cores that this process may run on, or whose time it may use."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(there, allowed_cores())


def parallel_frames(concurrency: int) -> int:
    """Return how many frames are computed side by side, each by its share of the cores; the others wait."""
    return max(1, min(concurrency, cores() // _CORES_PER_FRAME))


def int8_is_faster(cpuinfo: Path = _CPUINFO) -> bool:
    """Return whether 8 bits are faster on this CPU than the floats of `precision: exact`.

    That takes instructions that multiply and add 8-bit values in one step. With AMX, bf16 is so fast that 8 bits lose
    by the work around the products (docs/performance.md, CPU). Known on Linux on x86 only; elsewhere False.
    """
    flags = _flags(cpuinfo)
    return _AMX not in flags and not _DOT_PRODUCTS.isdisjoint(flags)


def is_float32_only(*, fast: bool, cpuinfo: Path = _CPUINFO) -> bool:
    """Return whether the CPU is known to have neither bf16 nor, if `fast`, 8-bit dot products.

    Known on Linux on x86 only; elsewhere False.
    """
    flags = _flags(cpuinfo)
    return bool(flags) and flags.isdisjoint(_BF16 | _DOT_PRODUCTS if fast else _BF16)


def _flags(cpuinfo: Path) -> frozenset[str]:
    """Return the features of an x86 CPU on Linux; elsewhere nothing."""
    return frozenset((cpuinfo_field("flags", cpuinfo) or "").split())


def cpuinfo_field(key: str, cpuinfo: Path = _CPUINFO) -> str | None:
    """Return what Linux says of the first CPU under a key such as "model name"; None where it says nothing."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() == key), None)


def max_tile_pixels(bytes_per_pixel: int, concurrency: int) -> int:
    """Return the input pixels of a tile so that all frames side by side use a quarter of the free memory.

    They use at most half of what this process may still take.
    """
    import psutil  # noqa: PLC0415 - this package must be importable with numpy alone

    memory = min(int(psutil.virtual_memory().available) // _MEMORY_SHARE, _room_of_process() // 2)
    return min(memory // parallel_frames(concurrency) // bytes_per_pixel, MAX_TILE_PIXELS)


def _room_of_process() -> int:
    """Return the bytes of memory that this process may still take (Linux); ncnn crashes where it gets none."""
    bound, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if bound == resource.RLIM_INFINITY:
        return sys.maxsize
    try:
        pages = int(_STATM.read_text("ascii").split()[5])
    except (OSError, IndexError):
        return sys.maxsize
    return max(bound - pages * resource.getpagesize(), 0)


def allowed_memory_gb(proc: Path = _OWN_GROUP, groups: Path = _GROUPS) -> float:
    """Return the memory in GB that this process may use: the machine's, or less where its control group limits it.

    That is how systemd (`MemoryMax`) and containers limit a service (Linux, cgroups version 2).
    """
    limits = [int(words[0]) for words in _limits("memory.max", proc, groups)]
    return min([memory_gb(), *(limit / 2**30 for limit in limits)])


def allowed_cores(proc: Path = _OWN_GROUP, groups: Path = _GROUPS) -> int:
    """Return the cores whose time the control group allows (`CPUQuota` of systemd), at least 1."""
    quotas = [int(words[0]) / int(words[1]) for words in _limits("cpu.max", proc, groups)]
    return max(1, ceil(min(quotas, default=sys.maxsize)))


def _limits(name: str, proc: Path, groups: Path) -> list[list[str]]:
    """Return the words of a limit file of the process's control group and its ancestors, where they set a limit."""
    try:
        paths = (line[4:] for line in proc.read_text().splitlines() if line.startswith("0::/"))
        folder = groups / next(paths, "")
    except OSError:
        return []
    limits = []
    for group in (folder, *folder.parents):
        with suppress(OSError):  # the root group has no such file
            words = (group / name).read_text().split() if group.is_relative_to(groups) else []
            if words and all(word.isdecimal() for word in words):  # otherwise it is "max"
                limits.append(words)
    return limits


def memory_gb() -> float:
    """Return the memory of this machine in GB."""
    import psutil  # noqa: PLC0415 - this package must be importable with numpy alone

    return float(psutil.virtual_memory().total) / 2**30
