"""Faults within the daemon and its workers, put in from outside: Python loads this file when it stands on PYTHONPATH.

The file that FRAMEWATCH_TEST_CLOCK names says by how many seconds `time.time` is off; the monotonic clock stays as it
is. The file that FRAMEWATCH_TEST_DELAY names says how many seconds lie between two runs of an engine in a process at
least. The folder that FRAMEWATCH_FAULTS names holds more knobs. All are read at each use, so they can be turned while
the daemon runs:

    devices  JSON: names of devices that the engine `identity` has instead of its own, with "!" where it does not open
    engine   JSON: {"engine": "openvino", "from": 30, "what": "black" | "swapped" | "memory"}

`upscaled` is written there: one line "clip frame" for each frame that went into an engine; and `opened`: the device
of each session of `identity`. Waits before another try are cut to fractions of a second, since time is not what these
tests are about.
"""

from __future__ import annotations

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
from types import ModuleType
from typing import Any

_Run = Callable[[Any, Any], Any]  # of a session and a frame
_KNOBS = Path(os.environ.get("FRAMEWATCH_FAULTS", "/nonexistent"))
_real_time = time.time

WAITS = {"backoff": 0.2, "backoff_cap": 0.4, "hold": 0.3, "hold_cap": 0.5}


def _said(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _knob(name: str) -> str:
    return _said(_KNOBS / name)


def _jumped() -> float:
    return _real_time() + float(_said(Path(os.environ["FRAMEWATCH_TEST_CLOCK"])) or 0)


def _short_waits(module: ModuleType) -> None:
    names = list(module.RetryPolicy.__dataclass_fields__)
    made = module.RetryPolicy.__init__
    before = dict(zip(names, made.__defaults__, strict=True))
    made.__defaults__ = tuple(WAITS.get(name, before[name]) for name in names)


def _own_gate(module: ModuleType) -> None:
    """The shares of the processor are this house's alone: other tests, and other daemons, do not hold it up."""
    module._lock_folder = lambda: _KNOBS / "locks"


def _around(session: str, wrap: Callable[[_Run], _Run]) -> Callable[[ModuleType], None]:
    """Patches each run of a session of that name."""

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

        with (_KNOBS / "opened").open("a") as tally:
            tally.write(f"{device}\n")
        if f"{device}!" in json.loads(_knob("devices") or "[]"):
            raise EngineError(f"device {device} does not open (injected)")
        return opened(self, device, request)

    kind.devices, kind.open = many, opening


def _with_faults(real: _Run) -> _Run:
    def run(self: Any, frame: Any) -> Any:
        import frame_marks

        whole = frame.shape[:2] == (frame_marks.HEIGHT, frame_marks.WIDTH)
        mark = frame_marks.read(frame) if whole else None
        if mark is None:  # a tile, or the self-test's picture
            return real(self, frame)
        with (_KNOBS / "upscaled").open("a") as tally:
            tally.write(f"{mark.clip} {mark.frame}\n")
        fault = json.loads(_knob("engine") or "{}")
        if not self.name.startswith(fault.get("engine", "-")) or mark.frame < fault["from"]:
            return real(self, frame)
        return _wrong(fault["what"], real(self, frame))

    return run


def _with_delay(real: _Run) -> _Run:
    one_by_one = threading.Lock()

    def run(self: Any, frame: Any) -> Any:
        with one_by_one:
            time.sleep(float(_said(Path(os.environ["FRAMEWATCH_TEST_DELAY"])) or 0))
        return real(self, frame)

    return run


def _wrong(what: str, picture: Any) -> Any:
    import numpy as np

    if what == "memory":
        from framewatch.errors import OutOfMemoryError

        raise OutOfMemoryError("the device ran out of memory (injected)")
    return np.zeros_like(picture) if what == "black" else np.ascontiguousarray(np.roll(picture, 100, axis=1))


def _with_bf16(module: ModuleType) -> None:
    """The order of engines is that of a processor with bf16, whatever this one has."""
    module.is_float32_only = lambda *, fast: False  # type: ignore[attr-defined]


_FAULTS = {
    "framewatch.upscale.host": _with_bf16,
    "framewatch.jobs.gpu.gate": _own_gate,
    "framewatch.jobs.lifecycle.retry_policy": _short_waits,
    "framewatch.upscale.identity": _identity,
    "framewatch.upscale.openvino.engine": _around("_OpenVinoSession", _with_faults),
}

_DELAYS = {
    "framewatch.upscale.identity": _around("_IdentitySession", _with_delay),
    "framewatch.upscale.openvino.engine": _around("_OpenVinoSession", _with_delay),
}


class _Patched(importlib.abc.Loader):
    """Loads a module as ever, and patches it before anybody sees it."""

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


if "FRAMEWATCH_TEST_CLOCK" in os.environ:
    time.time = _jumped
_wanted = {"FRAMEWATCH_FAULTS": _FAULTS, "FRAMEWATCH_TEST_DELAY": _DELAYS}
sys.meta_path.insert(0, _Finder(*(patches for variable, patches in _wanted.items() if variable in os.environ)))
