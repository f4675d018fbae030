"""The configuration that `framewatch init` writes: one folder, and all other settings as comments.

It is made from config/framewatch.yaml, so that it shows each setting with the same words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from framewatch.domain import Record
from framewatch.resources import shipped

_HEAD = """\
# framewatch.yaml: the daemon's settings. A line with a # is a default: remove the # in front of a key to change it.
# `framewatch check` reports all mistakes at once; `framewatch schema config` describes each setting for editors.
#
# Relative paths start from the folder of this file; ~ is your home folder.
"""
_KEY = re.compile(r"(?P<key>\w+):(?P<value>[^#]*)(?P<comment>#.*)?")
_COMMENT_COLUMN = 39  # as in config/framewatch.yaml


class StarterFolder(Record):
    """The watch folder of a new configuration."""

    name: str
    input: Path
    output: Path | None = None  # None: <input>/../out
    preset: str


def starter(folder: StarterFolder) -> str:
    """Return the text of a configuration with this folder."""
    lines = shipped("config/framewatch.yaml").read_text(encoding="utf-8").splitlines()
    head, start = lines.index(""), lines.index("folders:")
    end = next(number for number in range(start + 1, len(lines)) if re.match(r"\w", lines[number]))
    while not lines[end - 1].startswith(" "):  # what stands above the next key belongs to it
        end -= 1
    entry = max(number for number in range(start, end) if lines[number].startswith("  - name:"))
    text = [
        *map(_commented, lines[head:start]),
        "folders:",
        *(new for line in lines[entry:end] for new in _of_folder(line, folder)),
        *map(_commented, lines[end:]),
    ]
    return _HEAD + "\n".join(text) + "\n"


def _commented(line: str) -> str:
    return line if not line or line.lstrip().startswith("#") else f"# {line}"


def _of_folder(line: str, folder: StarterFolder) -> Iterator[str]:
    """Yield a line of the folder's entry with the folder's own value, or with its default as a comment."""
    found = _KEY.match(line[4:])
    if found is None:  # a comment that goes on, or a value below its key
        yield line if line.lstrip().startswith("#") else f"    # {line[4:]}"
        return
    written = {"name": folder.name, "input": str(folder.input), "preset": folder.preset}
    if folder.output is not None:
        written["output"] = str(folder.output)
    defaults = {"output": "<input>/../out", "done": "<input>/done", "failed": "<input>/failed"}
    key, comment = found["key"], found["comment"] or ""
    if key in written:
        head = "  - " if key == "name" else "    "
        yield _with_comment(f"{head}{key}: {_scalar(written[key])}", comment)
    else:
        value = defaults.get(key, found["value"].strip())
        yield _with_comment(f"    # {key}: {value}".rstrip(), comment)


def _with_comment(text: str, comment: str) -> str:
    return f"{text.ljust(_COMMENT_COLUMN - 1)} {comment}" if comment else text


def _scalar(text: str) -> str:
    """Return text as YAML: plain if it cannot be taken for anything else, else as JSON, which is YAML too."""
    is_plain = re.fullmatch(r"/[\w/.-]*|[A-Za-z]\w*-[\w-]*", text, re.ASCII)
    return text if is_plain else json.dumps(text, ensure_ascii=False)
