"""The property list of launchd, made from the one that ships: a daemon of the system, or an agent of a user."""

from __future__ import annotations

import plistlib
from pathlib import Path

from framewatch.errors import ConfigError
from framewatch.resources import shipped
from framewatch.service.manager.service_facts import ServiceFacts
from framewatch.text import printable

LABEL = "io.framewatch.daemon"
NAME = f"{LABEL}.plist"


def property_list(facts: ServiceFacts, log: Path) -> str:
    """Return the text of the property list.

    Args:
        facts: with a user for a daemon, without one for an agent.
        log: the file that gets the log.

    Raises:
        ConfigError: `launchd.bad_path`: a path cannot be written in XML.
    """
    agent = plistlib.loads((shipped("launchd") / NAME).read_bytes())
    agent |= {
        "ProgramArguments": list(facts.command),
        "WorkingDirectory": str(facts.folder),
        "StandardOutPath": str(log),
        "StandardErrorPath": str(log),
    }
    if facts.run_as:
        agent["UserName"] = facts.run_as
    try:
        return plistlib.dumps(agent, sort_keys=False).decode()
    except ValueError:  # a control character, or bytes that are not UTF-8
        message, hint = "launchd cannot be told of this path", "give it a name without control characters"
        raise ConfigError(message, code="launchd.bad_path", hint=hint, where=printable(facts.config)) from None
