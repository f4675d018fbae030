"""The JSON Schema of presets, made for editors: descriptions, allowed words and defaults of every key."""

from __future__ import annotations

from typing import Any

from framewatch.media.preset import Preset

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
