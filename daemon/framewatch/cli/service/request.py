"""What the user asked for, and the file that it makes: whose service manager, as whom, where."""

from __future__ import annotations

import os
import pwd
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from framewatch.cli.options import load_configuration, settings_path
from framewatch.errors import ConfigError
from framewatch.service.manager import launchd, systemd
from framewatch.service.manager.opened_folders import Use, opened, used_paths
from framewatch.service.manager.own_text import marked
from framewatch.service.manager.service_facts import ServiceFacts, daemon_command, gpu_groups, program_uses
from framewatch.storage.filesystem_type import mount_of, mounts
from framewatch.user_folders import home as own_home

_USER_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,255}\$?"  # what systemd accepts, and a little more

Commands = tuple[tuple[str, ...], ...]


class Manager(StrEnum):
    """The service managers."""

    SYSTEMD = "systemd"
    LAUNCHD = "launchd"


def _own_home() -> Path:
    """Return the user's home folder.

    Raises:
        ConfigError: `service.no_home`.
    """
    folder = own_home()
    if folder is None:
        hint = "set HOME, or install the service for the whole system, without --user"
        raise ConfigError("this user has no home folder", code="service.no_home", hint=hint)
    return folder


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service manager has its files, and what it has to be told."""

    manager: Manager
    user: bool

    @property
    def name(self) -> str:
        """The name of the file."""
        return systemd.NAME if self.manager is Manager.SYSTEMD else launchd.NAME

    @property
    def folder(self) -> Path:
        """The folder of the file."""
        if self.manager is Manager.LAUNCHD:
            return _own_home() / "Library/LaunchAgents" if self.user else Path("/Library/LaunchDaemons")
        if not self.user:
            return Path("/etc/systemd/system")
        return Path(os.environ.get("XDG_CONFIG_HOME") or _own_home() / ".config") / "systemd/user"

    @property
    def log(self) -> Path:
        """Where launchd puts the log; systemd has its journal."""
        return (_own_home() if self.user else Path("/")) / "Library/Logs/framewatch.log"

    @property
    def stop(self) -> Commands:
        """The commands that stop the service, so that it is not started again; none where no manager runs."""
        if self.manager is Manager.LAUNCHD:
            return (("launchctl", "bootout", f"{self._domain}/{launchd.LABEL}"),)
        # sd_booted(3): in a container or a chroot there may be files of systemd without a systemd.
        return ((*self._systemctl, "disable", "--now", systemd.NAME),) if Path("/run/systemd/system").is_dir() else ()

    @property
    def forget(self) -> Commands:
        """The commands after the file was removed."""
        if self.manager is Manager.LAUNCHD or not self.stop:
            return ()
        return ((*self._systemctl, "daemon-reload"),)

    def start(self, *, again: bool) -> list[str]:
        """Return lines that say how to start the service, or to restart it with another file."""
        if self.manager is Manager.LAUNCHD:
            sudo = "" if self.user else "sudo "
            leave = f"{sudo}launchctl bootout {self._domain}/{launchd.LABEL}; " if again else ""
            return [f"to start it: {leave}{sudo}launchctl bootstrap {self._domain} {self.folder / self.name}"]
        systemctl = " ".join(self._systemctl if self.user else ("sudo", *self._systemctl))
        act = "restart" if again else "enable --now"
        lines = [f"to start it: {systemctl} daemon-reload && {systemctl} {act} framewatch"]
        return [*lines, "to keep it running while you are logged out: loginctl enable-linger"] if self.user else lines

    @property
    def _systemctl(self) -> tuple[str, ...]:
        return ("systemctl", "--user") if self.user else ("systemctl",)

    @property
    def _domain(self) -> str:
        return f"gui/{os.getuid()}" if self.user else "system"


@dataclass(frozen=True, slots=True)
class Made:
    """The file of a service."""

    at: Place
    text: str
    uses: list[Use]
    run_as: str | None

    @property
    def name(self) -> str:
        """Its name."""
        return self.at.name

    @property
    def folder(self) -> Path:
        """Where its service manager looks for it."""
        return self.at.folder

    def after_install(self, *, again: bool) -> list[str]:
        """Return what the user does next."""
        return self.at.start(again=again)

    def require_user(self) -> None:
        """Return if the user that the service runs as exists.

        Raises:
            ConfigError: `service.no_user`.
        """
        if self.run_as is None or _home(self.run_as) is not None:
            return
        create = f"sudo useradd --system --create-home --home-dir /var/lib/{self.run_as} {self.run_as}"
        hint = f"create it with `{create}`, or name another with --run-as"
        raise ConfigError(f'there is no user "{self.run_as}"', code="service.no_user", hint=hint)


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """The options of `framewatch service`."""

    config: Path | None
    user: bool = False
    run_as: str | None = None
    disks: bool = False
    manager: Manager | None = field(default=None)

    @staticmethod
    def place(user: bool, manager: Manager | None = None) -> Place:
        """Return the service manager of this system, or the named one."""
        return Place(manager or (Manager.LAUNCHD if sys.platform == "darwin" else Manager.SYSTEMD), user)

    def make(self) -> Made:
        """Return the file for the configuration.

        Raises:
            ConfigError: there is no configuration, it is wrong, or its paths cannot be written in such a file.
        """
        if self.user and self.run_as:
            message, hint = "--user and --run-as exclude each other", "a user's own service runs as that user"
            raise ConfigError(message, code="usage.invalid", hint=hint)
        if self.run_as is not None and not re.fullmatch(_USER_NAME, self.run_as):
            message, hint = "this cannot be the name of a user", "name one that `getent passwd` lists"
            raise ConfigError(message, code="usage.invalid", hint=hint, where="--run-as")
        place = self.place(self.user, self.manager)
        run_as = None if self.user else self.run_as or _default_user(place.manager)
        config = settings_path(self.config).absolute()
        uses: list[Use] = []
        with _as_service(run_as):
            loaded = load_configuration(config)
            if place.manager is Manager.SYSTEMD and run_as:
                uses = opened([*used_paths(loaded), *program_uses()], disk_of(self.disks))
        facts = ServiceFacts(daemon_command(config), config, run_as, tuple(uses), gpu_groups())
        is_systemd = place.manager is Manager.SYSTEMD
        text = systemd.unit(facts) if is_systemd else launchd.property_list(facts, place.log)
        return Made(place, marked(text), uses, run_as)


def disk_of(disks: bool) -> Callable[[Path], Path | None]:
    """Return the function that names the mounted disk of a folder, if `disks` are to be opened as a whole."""
    mounted = mounts() if disks else []

    def find(path: Path) -> Path | None:
        mount = mount_of(path, mounted)
        return Path(mount.point) if mount and mount.point != "/" else None

    return find


def _default_user(manager: Manager) -> str:
    if manager is Manager.SYSTEMD:
        return systemd.USER
    return os.environ.get("SUDO_USER") or pwd.getpwuid(os.geteuid()).pw_name


def _home(user: str) -> str | None:
    try:
        return pwd.getpwnam(user).pw_dir
    except KeyError:
        return None


@contextmanager
def _as_service(user: str | None) -> Iterator[None]:
    """Have the configuration mean what it means to the service: `~` is its user's home, systemd gives it folders."""
    if user is None:
        yield
        return
    before = dict(os.environ)
    os.environ |= {"STATE_DIRECTORY": "/var/lib/framewatch", "CACHE_DIRECTORY": "/var/cache/framewatch"}
    if home := _home(user):
        os.environ["HOME"] = home
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
