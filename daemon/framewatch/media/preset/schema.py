"""The JSON Schema of presets, for editors: description, allowed values and default of every key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from framewatch.media.preset.preset import Preset

TITLE = "framewatch preset"


def preset_schema() -> dict[str, Any]:
    """Return the schema, with snake_case keys. `config/preset.schema.json` is a copy of it."""
    generated = Preset.model_json_schema(by_alias=True)
    definitions = generated.pop("$defs")
    root = definitions.pop("Preset")
    alternative = root["properties"]["else"]
    alternative["anyOf"] = [{"type": "string", "minLength": 1}, {"$ref": "#"}]
    alternative.pop("default", None)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": TITLE}
    return {**head, **{key: value for key, value in root.items() if key != "title"}, "$defs": definitions}


def key_reference() -> list[dict[str, str]]:
    """Return every key with its default, as in YAML, its values, and its description; nested keys as `crop.width`."""
    schema = preset_schema()
    return list(_rows(schema["properties"], schema["$defs"]))


def _rows(properties: dict[str, Any], definitions: dict[str, Any], prefix: str = "") -> Iterator[dict[str, str]]:
    for key, facts in properties.items():
        nested = _nested_properties(facts, definitions)
        default = "" if nested or facts.get("default") is None else json.dumps(facts["default"]).strip('"')
        values = "a mapping" if nested else _values(facts)
        yield {"key": prefix + key, "default": default, "values": values, "description": facts.get("description", "")}
        if nested:
            yield from _rows(nested, definitions, f"{prefix}{key}.")


def _values(facts: dict[str, Any]) -> str:
    """Return the allowed values of a key in words."""
    if "anyOf" in facts:
        found = [_values(each) for each in facts["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(found))
    if "enum" in facts or "const" in facts:
        return ", ".join(map(str, facts.get("enum", [facts.get("const")])))
    kind = facts.get("type", "")
    if kind == "array" and "enum" in facts.get("items", {}):
        return f"list of {_values(facts['items'])}"
    if kind in ("integer", "number"):
        return _range(facts, "whole number" if kind == "integer" else "number")
    names = {"boolean": "true, false", "string": "text", "array": "list", "object": "a mapping"}
    return names.get(kind, "a preset" if "$ref" in facts else "")


def _range(facts: dict[str, Any], kind: str) -> str:
    least, most = facts.get("minimum"), facts.get("maximum")
    if "exclusiveMinimum" in facts:
        return f"{kind} above {facts['exclusiveMinimum']:g}"
    if least is not None and most is not None:
        return f"{least:g} to {most:g}"
    return kind if least is None else f"{kind} from {least:g}"


def _nested_properties(facts: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a key whose value is a mapping; empty for other keys, and for `else`, a preset."""
    for choice in (facts, *facts.get("anyOf", ())):
        name = choice.get("$ref", "").rpartition("/")[2]
        if name in definitions:
            found: dict[str, Any] = definitions[name].get("properties", {})
            return found
    return {}
