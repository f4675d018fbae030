"""YAML text from strangers, read as plain data: text, numbers, true and false, null, lists and mappings.

PyYAML's own constructors compute whatever a tag asks for, and raise whatever that leads to. Here, only the tags of
JSON's types and merge keys (`<<`) are known, and each value is compared with a pattern and a length before it is
computed. JSON is YAML, and is read by the same rules.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from framewatch.errors import ConfigError, shorten

KeyPath = tuple[str | int, ...]

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000  # what aliases expand to counts each time
MAX_CHARACTERS = 2 * MAX_BYTES  # of all texts, again with what aliases expand to
MAX_DEPTH = 32
MAX_KEY = 64  # characters; the longest key that there is has 24
MAX_NUMBER = 40  # characters; the longest that Python writes for a float has 24
MAX_INTEGER = 2**63 - 1  # the store, ffmpeg and JSON readers take no larger one

_TAG = "tag:yaml.org,2002:"
_NULL, _BOOL, _INT, _FLOAT, _STR, _SEQ, _MAP, _MERGE = (
    _TAG + name for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge")
)
# The patterns of YAML 1.1, without those that match no number, such as `0x_`.
_NULLS = re.compile(r"~|null|Null|NULL|")
_BOOLS = re.compile(r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF")
_INTS = re.compile(
    r"[-+]?(?:0b[01][01_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|0[0-7_]*|[1-9][0-9_]*|[1-9][0-9_]*(?::[0-5]?[0-9])+)", re.ASCII
)
_FLOATS = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
    re.ASCII,
)
# `!!float` may stand before a number that needs none of a float's signs.
_TAGGED_FLOATS = re.compile(rf"{_FLOATS.pattern}|[-+]?[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?", re.ASCII)
# What YAML does not allow as it is; an escape such as "\0" in quotation marks can still write it.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Parsed(NamedTuple):
    """The data in a text, with the line of each of its keys and values."""

    data: Any
    lines: Mapping[KeyPath, int]


def parse(text: str, source: str) -> Parsed:
    """Parse a text.

    Args:
        text: YAML or JSON.
        source: what to call it in messages.

    Raises:
        ConfigError: with the line. Nothing else is raised, whatever the text holds.
    """
    loader: _Loader | None = None
    line: int | None
    try:
        loader = _Loader(text, source)
        node = loader.get_single_node()
        reader = _Reader(source)
        data = None if node is None else reader.read(node, ())
        return Parsed(data, reader.lines)
    except ConfigError:
        raise
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _not_yaml(f"the character U+{error.character:04X} is not allowed", source, line) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise _not_yaml(error.problem or "it cannot be read", source, line) from None
    except Exception as error:  # noqa: BLE001 - PyYAML raises whatever its conversions do, such as that of \UFFFFFFFF
        line = None if loader is None else loader.line + 1
        raise _not_yaml(f"it cannot be read ({type(error).__name__})", source, line) from None


def dotted(path: KeyPath) -> str:
    """Format a key path: `("folders", 0, "preset")` becomes `folders[0].preset`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{shorten(key)}" for key in path)
    return text.removeprefix(".")


class _Loader(yaml.SafeLoader):
    """Composes nodes, and stops at the limits before memory or the stack run out."""

    # Other implicit types, which are dates and `=`, stay text.
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own name

    def __init__(self, text: str, source: str) -> None:
        super().__init__(text)
        self._source = source
        self._nodes = self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._nodes += 1
        self._depth += 1
        if self._nodes > MAX_NODES or self._depth > MAX_DEPTH + 1:
            raise _too_large(self._source, self.line + 1)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _tag, _pattern, _first in (
    (_NULL, _NULLS, ["~", "n", "N", ""]),
    (_BOOL, _BOOLS, list("yYnNtTfFoO")),
    (_INT, _INTS, list("-+0123456789")),
    (_FLOAT, _FLOATS, list("-+0123456789.")),
    (_MERGE, re.compile("<<"), ["<"]),
):
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern.pattern})\Z", re.ASCII), _first)


