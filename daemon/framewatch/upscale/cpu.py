"""What this machine's processor and memory allow an engine to use."""

from __future__ import annotations

import os
from contextlib import suppress
from math import inf
from pathlib import Path

from framewatch.upscale.tiling import LARGEST_WINDOW

_CORES_A_LANE = 4  # more lanes cost memory and gain nothing: 1 lane of 2 threads is as fast as 2 of 1
_DOT_PRODUCTS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})  # as /proc/cpuinfo calls them
_TILES = "amx_bf16"
_BF16 = frozenset({"avx512_bf16", "amx_bf16"})
_CPUINFO = Path("/proc/cpuinfo")
_MEMORY_SHARE = 4  # a quarter of what is free: decoders, encoders and other workers need theirs


def cores() -> int:
    """Processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def lanes(concurrency: int) -> int:
    """Frames that are computed side by side, each by its share of the cores; the others wait in line."""
    return max(1, min(concurrency, cores() // _CORES_A_LANE))


def has_int8(cpuinfo: Path = _CPUINFO) -> bool:
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


def allowed_memory_gb(proc: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> float:
    """Memory in GB that this process may take: the machine's, or less where its control group says so.

    That is how systemd (`MemoryMax`) and containers limit a service (Linux, version 2 of cgroups).
    """
    limits = [memory_gb()]
    with suppress(OSError, ValueError):
        owned = (line[4:] for line in proc.read_text().splitlines() if line.startswith("0::/"))
        folder = groups / next(owned, "")
        limits += [_limit_gb(one / "memory.max") for one in (folder, *folder.parents) if one.is_relative_to(groups)]
    return min(limits)


def _limit_gb(file: Path) -> float:
    """What a control group says; without a limit, infinity."""
    try:
        return int(file.read_text()) / 2**30
    except (OSError, ValueError):  # the root has none; "max"
        return inf


def memory_gb() -> float:
    """Memory of this machine in GB."""
    import psutil  # noqa: PLC0415 - the room must be importable with numpy alone

    return float(psutil.virtual_memory().total) / 2**30
