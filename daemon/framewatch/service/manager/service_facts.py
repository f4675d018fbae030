"""What a unit or a property list says about this installation and this configuration."""

from __future__ import annotations

import grp
import sys
from dataclasses import dataclass
from pathlib import Path

from framewatch.resources import shipped
from framewatch.service.manager.opened_folders import Use


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What differs between two services."""

    command: tuple[str, ...]  # the program and its arguments
    config: Path
    run_as: str | None = None  # the user; None: the one whose service manager it is
    uses: tuple[Use, ...] = ()  # what the service manager has to open
    groups: tuple[str, ...] = ()  # that the service also runs as

    @property
    def folder(self) -> Path:
        """Where the service works: relative paths of its configuration start there."""
        return self.config.parent


def gpu_groups() -> tuple[str, ...]:
    """Return the groups that may use GPUs. One that does not exist would keep systemd from starting the service."""
    return tuple(name for name in ("render", "video") if _has_group(name))


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def daemon_command(config: Path) -> tuple[str, ...]:
    """Return the command that runs the daemon with this interpreter and its packages."""
    script = Path(sys.executable).with_name("framewatch")
    program = (str(script),) if script.is_file() else (sys.executable, "-m", "framewatch")
    return (*program, "run", "--config", str(config))


def program_uses() -> list[Use]:
    """Return where the interpreter and framewatch's own files lie: they may lie in a home folder."""
    places = {Path(sys.prefix), Path(sys.base_prefix), shipped(""), Path(__file__).parents[3]}
    return [Use(place, "the program", writes=False) for place in sorted(places)]
