"""Inject faults into the daemon and its workers. Python imports this file at start if its folder is on PYTHONPATH.

The file named by FRAMEWATCH_TEST_CLOCK holds the offset of `time.time` in seconds; the monotonic clock is unchanged.
While the file named by FRAMEWATCH_TEST_BUG holds another number than 0, each attempt ends in a bug.
The file system of the folder that FRAMEWATCH_TEST_FAT names refuses some names, as FAT does.
The file named by FRAMEWATCH_TEST_DELAY holds the least time between two runs of an engine, in seconds. The folder
named by FRAMEWATCH_FAULTS holds more knobs. All are read at each use, so they can change while the daemon runs:

    devices  JSON: device names that the engine `identity` reports instead of its own; "!": it does not open
    power    JSON: {"plugged": true, "celsius": 50}, what psutil's sensors tell
    engine   JSON: {"engine": "openvino", "from": 30, "what": "black" | "swapped" | "memory"}

That folder also receives `upscaled`, with a line "clip frame" for each frame that was passed to an engine, and
`opened`, with the device of each session of `identity`. Waits before another attempt are cut to fractions of a
second, since their length is not what these tests are about.
"""

from __future__ import annotations

import errno
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

_Run = Callable[[Any, Any], Any]  # of a session and a frame
_KNOBS = Path(os.environ.get("FRAMEWATCH_FAULTS", "/nonexistent"))
_real_time = time.time

WAITS = {"backoff": 0.2, "backoff_cap": 0.4, "hold": 0.3, "hold_cap": 0.5}


