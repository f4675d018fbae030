"""For all tests. Time is not what they test: a property may take as long as the machine needs."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("framewatch", deadline=None)
settings.load_profile("framewatch")
