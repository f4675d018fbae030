"""Pauses that nobody asks for at the moment, and how long a run waits for files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from framewatch.service.conditions import Conditions
from framewatch.service.once import OnceLimit
from framewatch.service.power import Power
from framewatch.settings import FolderSettings, Settings

NOON = datetime(2026, 11, 30, 12).timestamp()  # noqa: DTZ001 - by the clock on the wall; a Monday


def settings(*folders: dict[str, Any], **values: Any) -> Settings:
    made = [FolderSettings(input=f"/in/{number}", **folder) for number, folder in enumerate(folders)]
    return Settings(folders=made, **values)


def test_a_folders_hours_replace_those_of_the_daemon() -> None:
    folders = ({"name": "a"}, {"name": "b", "active_hours": []}, {"name": "c", "active_hours": "10:00-11:00"})
    pauses = Conditions(settings(*folders, active_hours="22:00-07:00")).pauses(NOON, Power())
    assert [(pause.folder, pause.by) for pause in pauses] == [("a", "hours"), ("c", "hours")]
    assert [pause.why.rpartition(" on ")[2] for pause in pauses] == ["Mon 22:00", "Tue 10:00"]
    assert Conditions(settings({"name": "a"})).pauses(NOON, Power()) == []


def test_battery_and_heat_pause_everything_if_they_are_to() -> None:
    power = Power(on_battery=True, celsius=90)
    assert Conditions(settings({"name": "a"})).pauses(NOON, power) == []
    conditions = Conditions(settings({"name": "a"}, pause_on_battery=True, pause_above_celsius=85))
    assert [(pause.folder, pause.by) for pause in conditions.pauses(NOON, power)] == [
        (None, "battery"),
        (None, "temperature"),
    ]
    assert [pause.by for pause in conditions.pauses(NOON, Power(False, 82))] == ["temperature"]
    assert conditions.pauses(NOON, Power(False, 79)) == []
    assert conditions.pauses(NOON, Power(False, 82)) == []


def test_a_run_waits_for_files_only_while_there_is_nothing_else_to_do() -> None:
    limit, known = OnceLimit(10.0), settings({"name": "a", "settle_seconds": 1})
    waiting = {"a": ("x.mkv",)}
    assert not limit.is_over(waiting, known, 0.0)
    assert not limit.is_over({}, known, 9.0)
    assert not limit.is_over(waiting, known, 9.5)
    assert not limit.is_over(waiting, known, 19.0)
    assert limit.is_over(waiting, known, 20.0)


def test_a_file_gets_the_time_that_it_needs_to_settle() -> None:
    limit, known = OnceLimit(1.0), settings({"name": "a", "settle_seconds": 100})
    assert not limit.is_over({"a": ("x.mkv",)}, known, 0.0)
    assert not limit.is_over({"a": ("x.mkv",)}, known, 399.0)
    assert limit.is_over({"a": ("x.mkv",)}, known, 400.0)
