"""The JSON Schema of presets, made for editors: descriptions, allowed words and defaults of every key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from framewatch.media.preset.preset import Preset

TITLE = "framewatch preset"


def preset_schema() -> dict[str, Any]:
    """The schema, by the keys' snake_case names. `config/preset.schema.json` is a copy of it."""
    made = Preset.model_json_schema(by_alias=True)
    definitions = made.pop("$defs")
    root = definitions.pop("Preset")
    other = root["properties"]["else"]
    other["anyOf"] = [{"type": "string", "minLength": 1}, {"$ref": "#"}]
    other.pop("default", None)
    blank = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": TITLE}
    return {**blank, **{key: value for key, value in root.items() if key != "title"}, "$defs": definitions}


def reference() -> list[dict[str, str]]:
    """Every key with its default, as it would stand in YAML, and what it does; nested keys as `crop.width`."""
    made = preset_schema()
    return list(_rows(made["properties"], made["$defs"]))


def _rows(properties: dict[str, Any], definitions: dict[str, Any], prefix: str = "") -> Iterator[dict[str, str]]:
    for key, facts in properties.items():
        nested = _nested(facts, definitions)
        default = "" if nested or facts.get("default") is None else json.dumps(facts["default"]).strip('"')
        yield {"key": prefix + key, "default": default, "description": facts.get("description", "")}
        if nested:
            yield from _rows(nested, definitions, f"{prefix}{key}.")


def _nested(facts: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The properties of a key whose value is a mapping of its own; empty for others, and for the preset in `else`."""
    for choice in (facts, *facts.get("anyOf", ())):
        name = choice.get("$ref", "").rpartition("/")[2]
        if name in definitions:
            found: dict[str, Any] = definitions[name].get("properties", {})
            return found
    return {}
