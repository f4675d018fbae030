"""How much of the machine a service may take, as its control groups say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from framewatch.upscale import host

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
def test_a_control_groups_limit_holds(
    tmp_path: Path, own: str, limits: dict[str, str], expected: float | None
) -> None:
    groups, proc = tmp_path / "groups", tmp_path / "cgroup"
    groups.mkdir()
    proc.write_text(f"1:name=systemd:/x\n{own}\n")
    for folder, limit in limits.items():
        (groups / folder).mkdir(parents=True, exist_ok=True)
        (groups / folder / "memory.max").write_text(f"{limit}\n")
    assert host.allowed_memory_gb(proc, groups) == (host.memory_gb() if expected is None else expected)


def test_without_control_groups_it_is_the_machines(tmp_path: Path) -> None:
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
def test_a_quota_of_time_is_so_many_cores(tmp_path: Path, limits: dict[str, str], expected: int) -> None:
    groups, proc = tmp_path / "groups", tmp_path / "cgroup"
    proc.write_text("0::/a/b\n")
    for folder, limit in limits.items():
        (groups / folder).mkdir(parents=True, exist_ok=True)
        (groups / folder / "cpu.max").write_text(f"{limit}\n")
    assert host.allowed_cores(proc, groups) == expected