@dataclass
class _Reader:
    """Makes data of nodes. An alias is read, and counted, wherever it stands."""

    source: str
    lines: dict[KeyPath, int] = field(default_factory=dict)
    nodes: int = 0
    characters: int = 0
    depth: int = 0

    def read(self, node: yaml.Node, path: KeyPath) -> Any:
        self._count(node)
        self.lines.setdefault(path, _line(node))
        self.depth += 1
        data = self._value(node, path)
        self.depth -= 1
        return data

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        if isinstance(node, yaml.MappingNode) and node.tag == _MAP:
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _SEQ:
            return [self.read(item, (*path, number)) for number, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        raise self._wrong_tag(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            self._count(key)
            if key.tag == _MERGE:
                continue
            name = self._key(key, path)
            if name in data:
                where = self._where(key, (*path, name))
                hint = "keep one of the two"
                raise ConfigError("this key appears twice", code="config.duplicate_key", hint=hint, where=where)
            self.lines[(*path, name)] = _line(key)
            data[name] = self.read(value, (*path, name))
        for key, value in node.value:
            if key.tag == _MERGE:
                for other in self._merged(value, path):
                    data = other | data
        return data

    def _merged(self, node: yaml.Node, path: KeyPath) -> Iterator[dict[str, Any]]:
        """Yield the mappings that `<<` lays under a mapping, the first above the others."""
        for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(part, yaml.MappingNode):
                raise _not_yaml("`<<` takes a mapping, or a list of mappings", self.source, _line(node))
            own, self.lines = self.lines, {}  # the mapping's own keys keep their lines
            data = self.read(part, path)
            self.lines = self.lines | own
            yield data

    def _key(self, node: yaml.Node, path: KeyPath) -> str:
        """Return a key as text, as it is written: `on` and `1` are keys as well."""
        if not isinstance(node, yaml.ScalarNode):
            raise _not_yaml("a key must be a word, not a list or a mapping", self.source, _line(node))
        if node.tag not in (_STR, _NULL, _BOOL, _INT, _FLOAT):
            raise self._wrong_tag(node, path)
        name = self._text(node, path)
        if len(name) > MAX_KEY:
            message = f'the key "{shorten(name)}" has more than {MAX_KEY} characters'
            hint = "no key is that long; check quotation marks and colons"
            raise ConfigError(message, code="config.too_large", hint=hint, where=self._where(node, path))
        return name

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        if node.tag == _STR:
            return self._text(node, path)
        if node.tag == _NULL and _NULLS.fullmatch(node.value):
            return None
        if node.tag == _BOOL and _BOOLS.fullmatch(node.value):
            return node.value.lower() in ("yes", "true", "on")
        if node.tag in (_INT, _FLOAT):
            return self._number(node, path)
        raise self._wrong_tag(node, path)

    def _text(self, node: yaml.ScalarNode, path: KeyPath) -> str:
        text: str = node.value
        self.characters += len(text)
        if self.characters > MAX_CHARACTERS:
            raise _too_large(self.source, _line(node))
        if _SURROGATES.search(text):  # JSON writes a character above U+FFFF as two escapes
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if found := _FORBIDDEN.search(text):
            message = f"the character U+{ord(found[0]):04X} is not allowed"
            raise ConfigError(message, code="config.bad_value", hint="remove it", where=self._where(node, path))
        return text

    def _number(self, node: yaml.ScalarNode, path: KeyPath) -> int | float:
        text = node.value
        is_int = node.tag == _INT
        if len(text) <= MAX_NUMBER:
            if not (_INTS if is_int else _TAGGED_FLOATS).fullmatch(text):
                raise self._wrong_tag(node, path)
            value = _integer(text) if is_int else _float(text)
            if not is_int or abs(value) <= MAX_INTEGER:
                return value
        hint = "write a smaller number or, if it is a text, put it into quotation marks"
        message = f"the number {shorten(text)} is too long"
        raise ConfigError(message, code="config.bad_value", hint=hint, where=self._where(node, path))

    def _count(self, node: yaml.Node) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES or self.depth > MAX_DEPTH:
            raise _too_large(self.source, _line(node))

    def _wrong_tag(self, node: yaml.Node, path: KeyPath) -> ConfigError:
        tag = shorten(node.tag.replace(_TAG, "!!"))
        value = f' "{shorten(node.value)}"' if isinstance(node, yaml.ScalarNode) else ""
        hint = "write the value alone, or put it into quotation marks if it is a text"
        message = f"not valid YAML here: {tag}{value}"
        return ConfigError(message, code="config.not_yaml", hint=hint, where=self._where(node, path))

    def _where(self, node: yaml.Node, path: KeyPath) -> str:
        return ": ".join(part for part in (f"{self.source}:{_line(node)}", dotted(path)) if part)


def _integer(text: str) -> int:
    """Compute an integer of YAML 1.1: binary, octal, decimal, hexadecimal, or of base 60, such as 1:30."""
    digits = text.replace("_", "").lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if digits.startswith(("0b", "0x")):
        return sign * int(digits, 0)
    if ":" in digits:
        return sign * int(_base_60(digits))
    return sign * int(digits, 8 if digits.startswith("0") else 10)


def _float(text: str) -> float:
    digits = text.replace("_", "").lower()
    sign = -1.0 if digits.startswith("-") else 1.0
    digits = digits.lstrip("+-")
    if digits in (".inf", ".nan"):
        return sign * (math.inf if digits == ".inf" else math.nan)
    return sign * (_base_60(digits) if ":" in digits else float(digits))


def _base_60(digits: str) -> float:
    value: float = 0
    for part in digits.split(":"):
        value = value * 60 + (float(part) if "." in part else int(part))
    return value


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _not_yaml(problem: str, source: str, line: int | None) -> ConfigError:
    where = source if line is None else f"{source}:{line}"
    hint = "check quotation marks, brackets and indentation there"
    return ConfigError(f"not valid YAML: {problem}", code="config.not_yaml", hint=hint, where=where)


def _too_large(source: str, line: int) -> ConfigError:
    message, hint = "too many or too deeply nested values", "remove aliases and levels"
    return ConfigError(message, code="config.too_large", hint=hint, where=f"{source}:{line}")
