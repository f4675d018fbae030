"""`framewatch schema`: the JSON Schemas of the documents that framewatch reads and writes."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from framewatch.cli.output import print_json
from framewatch.jobs.reporting.sidecar import PROGRESS_SCHEMA
from framewatch.media.preset.schema import preset_schema
from framewatch.settings import Settings


class Kind(StrEnum):
    """The documents that have a schema."""

    CONFIG = "config"
    PRESET = "preset"
    PROGRESS = "progress"
    BENCH = "bench"


def schema(kind: Annotated[Kind, typer.Argument(help="Which document.")]) -> None:
    """Print the JSON Schema of a document.

    That is the configuration, a preset, the progress file, or the report of a benchmark.

    \b
    Examples:
      framewatch schema preset > preset.schema.json
      framewatch schema config
    """
    if kind is Kind.BENCH:
        from framewatch.bench.report import BenchReport  # noqa: PLC0415 - imports the engines, for this one alone

        print_json(BenchReport.model_json_schema(mode="serialization", by_alias=True))
        return
    schemas: dict[Kind, Callable[[], Any]] = {
        Kind.CONFIG: lambda: Settings.model_json_schema(by_alias=True),
        Kind.PRESET: preset_schema,
        Kind.PROGRESS: lambda: PROGRESS_SCHEMA,
    }
    print_json(schemas[kind]())
