"""YAML documents from users: parsed safely and validated against a pydantic model, with all errors at once.

A preset may lie in a share that anybody can write to, so no document is trusted: its size, its depth and what its
aliases expand to are limited, and a duplicate key is an error, where YAML would silently use the last one.
"""

from __future__ import annotations

import copy
import difflib
import os
import re
import reprlib
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import (
    AliasChoices,
    BaseModel,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from framewatch import safe_yaml
from framewatch.domain import Record
from framewatch.errors import MAX_FINDINGS, ConfigError, Finding, FramewatchError, limited, shorten
from framewatch.safe_yaml import MAX_BYTES, KeyPath, dotted
from framewatch.text import printable

_LONGEST_WORD = 64  # that is compared with known words
_REPAIRS = 3  # a wrong key can hide another one below it
_MOST_CHOICES = 250  # characters of a list of keys in a hint

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60

Model = TypeVar("Model", bound=BaseModel)


class Section(Record):
    """A mapping in a user's document. A key without a value (`crf:`) takes its default."""

    @model_validator(mode="before")
    @classmethod
    def _drop_keys_without_value(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {key: value for key, value in data.items() if value is not None}

    @field_validator("*", mode="before")
    @classmethod
    def _in_any_case(cls, value: Any, info: ValidationInfo) -> Any:
        """Read a word of a list of allowed ones in any case: `MKV` is mkv."""
        if not isinstance(value, str) or info.field_name is None:
            return value
        annotation: Any = cls.model_fields[info.field_name].annotation
        words = literal_words(annotation)
        return value if value in words else next((word for word in words if word == value.lower()), value)


@cache
def literal_words(annotation: Any) -> tuple[str, ...]:
    """Return the words that an annotation allows by name, also within a union."""
    if get_origin(annotation) is Literal:
        return tuple(word for word in get_args(annotation) if isinstance(word, str))
    return (
        tuple(word for part in get_args(annotation) for word in literal_words(part)) if _is_union(annotation) else ()
    )


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, UnionType, Annotated)


@dataclass(frozen=True)
class Document:
    """A parsed YAML document, with the line of each of its keys.

    A document that was put together from several still knows which of them each key comes from.
    """

    data: Any
    source: str = ""  # what to call it in messages: a path, or "preset of folder 'anime'"
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    prefix: KeyPath = ()  # path of this document in a larger one
    parent: Document | None = None  # the document that this one extends; `data` has its keys, too
    replaced: Mapping[KeyPath, Document] = field(default_factory=dict)  # values of `data` from other documents
    places: Mapping[KeyPath, str] = field(default_factory=dict)  # names of what else values come from: variables

    def part(self, path: KeyPath) -> Document:
        """Return the value at `path` as a document, whose messages still name the full path."""
        data: Any = self.data
        for key in path:
            data = data[key]
        if place := self._place(path):
            return Document(data, place, prefix=(*self.prefix, *path))
        lines = {key[len(path) :]: line for key, line in self.lines.items() if key[: len(path)] == path}
        return Document(data, self.source, lines, (*self.prefix, *path))

    def where(self, path: KeyPath) -> str:
        """Return `file:line: key.path`, with the line of the nearest enclosing key if that of the key is unknown."""
        if place := self._place(path):
            return f"{place}: {dotted((*self.prefix, *path))}"
        for prefix, other in self.replaced.items():
            if path[: len(prefix)] == prefix and len(path) > len(prefix):
                return other.where(path[len(prefix) :])
        if self.parent is not None and path not in self.lines and self.parent.defines(path):
            return self.parent.where(path)
        line = next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), None)
        place = self.source if line is None else f"{self.source}:{line}"
        return ": ".join(part for part in (place, dotted((*self.prefix, *path))) if part)

    def _place(self, path: KeyPath) -> str | None:
        """Return what the value at `path`, or one that it is a part of, comes from if that is not this document."""
        return next((self.places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.places), None)

    def defines(self, path: KeyPath) -> bool:
        """Return whether this key is written in this document or in one that it extends."""
        is_replaced = any(path[: len(prefix)] == prefix for prefix in self.replaced)
        return path in self.lines or is_replaced or (self.parent is not None and self.parent.defines(path))


