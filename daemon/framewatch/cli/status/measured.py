"""What was measured on this machine: by jobs, in the store, and by the benchmark."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from framewatch.cli.options import load_configuration
from framewatch.domain import Speeds
from framewatch.errors import ConfigError, StorageError
from framewatch.jobs.store.speeds import read_speeds
from framewatch.jobs.store.store import Store
from framewatch.settings.default_places import STORE_NAME, default_folder

_BENCH_NAME = "bench.json"


def state_folder(config: Path | None) -> Path:
    """Return the state folder of the configuration, or the default one where none is found or it cannot be read.

    Raises:
        ConfigError: a configuration was named, and is wrong or missing.
    """
    try:
        return load_configuration(config).settings.state_dir
    except ConfigError:
        if config is not None:
            raise
        return default_folder("state")


def speeds_of(state: Path, store: Store | None = None) -> Speeds:
    """Return what was measured; what cannot be read counts as not measured.

    Args:
        state: the state folder.
        store: the open store in it; None: open it.
    """
    speeds = Speeds()
    if store is not None:
        speeds = read_speeds(store)
    else:
        with suppress(StorageError), Store.open(state / STORE_NAME, readonly=True) as opened:
            speeds = read_speeds(opened)
    return speeds.evolve(bench=_bench(state / _BENCH_NAME))


def keep_bench(state: Path, report: Any) -> bool:
    """Keep the document of a benchmark in the state folder; False if this user cannot."""
    try:
        if os.geteuid() != 0:  # root would make a folder that the service's user cannot use
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = state / f".{_BENCH_NAME}"
        temporary.write_text(json.dumps(report))
        temporary.replace(state / _BENCH_NAME)
    except OSError:
        return False
    return True


def _bench(path: Path) -> dict[str, float]:
    """Return the speed that a benchmark found from file to file, in pixels of the source a second."""
    try:
        report = json.loads(path.read_text())
        clip, runs = report["clip"], report["end_to_end"]
        fps = max(run["fps"] for run in runs)
        return {f"upscale {clip['scale']}x": clip["width"] * clip["height"] * fps}
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or another version wrote it
        return {}
