"""`framewatch schema`: the JSON Schemas of what framewatch reads and writes, for editors and scripts."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from framewatch.bench.report import BenchReport
from framewatch.cli.common import print_json
from framewatch.jobs.reporting.sidecar import PROGRESS_SCHEMA
from framewatch.media.preset.schema import preset_schema
from framewatch.settings import Settings


class Kind(StrEnum):
    """The documents that have a schema."""

    CONFIG = "config"
    PRESET = "preset"
    PROGRESS = "progress"
    BENCH = "bench"


def schema(kind: Annotated[Kind, typer.Argument(help="Which one.")]) -> None:
    """Print the JSON Schema of the daemon file, a preset, the progress sidecar or the report of a benchmark.

    \b
    Examples:
      framewatch schema preset > preset.schema.json
      framewatch schema config
    """
    schemas: dict[Kind, Callable[[], Any]] = {
        Kind.CONFIG: lambda: Settings.model_json_schema(by_alias=True),
        Kind.PRESET: preset_schema,
        Kind.PROGRESS: lambda: PROGRESS_SCHEMA,
        Kind.BENCH: lambda: BenchReport.model_json_schema(mode="serialization", by_alias=True),
    }
    print_json(schemas[kind]())
