"""The pauses that nobody asks for at the moment: outside the active hours, on battery, above a temperature."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from framewatch.jobs.scheduling.pauses import Pause
from framewatch.service.power import Power, is_too_hot
from framewatch.settings import Settings
from framewatch.settings.active_hours import is_active, next_begin


class Conditions:
    """Says what is paused now. It remembers whether it was too hot, since that ends some degrees lower."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._hot = False

    @property
    def needs_power(self) -> bool:
        """Whether it has to be known how the machine is powered, or how hot it is."""
        return self._settings.pause_on_battery or self._settings.pause_above_celsius is not None

    def pauses(self, now: float, power: Power) -> list[Pause]:
        """Return the pauses at Unix time `now`."""
        return [*self._outside_hours(now), *self._powered(now, power)]

    def _outside_hours(self, now: float) -> Iterator[Pause]:
        moment = datetime.fromtimestamp(now)  # noqa: DTZ006 - the clock on the wall
        for folder in self._settings.folders:
            hours = self._settings.active_hours if folder.active_hours is None else folder.active_hours
            if not is_active(hours, moment):
                begin = next_begin(hours, moment).strftime("%a %H:%M")
                why = f"outside its active hours, which begin again on {begin}"
                yield Pause(by="hours", folder=folder.name, since=now, why=why)

    def _powered(self, now: float, power: Power) -> Iterator[Pause]:
        if self._settings.pause_on_battery and power.on_battery:
            yield Pause(by="battery", since=now, why="the machine runs on battery")
        limit = self._settings.pause_above_celsius
        self._hot = is_too_hot(power.celsius, limit, was=self._hot)
        if self._hot:
            yield Pause(by="temperature", since=now, why=f"the machine is hotter than {limit:g} degrees Celsius")
