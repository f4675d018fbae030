"""What sensors say, and what follows from it."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from framewatch.service.power import Power, hottest, is_too_hot, missing_sensors, read_power
from framewatch.settings import FolderSettings, Settings


def chip(*values: float) -> list[SimpleNamespace]:
    return [SimpleNamespace(label="", current=value, high=None, critical=None) for value in values]


def test_the_hottest_processor_or_gpu_counts_and_others_only_without_one() -> None:
    mainboard = {"nct6775": chip(127.5), "nvme": chip(70), "iwlwifi_1": chip(60)}
    assert hottest({"coretemp": chip(50, 61), "amdgpu": chip(65), **mainboard}) == 65
    assert hottest({"cpu_thermal": chip(48), **mainboard}) == 48
    assert hottest({"nvme": chip(70), "acpitz": chip(40)}) == 70
    assert hottest({"coretemp": chip(float("nan"))}) is None
    assert hottest({}) is None


def test_it_is_too_hot_until_it_is_five_degrees_cooler() -> None:
    assert [is_too_hot(value, 85, was=False) for value in (85, 85.1)] == [False, True]
    assert [is_too_hot(value, 85, was=True) for value in (81, 80)] == [True, False]
    assert not is_too_hot(None, 85, was=True)
    assert not is_too_hot(200, None, was=True)


def test_sensors_that_fail_or_are_missing_are_reported_and_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError("a broken driver")

    monkeypatch.setattr(psutil, "sensors_battery", fail, raising=False)
    monkeypatch.delattr(psutil, "sensors_temperatures", raising=False)  # as on macOS
    assert read_power() == Power()
    folder = FolderSettings(name="a", input="/in")
    wanted = Settings(folders=[folder], pause_on_battery=True, pause_above_celsius=85)
    assert [finding.code for finding in missing_sensors(wanted)] == ["power.no_battery", "power.no_temperature"]
    assert missing_sensors(Settings(folders=[folder])) == ()

    monkeypatch.setattr(psutil, "sensors_battery", lambda: SimpleNamespace(power_plugged=False), raising=False)
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: {"coretemp": chip(50)}, raising=False)
    assert read_power() == Power(on_battery=True, celsius=50)
    assert missing_sensors(wanted) == ()
