"""The service files are accepted by the service managers' own parsers, and run the installed command."""

from __future__ import annotations

import configparser
import plistlib
import shutil
import subprocess
from pathlib import Path

from harness import COMMAND

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "framewatch.service"
PLIST = ROOT / "launchd" / "io.framewatch.daemon.plist"


def test_the_systemd_unit_is_a_hardened_notify_service() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    service = unit["Service"]
    assert (service["Type"], service["Restart"], service["NoNewPrivileges"]) == (
        "notify",
        "on-failure",
        "yes",
    )
    assert service["ExecStart"].split()[1:] == ["run", "--config", "/etc/framewatch/framewatch.yaml"]
    assert service["ProtectSystem"] == "strict"


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """With systemd's own command. A machine without systemd has only the test above."""
    text = UNIT.read_text().replace("/opt/framewatch/bin/framewatch", str(COMMAND))
    assert str(COMMAND) in text
    copy = tmp_path / "framewatch.service"
    copy.write_text(text)
    verify = shutil.which("systemd-analyze")
    if verify:
        result = subprocess.run([verify, "verify", copy], capture_output=True, text=True, check=False)
        assert (result.returncode, result.stderr) == (0, "")


def test_the_launchd_agent_is_kept_alive_and_logs() -> None:
    agent = plistlib.loads(PLIST.read_bytes())
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["RunAtLoad"] is True
    assert agent["ProgramArguments"][1:3] == ["run", "--config"]
    assert agent["StandardErrorPath"].endswith(".log")
