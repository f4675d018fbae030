"""Runs every kind through every way, and writes what became of it: python tests/media/run_all.py [NAME...].

Each kind has a process of its own, so that one that crashes or hangs is an outcome like others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from kinds.all_kinds import KINDS
from kinds.kind import Kind
from kinds_report import ROOT, compatibility, list_of_kinds
from ways import Outcome

_SECONDS = 300  # for one kind
_WAYS = Path(__file__).with_name("ways.py")


def run(kind: Kind, folder: Path) -> list[Outcome]:
    """Return what became of a kind."""
    command = [sys.executable, str(_WAYS), str(folder), kind.name]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS, env=environment)
    except subprocess.TimeoutExpired:
        return [Outcome("all ways", "hangs", problems=[f"it took more than {_SECONDS} s"])]
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        return [Outcome("all ways", "crashes", problems=[f"exit status {done.returncode}: {' '.join(last)}"])]
    return [Outcome(**each) for each in json.loads(done.stdout.splitlines()[-1])]


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run those kinds that are named, or all; write the documents for all."""
    chosen = [kind for kind in KINDS if kind.name in sys.argv[1:] or len(sys.argv) == 1]
    began, outcomes, problems = time.monotonic(), {}, 0
    with tempfile.TemporaryDirectory(prefix="kinds-") as place, ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for kind, found in zip(chosen, pool.map(partial(run, folder=Path(place)), chosen), strict=True):
            outcomes[kind.name] = found
            for outcome in found:
                problems += len(outcome.problems)
                for each in outcome.problems:
                    say(f"{kind.name}, {outcome.way}: {each}")
    say(f"{len(chosen)} kinds in {time.monotonic() - began:.0f} s, {problems} problems")
    if len(chosen) == len(KINDS):
        (ROOT / "docs/compatibility.md").write_text(compatibility(outcomes), encoding="utf-8")
        (ROOT / "tests/media_kinds.md").write_text(list_of_kinds(), encoding="utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
