"""What was measured on this machine, as it is kept in the store."""

from __future__ import annotations

from pydantic import ValidationError

from framewatch.domain import Speeds
from framewatch.jobs.store.store import Store

_FACT = "speeds"


def read_speeds(store: Store) -> Speeds:
    """Return what was measured so far; nothing if another version of framewatch has stored it otherwise."""
    try:
        return Speeds.model_validate(store.get_facts().get(_FACT) or {})
    except ValidationError:
        return Speeds()


def write_speeds(store: Store, speeds: Speeds) -> None:
    """Keep what was measured. Not durable: it is only shown."""
    store.set_fact(_FACT, speeds.model_dump(), durable=False)
