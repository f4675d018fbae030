"""The service files run the installed command and restrict it. `make unit` has systemd itself check them."""

from __future__ import annotations

import plistlib
from collections import defaultdict
from pathlib import Path

import pytest

from harness import Harness, framewatch

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "framewatch.service"
PLIST = ROOT / "launchd" / "io.framewatch.daemon.plist"


def directives(text: str) -> dict[str, list[str]]:
    """The settings of a unit's [Service], each with its values in order."""
    found = defaultdict(list)
    for line in text.partition("[Service]")[2].partition("\n[")[0].splitlines():
        key, assigned, value = line.partition("=")
        if assigned and not line.startswith("#"):
            found[key].append(value)
    return found


def test_the_systemd_unit_is_a_notify_service_that_survives_its_workers() -> None:
    service = directives(UNIT.read_text())
    assert service["Type"] == ["notify"]
    assert service["Restart"] == ["on-failure"]
    assert service["ExecStart"][0].split()[1:] == ["run", "--config", "/etc/framewatch/framewatch.yaml"]
    assert service["OOMPolicy"] == ["continue"]
    assert service["TasksMax"]
    assert service["MemoryMax"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("ProtectProc", "invisible"),
        ("DevicePolicy", "closed"),
        ("RemoveIPC", "yes"),
        ("RuntimeDirectory", "framewatch"),
        ("PrivateNetwork", "yes"),
        ("RestrictAddressFamilies", "AF_UNIX"),
    ],
)
def test_the_systemd_unit_restricts_the_service(key: str, value: str) -> None:
    assert directives(UNIT.read_text())[key] == [value]


def test_the_systemd_unit_allows_the_calls_of_services_without_those_for_privileged_ones() -> None:
    assert directives(UNIT.read_text())["SystemCallFilter"] == ["@system-service", "~@privileged"]


def test_the_systemd_unit_itself_opens_no_folder_of_the_host() -> None:
    """Only the drop-in that `framewatch service systemd` prints knows the folders."""
    service = directives(UNIT.read_text())
    assert not {"ReadWritePaths", "BindPaths"} & set(service)


def test_the_launchd_agent_is_kept_alive_and_logs() -> None:
    agent = plistlib.loads(PLIST.read_bytes())
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["RunAtLoad"] is True
    assert agent["ProgramArguments"][1:3] == ["run", "--config"]
    assert agent["StandardErrorPath"].endswith(".log")


def test_the_drop_in_opens_the_configured_folders_alone(harness: Harness) -> None:
    share = harness.folder("films")
    result = framewatch("service", "systemd", "--config", harness.config)
    assert result.returncode == 0
    opened = [path for key in ("ReadWritePaths", "BindPaths") for path in directives(result.stdout)[key]]
    expected = [harness.root / "state", harness.root / "work", share, share.parent / "out"]
    assert opened == [f'"-{path}"' for path in expected]
    # The unit opens only folders that exist, and the share's output does not yet.
    assert f"films: output: {share.parent / 'out'} does not exist" in result.stderr
    assert "[systemd.missing]" in result.stderr


def test_a_drop_in_for_a_missing_configuration_is_not_printed(harness: Harness) -> None:
    result = framewatch("service", "systemd", "--config", harness.root / "missing.yaml")
    assert (result.returncode, result.stdout) == (2, "")
    assert "[config" in result.stderr
