"""The facts about this machine that all figures depend on."""

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

# As /proc/cpuinfo calls them, on x86 and on ARM: what oneDNN and ncnn choose their kernels by.
_X86_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_bf16", "amx_int8")
_ARM_FLAGS = ("asimd", "asimddp", "bf16", "i8mm", "sve")
_RUNTIMES = ("openvino", "ncnn", "torch", "av", "numpy")
_TIMEOUT_SECONDS = 20.0  # for a program that only prints facts


def machine(ffmpeg: Path, devices: tuple[str, ...]) -> Machine:
    """Describe this machine.

    Args:
        ffmpeg: the program in use.
        devices: descriptions of the GPUs that engines see; used where no driver tool lists the GPUs.
    """
    return Machine(
        framewatch=__version__,
        python=platform.python_version(),
        system=platform.platform(),
        processor=_processor(),
        cores=host.cores(),
        flags=_flags(),
        memory_gb=round(host.memory_gb(), 1),
        gpus=_nvidia_gpus() or devices,
        ffmpeg=version(ffmpeg),
        runtimes=_runtimes(),
    )


def _processor() -> str:
    return (
        host.cpuinfo_field("model name")
        or _output(["sysctl", "-n", "machdep.cpu.brand_string"])
        or platform.machine()
    )


def _flags() -> tuple[str, ...]:
    present = set((host.cpuinfo_field("flags") or host.cpuinfo_field("Features") or "").split())
    return tuple(flag for flag in (*_X86_FLAGS, *_ARM_FLAGS) if flag in present)


def _nvidia_gpus() -> tuple[str, ...]:
    lines = _output(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]).splitlines()
    return tuple(line.replace(", ", ", driver ", 1) for line in lines if line)


def _output(argv: list[str]) -> str:
    """Return what a program prints, or "" where it is missing or fails."""
    program = shutil.which(argv[0])
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *argv[1:]], capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
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