def parse_key_path(text: str) -> KeyPath:
    """Parse what `dotted` formats: `folders[0].preset` becomes `("folders", 0, "preset")`."""
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", text)
    return tuple(int(number) if number else key for number, key in parts)


def read(path: Path) -> Document:
    """Read a YAML file.

    Raises:
        ConfigError: the file is missing, unreadable, too large, not UTF-8 or not YAML.
    """
    try:
        # O_NONBLOCK: do not wait for a pipe that nobody writes to. The shell's own, <(...), has a writer.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode) and not path.is_relative_to("/dev/fd"):
                message, hint = "this is a pipe, not a file", "name a plain file"
                raise ConfigError(message, code="config.unreadable", hint=hint, where=str(path))
            os.set_blocking(file.fileno(), True)
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        hint = "check the path, or create the file"
        raise ConfigError("the file does not exist", code="config.not_found", hint=hint, where=str(path)) from None
    except OSError as error:
        message, hint = f"the file cannot be read: {error.strerror}", "let framewatch's user read it"
        raise ConfigError(message, code="config.unreadable", hint=hint, where=str(path)) from None
    return parse(raw, source=str(path))


def parse(raw: bytes | str, source: str) -> Document:
    """Parse YAML text; JSON is YAML.

    Raises:
        ConfigError: not UTF-8, not YAML, too large, too deep, or with a duplicate key.
    """
    if len(raw) > MAX_BYTES:
        hint = "a preset or configuration needs far less"
        raise ConfigError(f"larger than {MAX_BYTES} bytes", code="config.too_large", hint=hint, where=source)
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8 text", code="config.not_text", hint="save it as UTF-8", where=source) from None
    parsed = safe_yaml.parse(text, source)
    return Document(parsed.data, source, parsed.lines)


@contextmanager
def no_other_error(source: str) -> Iterator[None]:
    """Turn what nobody expected into an error of the document: whatever it holds, it must not end the daemon.

    Raises:
        ConfigError: `config.unusable`.
    """
    try:
        yield
    except (FramewatchError, ValidationError):
        raise
    except Exception as error:
        message = f"this cannot be used ({type(error).__name__}: {error})"
        hint = "simplify it, and please report this"
        raise ConfigError(message, code="config.unusable", hint=hint, where=source) from error


def validate(document: Document, model: type[Model]) -> Model:
    """Validate a document and return it as a `model`.

    Raises:
        ConfigError: with a finding for each error, with its line and key path.
    """
    data = {} if document.data is None else document.data
    if not isinstance(data, Mapping):
        message = f"a mapping of keys to values is expected here, not {_type_name(data)}"
        raise ConfigError(message, hint="write `key: value` on each line", where=document.where(()))
    try:
        with no_other_error(document.source):
            return model.model_validate(data)
    except ValidationError as error:
        items = error.errors(include_url=False)
        findings = [_finding(document, item, model) for item in items[:MAX_FINDINGS]]
        raise ConfigError.of(limited(findings, len(items) - len(findings))) from None


def without_mistakes(document: Document, model: type[Model]) -> tuple[Model, tuple[str, ...]] | None:
    """Validate a document as if its wrong keys were not there, so that the rest of it can be checked as well.

    Returns:
        The model, and what `Document.where` says of each key that was left out; None if too much is wrong.
    """
    data = copy.deepcopy(document.data)
    left_out: list[str] = []
    for _ in range(_REPAIRS):
        try:
            with no_other_error(document.source):
                return model.model_validate(data), tuple(left_out)
        except ConfigError:
            return None
        except ValidationError as error:
            for item in error.errors(include_url=False):
                path = _remove(data, item["loc"])
                if path is None:
                    return None
                left_out.append(document.where(path))
    return None


def _remove(data: Any, path: Sequence[str | int]) -> KeyPath | None:
    """Remove the value that an error is about, or the nearest key around it, and return its path.

    Returns:
        None if that key is the list of folders, or there is none.
    """
    found: tuple[dict[Any, Any], KeyPath] | None = None
    here = data
    for number, key in enumerate(path):
        if isinstance(here, dict) and key in here:
            found = here, tuple(path[: number + 1])
        elif not (isinstance(here, list) and isinstance(key, int) and key < len(here)):
            break
        here = here[key]
    if found is None or found[1] == ("folders",):
        return None
    del found[0][found[1][-1]]
    return found[1]


