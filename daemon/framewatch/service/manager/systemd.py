"""The unit of systemd, made from one that ships: for the system, or for a user's own service manager."""

from __future__ import annotations

from collections.abc import Iterator

from framewatch.resources import shipped
from framewatch.service.manager.opened_folders import directives, unit_text
from framewatch.service.manager.service_facts import ServiceFacts
from framewatch.text import printable

NAME = "framewatch.service"
USER = "framewatch"  # whom the unit that ships runs as

_SWALLOWED = (" ", "\t", "\\")  # at the end of a line

_HEAD = """\
# framewatch with {config}.
# To change it, install it again, or use `systemctl edit framewatch`: an edited file is never replaced.
"""


def unit(facts: ServiceFacts) -> str:
    """Return the text of the unit; for a user's own service manager if `run_as` is None.

    Raises:
        ConfigError: `systemd.bad_path`: a path cannot be written in a unit.
    """
    template = shipped("systemd") / (NAME if facts.run_as else "framewatch-user.service")
    lines = template.read_text().splitlines()
    start, end = lines.index("[Unit]"), lines.index("[Install]")
    return _HEAD.format(config=printable(facts.config)) + "\n".join(
        [
            *(new for line in lines[start:end] for new in _adapted(line, facts)),
            *([*directives(facts.uses), ""] if facts.uses else []),
            *lines[end:],
            "",
        ]
    )


def _adapted(line: str, facts: ServiceFacts) -> Iterator[str]:
    key = line.partition("=")[0]
    if key == "ExecStart":
        yield f"ExecStart={' '.join(map(_argument, facts.command))}"
        # No quotes: systemd takes the rest of the line as it is, but for specifiers, and for what stands at its end.
        folder = unit_text(facts.folder, "the configuration").replace("%", "%%")
        yield f"WorkingDirectory={folder}{'/' if folder.endswith(_SWALLOWED) else ''}"
    elif key == "User":
        yield f"User={facts.run_as}"
        if facts.groups:
            yield f"SupplementaryGroups={' '.join(facts.groups)}"
    elif key == "Group" and facts.run_as != USER:
        return  # their primary one
    else:
        yield line


def _argument(text: str) -> str:
    r"""Return one word of a command line.

    Between double quotes `\` keeps its meaning, `%` begins a specifier and `$` a variable (systemd.service(5)).
    """
    checked = unit_text(text, "the command")
    escaped = checked.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    plain = all(char.isalnum() or char in "/._-+:=@" for char in checked)
    return checked if plain else f'"{escaped}"'
