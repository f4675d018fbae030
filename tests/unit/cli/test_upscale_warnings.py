"""How `framewatch upscale` shows warnings."""

from __future__ import annotations

import io

from rich.console import Console
from rich.progress import Progress

from framewatch.cli.upscale.command import _BarObserver
from framewatch.errors import Finding


def test_each_warning_names_its_stream_and_is_shown_once() -> None:
    shown = io.StringIO()
    observer = _BarObserver(Progress(console=Console(file=shown, width=200)))
    for stream in (2, 3, 2):
        observer.warned(Finding("a.b", "it is dropped", "use mkv", where=f"stream {stream}"))
    lines = ["warning: stream 2: it is dropped (use mkv) [a.b]", "warning: stream 3: it is dropped (use mkv) [a.b]"]
    assert shown.getvalue().splitlines() == lines
