"""The service files run the installed command and restrict it. `make unit` has systemd itself check them."""

from __future__ import annotations

import plistlib
from collections import defaultdict
from pathlib import Path

import pytest

from harness import COMMAND, Harness, framewatch

ROOT = Path(__file__).parents[2]
USER_UNIT = ROOT / "systemd" / "framewatch-user.service"
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


def test_the_printed_unit_runs_this_installation_and_opens_the_configured_folders_alone(harness: Harness) -> None:
    share = harness.folder("films")
    printed = framewatch("service", "print", "--config", harness.config)
    assert printed.returncode == 0, printed.stderr
    service = directives(printed.stdout)
    assert service["ExecStart"] == [f"{COMMAND} run --config {harness.config}"]
    assert service["WorkingDirectory"] == [str(harness.root)]
    assert service["WatchdogSec"]
    opened = [path for key in ("ReadWritePaths", "BindPaths") for path in service[key]]
    expected = [harness.root / "state", harness.root / "work", share, share.parent / "out"]
    assert opened == [f'"-{path}"' for path in expected]
    shipped = directives(UNIT.read_text())
    other = {"ExecStart", "ProtectHome"}  # the folders of a test may lie below /root
    assert {key: service[key] for key in shipped if key not in other} == {
        key: shipped[key] for key in shipped if key not in other
    }


def test_the_unit_for_a_user_sets_only_what_a_users_manager_can_do(harness: Harness) -> None:
    harness.folder()
    printed = framewatch("service", "print", "--user", "--config", harness.config)
    service = directives(printed.stdout)
    assert service["ExecStart"] == [f"{COMMAND} run --config {harness.config}"]
    assert {"WatchdogSec", "NoNewPrivileges", "Restart"} <= set(service)
    for_root = ("User", "Protect", "Private", "ReadWrite", "Bind", "Device", "Capability", "Ambient", "IPAddress")
    assert [key for key in service if key.startswith(for_root)] == []
    assert "WantedBy=default.target" in printed.stdout
    restricted = set(directives(USER_UNIT.read_text())) - {"ExecStart"}
    assert restricted <= set(directives(UNIT.read_text()))


def test_the_printed_property_list_runs_this_installation(harness: Harness) -> None:
    harness.folder()
    printed = framewatch("service", "print", "--manager", "launchd", "--user", "--config", harness.config)
    agent = plistlib.loads(printed.stdout.encode())
    assert agent["ProgramArguments"] == [str(COMMAND), "run", "--config", str(harness.config)]
    assert agent["WorkingDirectory"] == str(harness.root)
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert "UserName" not in agent


def test_only_a_unit_that_framewatch_wrote_is_replaced_or_removed(harness: Harness) -> None:
    harness.folder()
    units = harness.root / "units"
    unit = units / "framewatch.service"
    install = ("service", "install", "--config", harness.config, "--into", units)
    assert framewatch(*install).returncode == 0
    assert unit.read_text() == framewatch("service", "print", "--config", harness.config).stdout
    assert unit.stat().st_mode & 0o777 == 0o644
    harness.folder("films")
    assert "replaced" in framewatch(*install).stdout
    assert "films/in" in unit.read_text()
    assert "up to date" in framewatch(*install).stdout

    for text, code in ((unit.read_text() + "Nice=5\n", "service.edited"), ("[Service]\n", "service.not_ours")):
        unit.write_text(text)
        for command in (install, ("service", "uninstall", "--into", units)):
            refused = framewatch(*command)
            assert (refused.returncode, f"[{code}]" in refused.stderr) == (2, True)
        assert unit.read_text() == text

    unit.unlink()
    framewatch(*install)
    assert framewatch("service", "uninstall", "--into", units).returncode == 0
    assert list(units.iterdir()) == []
    assert "[service.not_installed]" in framewatch("service", "uninstall", "--into", units).stderr


def test_a_service_for_a_user_who_does_not_exist_is_not_installed(harness: Harness) -> None:
    harness.folder()
    refused = framewatch("service", "install", "--config", harness.config, "--run-as", "nobody-of-that-name")
    assert refused.returncode == 2
    assert "[service.no_user]" in refused.stderr
    assert "useradd" in refused.stderr
