"""For all tests. Time is not what they test: a property may take as long as the machine needs."""

from __future__ import annotations

import pytest
from hypothesis import settings

from framewatch.upscale import host

settings.register_profile("framewatch", deadline=None)
settings.load_profile("framewatch")


@pytest.fixture(autouse=True)
def processor_with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which engine comes first must not depend on the processor that the tests happen to run on."""
    monkeypatch.setattr(host, "has_floats_only", lambda *, fast: False)
