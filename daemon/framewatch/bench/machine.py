"""What kind of machine this is."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from framewatch import __version__
from framewatch.bench.report import Machine
from framewatch.media.ffmpeg.discovery import version
from framewatch.upscale import host

_FLAGS = (
    "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_bf16", "amx_int8",
    "asimd", "asimddp", "bf16", "i8mm", "sve",
)  # fmt: skip
_RUNTIMES = ("openvino", "ncnn", "torch", "av", "numpy")
_SECONDS = 20.0  # for a program that only tells what is there


def machine(ffmpeg: Path, devices: tuple[str, ...]) -> Machine:
    """Look.

    Args:
        ffmpeg: the program in use.
        devices: descriptions of GPUs that engines see, for where no tool of the driver's tells.
    """
    return Machine(
        framewatch=__version__,
        python=platform.python_version(),
        system=platform.platform(),
        processor=_processor(),
        cores=host.cores(),
        flags=_flags(),
        memory_gb=round(host.memory_gb(), 1),
        gpus=_nvidia() or devices,
        ffmpeg=version(ffmpeg),
        runtimes=_runtimes(),
    )


def _processor() -> str:
    names = host.cpuinfo_field("model name")
    return names or _said(["sysctl", "-n", "machdep.cpu.brand_string"]) or platform.machine()


def _flags() -> tuple[str, ...]:
    there = set((host.cpuinfo_field("flags") or host.cpuinfo_field("Features") or "").split())
    return tuple(flag for flag in _FLAGS if flag in there)


def _nvidia() -> tuple[str, ...]:
    said = _said(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"])
    return tuple(line.replace(", ", ", driver ", 1) for line in said.splitlines() if line)


def _said(argv: list[str]) -> str:
    """What a program prints; "" where there is none, or it fails."""
    program = shutil.which(argv[0])
    if program is None:
        return ""
    try:
        done = subprocess.run([program, *argv[1:]], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == os.EX_OK else ""


def _runtimes() -> dict[str, str]:
    found = {}
    for name in _RUNTIMES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