def known_keys(model: type[BaseModel]) -> set[str]:
    """Return every key that a document for `model` may have at any level: its own, and those of nested models."""
    return {key for _, keys in _levels(model) for key in keys}


def _own_keys(model: type[BaseModel]) -> dict[str, Any]:
    """Return the keys of one level, and the annotation of each."""
    keys = {}
    for name, info in model.model_fields.items():
        first = info.validation_alias.choices[0] if isinstance(info.validation_alias, AliasChoices) else None
        keys[first if isinstance(first, str) else info.alias or name] = info.annotation
    return keys


def _levels(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the keys of a model and of those that are nested in it, each with the way there: "folders.limits."."""
    keys = _own_keys(model)
    yield prefix, keys
    for key, annotation in keys.items():
        nested = _nested(annotation)
        if nested is not None and nested is not model:
            yield from _levels(nested, f"{prefix}{key}.")


def _nested(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a key whose value is a mapping, or a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _nested(part)) is not None), None)


def _level(model: type[BaseModel], path: KeyPath) -> type[BaseModel]:
    """Return the model of the mapping at a path; the nearest one above it that is known."""
    for key in path:
        if isinstance(key, str):
            spelled = next((each for each in _own_keys(model) if key in (each, to_camel(each))), None)
            nested = None if spelled is None else _nested(_own_keys(model)[spelled])
            if nested is None:
                return model
            model = nested
    return model


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `did you mean "crf"?` if one of the known words is similar, else an empty string."""
    if len(word) > _LONGEST_WORD:
        return ""
    near = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""


def _unknown_key(key: str, model: type[BaseModel], path: KeyPath) -> str:
    """Return a hint: a key of the same level that is similar, where the key belongs, or what there is."""
    here = _own_keys(_level(model, path[:-1]))
    if places := [prefix for prefix, keys in _levels(model) if key in keys]:
        where = " or ".join(prefix.removesuffix(".") or "the top level" for prefix in places)
        return f"this key belongs to another mapping: {where}"
    hint = suggestion(key, here) or "remove it, or correct its name"
    choices = f"keys here: {', '.join(here)}"
    return f"{hint} {choices}" if len(choices) <= _MOST_CHOICES else hint


def _finding(document: Document, item: Any, model: type[BaseModel]) -> Finding:
    path: KeyPath = tuple(item["loc"])
    where = document.where(path)
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        key = str(path[-1])
        return Finding("config.unknown_key", f'unknown key "{shorten(key)}"', _unknown_key(key, model, path), where)
    if kind == "missing":
        return Finding("config.missing_key", f'"{path[-1]}" is required', f"add the key {path[-1]}", where)
    if kind in ("literal_error", "enum"):
        value = shown(item["input"])
        words = [word.strip("' ") for word in str(context["expected"]).replace(" or ", ", ").split(",")]
        hint = f"{suggestion(value, words)} one of: {', '.join(words)}".strip()
        return Finding("config.bad_value", f'"{value}" is not allowed here', hint, where)
    error = context.get("error")
    if isinstance(error, FindingError):
        return error.finding.at(where)
    if kind in ("model_type", "model_attributes_type"):
        message = f"a mapping of keys to values is expected here, not {_type_name(item['input'])}"
        return Finding("config.bad_value", message, "write `key: value` on the lines below it", where)
    message = str(item["msg"]).removeprefix("Value error, ")
    message = f"{message[:1].lower()}{message[1:]}"
    return Finding("config.bad_value", message, f"found {_shown_repr(item['input'])}", where)


class FindingError(ValueError):
    """Raise this in a pydantic validator to give the error its own code and hint."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.finding = Finding(code, message, hint)


def shown(value: Any) -> str:
    """Return a value from a document as it is quoted in messages: in one line, and not too long."""
    return shorten(printable(value)) if isinstance(value, str) else _shown_repr(value)


def _shown_repr(value: Any) -> str:
    return printable(_REPR.repr(value))


def _type_name(value: Any) -> str:
    names = {
        str: "text",
        list: "a list",
        bool: "true or false",
        int: "a number",
        float: "a number",
        type(None): "nothing",
    }
    return names.get(type(value), f"a {type(value).__name__}")
