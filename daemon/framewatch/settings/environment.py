"""Keys of the daemon file from environment variables, such as FRAMEWATCH_STATE_DIR and FRAMEWATCH_LOG__LEVEL."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, create_model

from framewatch.documents import Document
from framewatch.errors import ConfigError, Finding
from framewatch.safe_yaml import KeyPath

PREFIX = "FRAMEWATCH_"
NESTED = "__"
_SIMILAR = 0.85  # as difflib measures it
# Variables that commands read, and that are no keys.
OTHERS = frozenset({"FRAMEWATCH_CONFIG", "FRAMEWATCH_MODELS", "FRAMEWATCH_DEBUG"})


def variable(path: KeyPath) -> str:
    """Return the variable that replaces a key, by its path."""
    return PREFIX + NESTED.join(map(str, path)).upper()


def with_environment(document: Document, model: type[BaseModel]) -> Document:
    """Return the document with the keys that environment variables replace. An empty variable replaces nothing.

    A mapping is replaced key by key, `FRAMEWATCH_LOG__LEVEL`, and a list as a whole, as JSON; where one text is
    enough, `FRAMEWATCH_ACTIVE_HOURS=22:00-07:00`.

    Raises:
        ConfigError: `config.bad_value`: a variable for a list or mapping is not JSON; the finding names it.
    """
    values = _read(model)
    data = {} if document.data is None else document.data
    if not values or not isinstance(data, Mapping):
        return document
    return replace(document, data=_merged(data, values), places=dict(_places(data, values)))


def unknown_variables(model: type[BaseModel]) -> Iterator[Finding]:
    """Yield a warning for each variable that looks like one of a key, and is none."""
    tops = {variable((key,)) for key in model.model_fields}
    known = {_bare(name): name for name in (*tops, *map(variable, _nested_keys(model)))}
    for name in sorted(os.environ):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in OTHERS or upper.partition(NESTED)[0] in tops:
            continue
        if near := difflib.get_close_matches(_bare(upper), known, n=1, cutoff=_SIMILAR):
            hint = f'did you mean "{known[near[0]]}"?'
            yield Finding("config.unknown_variable", f"no key has the variable {name}", hint, name)


def _bare(name: str) -> str:
    """Return what distinguishes variables; one underscore in the place of two is the usual mistake."""
    return name.removeprefix(PREFIX).replace("_", "")


def _nested_keys(model: type[BaseModel]) -> Iterator[KeyPath]:
    for key, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from ((key, inner) for inner in info.annotation.model_fields)


def _read(model: type[BaseModel]) -> dict[str, Any]:
    """Return the values of the variables, by key. Numbers stay text, which the model reads as well."""
    if not any(name.upper().startswith(PREFIX) and name.upper() not in OTHERS for name in os.environ):
        return {}
    # Only now: it takes longer to import than all settings.
    from pydantic_settings import BaseSettings, EnvSettingsSource  # noqa: PLC0415

    fields: dict[str, Any] = {name: (info.annotation, None) for name, info in model.model_fields.items()}
    variables = create_model("Variables", __base__=BaseSettings, **fields)
    source = EnvSettingsSource(
        variables, env_prefix=PREFIX, env_nested_delimiter=NESTED, env_ignore_empty=True, case_sensitive=False
    )
    texts = _lists_or_texts(model)
    values: dict[str, Any] = {}
    findings = []
    for name, info in variables.model_fields.items():
        try:
            raw, _, is_complex = source.get_field_value(info, name)
            plain = name in texts and isinstance(raw, str) and not raw.lstrip().startswith("[")
            value = raw if plain else source.prepare_field_value(name, info, raw, is_complex)
        except ValueError as error:
            message, hint = f"this is not JSON: {error}", "write it as JSON, or set the key in the configuration"
            findings.append(Finding("config.bad_value", message, hint, variable((name,))))
            continue
        if value is not None:
            values[name] = value
    if findings:
        raise ConfigError.of(findings)
    return values


def _lists_or_texts(model: type[BaseModel]) -> frozenset[str]:
    """Return the keys that take a text in the place of a list, as `active_hours` does."""
    properties = model.model_json_schema()["properties"]
    kinds = {key: {kind.get("type") for kind in schema.get("anyOf", ())} for key, schema in properties.items()}
    return frozenset(key for key, types in kinds.items() if types >= {"string", "array"})


def _merged(data: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(data)
    for key, value in values.items():
        old = merged.get(key)
        merged[key] = _merged(old or {}, value) if isinstance(value, dict) and _is_mapping(old) else value
    return merged


def _is_mapping(value: Any) -> bool:
    return value is None or isinstance(value, Mapping)


def _places(data: Any, values: Mapping[str, Any], above: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    for key, value in values.items():
        path, old = (*above, key), data.get(key) if isinstance(data, Mapping) else None
        if isinstance(value, dict) and value:
            yield from _places(old, value, path)
            if _is_mapping(old):
                continue
        yield path, variable(path)
