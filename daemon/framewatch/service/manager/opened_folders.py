"""The drop-in that lets the systemd service write to the folders of the configuration, and nowhere else.

The unit that ships (systemd/framewatch.service) hides home folders and /tmp and makes all else read-only. systemd
does that with mounts that only the service sees. Two folders of one disk are then two mounts, between which files are
copied instead of renamed. And a mount on a folder keeps its disk in use: once the disk is unmounted for everybody
else, the service still sees it, and does not see another that is mounted in its place. Neither applies where the disk
is opened as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from framewatch.errors import ConfigError
from framewatch.media.preset.library import is_path
from framewatch.settings import LoadedSettings
from framewatch.settings.fields import absolute
from framewatch.text import printable

COMMAND = "framewatch service systemd"

_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))  # hidden by ProtectHome
_HIDDEN = (*_HOMES, Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - these by PrivateTmp
_OWN = (Path("/var/lib/framewatch"), Path("/var/cache/framewatch"))  # StateDirectory and CacheDirectory


@dataclass(frozen=True, slots=True)
class Use:
    """A folder or file that the daemon uses."""

    path: Path
    name: str  # what it is in the configuration
    writes: bool = True


def used_paths(loaded: LoadedSettings) -> list[Use]:
    """Return what the daemon reads and writes, in the order of the configuration."""
    settings, base = loaded.settings, loaded.folder
    uses = [Use(settings.state_dir, "state_dir"), Use(settings.work_dir, "work_dir")]
    if settings.log.file:
        uses.append(Use(settings.log.file.parent, "log.file"))
    for folder in settings.folders:
        for role, path in settings.places[folder.name].roots.items():
            uses.append(Use(path, f"{folder.name}: {role}", role != "input" or not folder.keeps_sources))
    # An editor replaces a file that it saves, which a mount of the file alone would not show.
    uses += [Use(base, "the configuration", False), Use(settings.presets_dir, "presets_dir", False)]
    for folder in settings.folders:
        if isinstance(folder.preset, str) and is_path(folder.preset):
            path = absolute(Path(folder.preset), base)
            uses.append(Use(path.parent, f"{folder.name}: preset", False))
    if isinstance(settings.ffmpeg, Path):
        uses.append(Use(settings.ffmpeg, "ffmpeg", False))
    return uses


def opened(uses: Iterable[Use], disk_of: Callable[[Path], Path | None] = lambda _: None) -> list[Use]:
    """Return what has to be opened, since the unit alone hides it or makes it read-only.

    Args:
        uses: what the daemon reads and writes.
        disk_of: returns the mount point of a disk that is to be opened as a whole, for a folder on it; None: open the
            folder alone.
    """
    wanted = list(_closed(uses, disk_of))
    return [use for number, use in enumerate(wanted) if not _covered(use, number, wanted)]


def drop_in(uses: Sequence[Use], config: Path) -> str:
    """Return the text of the drop-in.

    Args:
        uses: what `opened` returned.
        config: the configuration that this is for.

    Raises:
        ConfigError: `systemd.bad_path`: a path cannot be written in a unit.
    """
    lines = [
        f"# Made by `{COMMAND}` for {printable(config)}.",
        "# Make it again when folders there change, then run `systemctl daemon-reload` and restart the service.",
        "[Service]",
        *directives(uses),
    ]
    return "\n".join(lines) + "\n"


def directives(uses: Sequence[Use]) -> list[str]:
    """Return the lines of a unit that open what `opened` returned.

    Raises:
        ConfigError: `systemd.bad_path`: a path cannot be written in a unit.
    """
    lines = ["ProtectHome=tmpfs"] if any(_below(use.path, _HOMES) for use in uses) else []
    for use in uses:
        # The "-" lets the service start while the folder does not exist, since its disk may not be mounted.
        lines += [f"# {printable(use.name)}", f'{_directive(use)}="-{_escaped(use)}"']
    return lines


def _closed(uses: Iterable[Use], disk_of: Callable[[Path], Path | None]) -> Iterator[Use]:
    """Yield what the unit alone does not let the daemon use so, or the whole disk of it."""
    for use in uses:
        hidden = _below(use.path, _HIDDEN)
        disk = disk_of(use.path) if use.writes and not hidden else None
        if disk is not None:
            yield Use(disk, f"the disk of {use.name}")
        elif hidden or (use.writes and not _below(use.path, _OWN)):
            yield use


def _covered(use: Use, number: int, others: Sequence[Use]) -> bool:
    """Return whether another one opens this one as well; of equal ones only the first is kept."""
    return any(
        use.path.is_relative_to(other.path)
        and other.writes >= use.writes
        and (other.path != use.path or other.writes > use.writes or place < number)
        for place, other in enumerate(others)
    )


def _directive(use: Use) -> str:
    if not _below(use.path, _HIDDEN):
        return "ReadWritePaths"
    return "BindPaths" if use.writes else "BindReadOnlyPaths"


def _escaped(use: Use) -> str:
    r"""Return a path as it stands between double quotes in a unit.

    There `%` begins a specifier, and `\` keeps the next character from having a meaning (systemd.syntax(7)).
    """
    text = unit_text(use.path, use.name)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def unit_text(value: Path | str, name: str) -> str:
    """Return a path or an argument for a unit, where nothing keeps a line break from ending the line.

    Raises:
        ConfigError: `systemd.bad_path`.
    """
    text = str(value)
    if set("\n\r") & set(text):
        hint = "give this folder a name without a line break"
        message = f"systemd cannot be told of {printable(text)!r}"
        raise ConfigError(message, code="systemd.bad_path", hint=hint, where=name)
    return text


def _below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
