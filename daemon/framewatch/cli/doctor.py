"""`framewatch doctor`: checks everything that a job needs on this machine."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import typer

from framewatch.cli.options import ConfigOption, JsonOption, load_configuration
from framewatch.cli.output import print_json, print_line
from framewatch.cli.status.elsewhere import has_store
from framewatch.cli.status.state import describe_rebuild
from framewatch.errors import ConfigError, Finding, FramewatchError, StorageError
from framewatch.intake.folder_checks import check_folders
from framewatch.jobs.store.recovery import last_rebuild
from framewatch.jobs.store.store import Store
from framewatch.media.containers import rules
from framewatch.media.ffmpeg.discovery import NamedProgram, version
from framewatch.media.ffmpeg.trial import able_ffmpeg
from framewatch.render.tasks import TrialReport, TrialTask
from framewatch.render.worker_client import Worker
from framewatch.service.power import missing_sensors, read_power
from framewatch.settings import LoadedSettings, Settings
from framewatch.storage.filesystem_type import filesystem_type, gives_events
from framewatch.storage.links import resolve
from framewatch.storage.root import Root
from framewatch.upscale.engine import INT8
from framewatch.upscale.network.weights import Precision, verify_models

_ENCODERS = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "prores_ks", "aac", "libopus", "flac")


class Check(NamedTuple):
    """The result for one thing."""

    name: str
    ok: bool
    result: str


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check what jobs need on this machine. Exits with 1 if anything is wrong.

    That is ffmpeg, encoders, weights, engines and, with a configuration, its folders.

    \b
    Examples:
      framewatch doctor
      framewatch doctor --config framewatch.yaml --json
    """
    try:
        loaded: LoadedSettings | None = load_configuration(config)
    except ConfigError as error:
        if config is not None or error.finding.code != "config.not_found":
            raise
        loaded = None
    checks = list(_checks(loaded))
    if as_json:
        rows = [{"name": check.name, "ok": check.ok, "said": check.result} for check in checks]
        print_json({"ok": all(check.ok for check in checks), "checks": rows})
    else:
        for check in checks:
            print_line(f"{'ok   ' if check.ok else 'WRONG'} {check.name}: {check.result}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _checks(loaded: LoadedSettings | None) -> Iterator[Check]:
    settings = loaded.settings if loaded else None
    yield from _ffmpeg(settings.ffmpeg if settings else None)
    yield from _models()
    yield from _engines(settings.engine if settings else "auto", settings.precision if settings else "exact")
    if loaded is not None:
        yield from _folders(loaded)
        yield from _store(loaded.settings)
        yield from _power(loaded.settings)


def _ffmpeg(named: NamedProgram | None) -> Iterator[Check]:
    try:
        program = able_ffmpeg(named)
        whose = "packaged" if named is None else "named in the configuration"
        yield Check("ffmpeg", True, f"{version(program.path)}, {program.path} ({whose})")
    except FramewatchError as error:
        yield Check("ffmpeg", False, str(error))
        return
    there = program.encoders
    missing = [name for name in _ENCODERS if name not in there]
    result = f"without {', '.join(missing)}" if missing else f"all of {', '.join(_ENCODERS)}"
    yield Check("encoders", not missing, result)
    known = [each.program for each in rules().video_encoders.values() if each.hardware]
    hardware = [name for name in known if name in there]
    yield Check("hardware encoders", True, ", ".join(hardware) or "none; libx264 and libx265 are used")


def _models() -> Iterator[Check]:
    states = verify_models()
    wrong = [state.finding for state in states if state.finding]
    result = "; ".join(map(str, wrong)) or ", ".join(f"{state.model.name} ({state.path})" for state in states)
    yield Check("models", not wrong, result)


def _engines(engine: str, precision: Precision) -> Iterator[Check]:
    """List the devices, and try the engine that a job would use, in a worker, because a driver may crash."""
    worker = Worker()
    try:
        task = TrialTask(engine=engine, precision=precision)
        report: TrialReport = worker.run(task, lambda _: None, threading.Event())
    except FramewatchError as error:
        yield Check("engine", False, str(error))
        return
    finally:
        worker.kill()
    for device in report.devices:
        yield Check("device", True, device)
    result = f"{report.engine}, {report.milliseconds:.0f} ms for a frame of 320x180 at 2x"
    if precision == "fast" and not report.engine.endswith(INT8):
        result += "; precision fast changes nothing here"
    yield Check("engine", True, result)


def _power(settings: Settings) -> Iterator[Check]:
    """Check that the machine tells what the settings go by."""
    power = read_power()
    missing = {finding.where: finding for finding in missing_sensors(settings, power)}
    state = "unknown" if power.on_battery is None else "on battery" if power.on_battery else "plugged in"
    if settings.pause_on_battery:
        yield _sensor("pause_on_battery", missing, f"{state} now")
    if settings.pause_above_celsius is not None:
        now = 0.0 if power.celsius is None else power.celsius
        yield _sensor(
            "pause_above_celsius", missing, f"{now:.0f} degrees now, paused above {settings.pause_above_celsius:g}"
        )


def _sensor(setting: str, missing: Mapping[str, Finding], result: str) -> Check:
    finding = missing.get(setting)
    return Check(setting, finding is None, str(finding) if finding else result)


def _store(settings: Settings) -> Iterator[Check]:
    """Check that the job store can be read, and tell whether it was rebuilt. Nothing is written."""
    try:
        if not has_store(settings):
            return
        with Store.open(settings.store_path, readonly=True) as store:
            rebuild = last_rebuild(store)
            known = sum(store.counts().values())
    except StorageError as error:
        yield Check("store", False, str(error))
        return
    yield Check("store", True, describe_rebuild(rebuild) if rebuild else f"{settings.store_path}: {known} jobs")


def _folders(loaded: LoadedSettings) -> Iterator[Check]:
    findings = check_folders(loaded.settings, loaded.document.where)
    for finding in findings:
        yield Check("folders", False, str(finding))
    for folder in loaded.settings.folders:
        try:
            with Root(folder.input).opened() as top:
                free = shutil.disk_usage(top).free / 1e9
            kind = filesystem_type(resolve(folder.input))
        except (StorageError, OSError):  # reported above
            continue
        known = kind or "unknown file system"
        events = "watched by events" if gives_events(kind) else "polled, because it gives no events"
        yield Check(f"folder {folder.name}", True, f"{folder.input}: {known}, {events}; {free:.0f} GB free")
    work = loaded.settings.work_dir
    # The work folder may not exist yet: its disk is that of the nearest folder above it.
    existing = next((path for path in (work, *work.parents) if os.path.isdir(path)), Path("/"))  # noqa: PTH112
    yield Check("work_dir", True, f"{work}: {shutil.disk_usage(existing).free / 1e9:.0f} GB free")