def _content(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _knob(name: str) -> str:
    return _content(_KNOBS / name)


def _jumped() -> float:
    return _real_time() + float(_content(Path(os.environ["FRAMEWATCH_TEST_CLOCK"])) or 0)


def _short_waits(module: ModuleType) -> None:
    names = list(module.RetryPolicy.__dataclass_fields__)
    init = module.RetryPolicy.__init__
    before = dict(zip(names, init.__defaults__, strict=True))
    init.__defaults__ = tuple(WAITS.get(name, before[name]) for name in names)


def _own_gate(module: ModuleType) -> None:
    """Use GPU shares of this harness alone, so that other tests and daemons do not block it."""
    module._lock_folder = lambda: _KNOBS / "locks"


def _around(session: str, wrap: Callable[[_Run], _Run]) -> Callable[[ModuleType], None]:
    """Patch each run of a session class."""

    def patch(module: ModuleType) -> None:
        kind = getattr(module, session)
        kind._run = wrap(kind._run)

    return patch


def _identity(module: ModuleType) -> None:
    _around("_IdentitySession", _with_faults)(module)
    kind = module.IdentityEngine
    devices, opened = kind.devices, kind.open

    def many(self: Any) -> Any:
        from dataclasses import replace

        names = json.loads(_knob("devices") or "[]")
        return [replace(devices(self)[0], id=name.strip("!")) for name in names] or devices(self)

    def opening(self: Any, device: str, request: Any) -> Any:
        from framewatch.errors import EngineError

        with (_KNOBS / "opened").open("a") as record:
            record.write(f"{device}\n")
        if f"{device}!" in json.loads(_knob("devices") or "[]"):
            raise EngineError(f"device {device} does not open (injected)")
        return opened(self, device, request)

    kind.devices, kind.open = many, opening


def _with_faults(real: _Run) -> _Run:
    def run(self: Any, frame: Any) -> Any:
        import frame_marks

        whole = frame.shape[:2] == (frame_marks.HEIGHT, frame_marks.WIDTH)
        mark = frame_marks.read(frame) if whole else None
        if mark is None:  # a tile, or the frame of the self-test
            return real(self, frame)
        with (_KNOBS / "upscaled").open("a") as record:
            record.write(f"{mark.clip} {mark.frame}\n")
        fault = json.loads(_knob("engine") or "{}")
        if not self.name.startswith(fault.get("engine", "-")) or mark.frame < fault["from"]:
            return real(self, frame)
        return _wrong(fault["what"], real(self, frame))

    return run


def _with_delay(real: _Run) -> _Run:
    one_by_one = threading.Lock()

    def run(self: Any, frame: Any) -> Any:
        with one_by_one:
            time.sleep(float(_content(Path(os.environ["FRAMEWATCH_TEST_DELAY"])) or 0))
        return real(self, frame)

    return run


def _with_bug(module: ModuleType) -> None:
    real = module.Pipeline.run

    def run(self: Any, request: Any) -> Any:
        if float(_content(Path(os.environ["FRAMEWATCH_TEST_BUG"])) or 0):
            raise KeyError("injected")
        return real(self, request)

    module.Pipeline.run = run  # type: ignore[attr-defined]


def _wrong(what: str, frame: Any) -> Any:
    import numpy as np

    if what == "memory":
        from framewatch.errors import OutOfMemoryError

        raise OutOfMemoryError("the device ran out of memory (injected)")
    return np.zeros_like(frame) if what == "black" else np.ascontiguousarray(np.roll(frame, 100, axis=1))


def _sensors(module: ModuleType) -> None:
    """Let psutil tell what the knob says, and nothing where it is not set."""

    def power() -> SimpleNamespace | None:
        return SimpleNamespace(**json.loads(text)) if (text := _knob("power")) else None

    def battery() -> SimpleNamespace | None:
        return (told := power()) and SimpleNamespace(power_plugged=told.plugged)

    def temperatures() -> dict[str, list[SimpleNamespace]]:
        return {"coretemp": [SimpleNamespace(current=told.celsius)]} if (told := power()) else {}

    module.sensors_battery, module.sensors_temperatures = battery, temperatures  # type: ignore[attr-defined]


def _with_bf16(module: ModuleType) -> None:
    """Order the engines as on a CPU with bf16, whatever this one has."""
    module.is_float32_only = lambda *, fast: False  # type: ignore[attr-defined]


_FAULTS = {
    "psutil": _sensors,
    "framewatch.service.power": lambda module: setattr(module, "INTERVAL", 0.1),
    "framewatch.upscale.host": _with_bf16,
    "framewatch.jobs.gpu.gate": _own_gate,
    "framewatch.jobs.lifecycle.retry_policy": _short_waits,
    "framewatch.upscale.identity": _identity,
    "framewatch.upscale.openvino.engine": _around("_OpenVinoSession", _with_faults),
}

_BUGS = {"framewatch.jobs.attempt.pipeline": _with_bug}

_DELAYS = {
    "framewatch.upscale.identity": _around("_IdentitySession", _with_delay),
    "framewatch.upscale.openvino.engine": _around("_OpenVinoSession", _with_delay),
}


class _Patched(importlib.abc.Loader):
    """Loads a module as usual, and patches it before it is used."""

    def __init__(self, real: Any, patch: Callable[[ModuleType], None]) -> None:
        self._real, self._patch = real, patch

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        self._patch(module)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, *patches: dict[str, Callable[[ModuleType], None]]) -> None:
        self._patches = patches

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        mine = [patches[name] for patches in self._patches if name in patches]
        spec = importlib.machinery.PathFinder.find_spec(name, path) if mine else None
        if spec is not None:
            for patch in mine:
                spec.loader = _Patched(spec.loader, patch)
        return spec


def _like_fat(folder: str) -> None:
    """Let the file system of a folder refuse names with `?` or `:`, as FAT and NTFS do."""

    def picky(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **options: Any) -> Any:
            at = options.get("dir_fd")
            refused = isinstance(path, str) and set(path) & set("?:")
            if refused and at is not None and f"{Path(f'/proc/self/fd/{at}').readlink()}/".startswith(f"{folder}/"):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
            return real(path, *args, **options)

        return call

    os.open, os.mkdir = picky(os.open), picky(os.mkdir)


if "FRAMEWATCH_TEST_FAT" in os.environ:
    _like_fat(os.environ["FRAMEWATCH_TEST_FAT"])
if "FRAMEWATCH_TEST_CLOCK" in os.environ:
    time.time = _jumped
_wanted = {"FRAMEWATCH_FAULTS": _FAULTS, "FRAMEWATCH_TEST_DELAY": _DELAYS, "FRAMEWATCH_TEST_BUG": _BUGS}
sys.meta_path.insert(0, _Finder(*(patches for variable, patches in _wanted.items() if variable in os.environ)))
