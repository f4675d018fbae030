"""What the CPU can do, and how much of the machine the control groups allow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from framewatch.upscale import host
from framewatch.upscale.host import is_float32_only  # the real one: a fixture replaces the module's

GIB = 2**30


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        ("0::/system.slice/framewatch.service", {"system.slice/framewatch.service": f"{GIB // 4}"}, 0.25),
        ("0::/system.slice/framewatch.service", {"system.slice": f"{GIB // 8}"}, 0.125),
        ("0::/a/b", {"a": f"{GIB // 8}", "a/b": f"{GIB // 4}"}, 0.125),
        ("0::/", {"": f"{GIB // 2}"}, 0.5),  # in a container
        ("0::/a", {"a": "max"}, None),
        ("0::/a", {"a": "what"}, None),
        ("12:memory:/a", {"a": f"{GIB // 2}"}, None),  # version 1
        ("0::/../../etc", {}, None),
        ("", {}, None),
    ],
)
def test_the_control_groups_memory_limit_counts(
    tmp_path: Path, own: str, limits: dict[str, str], expected: float | None
) -> None:
    groups, proc = tmp_path / "groups", tmp_path / "cgroup"
    groups.mkdir()
    proc.write_text(f"1:name=systemd:/x\n{own}\n")
    for folder, limit in limits.items():
        (groups / folder).mkdir(parents=True, exist_ok=True)
        (groups / folder / "memory.max").write_text(f"{limit}\n")
    assert host.allowed_memory_gb(proc, groups) == (host.memory_gb() if expected is None else expected)


def test_without_control_groups_the_machines_memory_counts(tmp_path: Path) -> None:
    assert host.allowed_memory_gb(tmp_path / "none", tmp_path) == host.memory_gb()


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"a/b": "400000 100000"}, 4),
        ({"a": "250000 100000", "a/b": "max 100000"}, 3),
        ({"a": "10000 100000"}, 1),
        ({"a/b": "max 100000"}, sys.maxsize),
        ({}, sys.maxsize),
    ],
)
def test_a_quota_of_cpu_time_counts_as_cores(tmp_path: Path, limits: dict[str, str], expected: int) -> None:
    groups, proc = tmp_path / "groups", tmp_path / "cgroup"
    proc.write_text("0::/a/b\n")
    for folder, limit in limits.items():
        (groups / folder).mkdir(parents=True, exist_ok=True)
        (groups / folder / "cpu.max").write_text(f"{limit}\n")
    assert host.allowed_cores(proc, groups) == expected


@pytest.mark.parametrize(
    ("flags", "faster"),
    [
        ("flags\t\t: fpu avx512f avx512_vnni sse2", True),
        ("flags\t\t: fpu avx2 avx_vnni", True),
        ("flags\t\t: fpu avx2 fma avx512_vnnis", False),
        ("flags\t\t: fpu avx512_vnni avx512_bf16 amx_bf16 amx_int8", False),  # its bf16 is as fast
        ("Features\t: fp asimd", False),
        ("", False),
    ],
)
def test_the_cpus_flags_say_whether_8_bits_are_faster(tmp_path: Path, flags: str, faster: bool) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\n{flags}\n")
    assert host.int8_is_faster(cpuinfo) is faster


def test_without_cpuinfo_nothing_is_known_of_the_cpu(tmp_path: Path) -> None:
    assert not host.int8_is_faster(tmp_path / "cpuinfo")
    assert not is_float32_only(fast=False, cpuinfo=tmp_path / "cpuinfo")
