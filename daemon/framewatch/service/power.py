"""Whether the machine runs on battery, and how hot it is, as psutil tells it."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import structlog

from framewatch.errors import Finding
from framewatch.settings import Settings

INTERVAL = 5.0  # seconds between two readings
FIRST_SECONDS = 3.0  # that the first reading is waited for: a driver may hang
HYSTERESIS = 5.0  # degrees below the limit at which work goes on, so that it does not stop every few seconds

# Chips in processors and GPUs, by the names of their drivers in Linux (hwmon, thermal zones). Others, such as disks,
# radios and unconnected inputs of a mainboard, count only where none of these is found.
_PROCESSORS = ("coretemp", "k10temp", "k8temp", "zenpower", "amdgpu", "radeon", "nouveau", "x86_pkg_temp")
_PROCESSOR_PARTS = ("cpu", "soc", "gpu")

_log = structlog.get_logger("framewatch.daemon")


class Power(NamedTuple):
    """A reading; None where the machine does not tell."""

    on_battery: bool | None = None
    celsius: float | None = None  # of the hottest processor or GPU


def read_power() -> Power:
    """Ask psutil. A sensor that fails counts as one that is not there."""
    import psutil  # noqa: PLC0415 - few configurations need it

    battery = _asked(getattr(psutil, "sensors_battery", None))
    chips = _asked(getattr(psutil, "sensors_temperatures", None)) or {}
    plugged = None if battery is None else battery.power_plugged
    return Power(None if plugged is None else not plugged, hottest(chips))


def hottest(chips: Mapping[str, Iterable[Any]]) -> float | None:
    """Return the highest temperature of processors and GPUs; of all chips if there is none of these."""
    chosen = {name: found for name, found in chips.items() if _is_processor(name)} or chips
    known = [entry.current for entries in chosen.values() for entry in entries if entry.current is not None]
    return max((float(value) for value in known if math.isfinite(value)), default=None)


def is_too_hot(celsius: float | None, limit: float | None, *, was: bool) -> bool:
    """Return whether to pause; `was`: whether it was too hot before."""
    if celsius is None or limit is None:
        return False
    return celsius > (limit - HYSTERESIS if was else limit)


def missing_sensors(settings: Settings, power: Power | None = None) -> tuple[Finding, ...]:
    """Return a warning for each setting that has no effect, because the machine does not tell what it needs."""
    if not settings.pause_on_battery and settings.pause_above_celsius is None:
        return ()
    power = power or read_power()
    found = []
    if settings.pause_on_battery and power.on_battery is None:
        message = "pause_on_battery has no effect: this machine does not tell whether it runs on battery"
        found.append(
            Finding("power.no_battery", message, "it has no battery, or no driver for it", "pause_on_battery")
        )
    if settings.pause_above_celsius is not None and power.celsius is None:
        message = "pause_above_celsius has no effect: this machine tells no temperature"
        hint = "load the driver of its sensors; virtual machines and macOS have none"
        found.append(Finding("power.no_temperature", message, hint, "pause_above_celsius"))
    return tuple(found)


class PowerWatch:
    """Reads again and again, on a thread of its own."""

    def __init__(self) -> None:
        self.last = Power()
        self._read = threading.Event()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def want(self, wanted: bool) -> None:
        """Begin to read, and wait for the first reading, or pause reading."""
        if not wanted:
            self._wanted.clear()
            self.last = Power()
            return
        self._wanted.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="power", daemon=True)
            self._thread.start()
        self._read.wait(FIRST_SECONDS)

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self.last = read_power()
            self._read.set()
            threading.Event().wait(INTERVAL)


def _is_processor(name: str) -> bool:
    return name in _PROCESSORS or any(part in name.lower() for part in _PROCESSOR_PARTS)


def _asked(sensor: Callable[[], Any] | None) -> Any:
    try:
        return sensor() if sensor else None
    except Exception as error:  # noqa: BLE001 - whatever a driver does, jobs go on
        _log.debug("power.not_read", problem=f"{type(error).__name__}: {error}")
        return None
