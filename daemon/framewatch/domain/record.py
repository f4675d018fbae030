"""The base class of all records."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record that goes through JSON unchanged."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def evolve(self, **changes: Any) -> Self:
        """A copy with some fields changed, checked like any other."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**(values | changes))
