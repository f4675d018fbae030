"""The JSON Schema of presets."""

from __future__ import annotations

import json

from framewatch.media.preset.preset import Preset
from framewatch.media.preset.schema import key_reference, preset_schema
from framewatch.resources import shipped


def test_the_schema_describes_every_key() -> None:
    properties = preset_schema()["properties"]
    assert set(properties) == {name.rstrip("_") for name in Preset.model_fields}
    assert all(each.get("description") for each in properties.values())


def test_the_shipped_schema_is_current_and_every_shipped_preset_refers_to_it() -> None:
    kept = shipped("config/preset.schema.json")
    told = "recreate it: framewatch schema preset > config/preset.schema.json"
    assert json.loads(kept.read_text()) == preset_schema(), told
    for path in shipped("config/presets").glob("*.yaml"):
        mark, _, reference = path.read_text().splitlines()[0].partition("$schema=")
        assert mark == "# yaml-language-server: "
        assert (path.parent / reference).resolve() == kept.resolve()


def test_the_schema_has_allowed_values_and_defaults() -> None:
    known = preset_schema()
    properties = known["properties"]
    assert properties["ml_upscale"]["enum"] == ["none", "esrgan-2x", "esrgan-3x", "esrgan-4x"]
    assert properties["crf"]["default"] == 23
    assert properties["else"]["anyOf"] == [{"type": "string", "minLength": 1}, {"$ref": "#"}]
    assert known["additionalProperties"] is False
    nested = known["$defs"]["OnlyIf"]["properties"]
    assert all(each.get("description") for each in nested.values())


def test_the_list_of_keys_has_the_values_of_each() -> None:
    values = {row["key"]: row["values"] for row in key_reference()}
    assert [key for key, value in values.items() if not value] == []
    assert values["container"].startswith("mp4, mkv, webm")
    assert values["crf"] == "0 to 63"
    assert values["video_bitrate"] == "whole number from 0"
    assert values["audio_normalize"] == "true, false"
    assert values["rotation"] == "0, 90, 180, 270"
    assert values["only_if.containers"].startswith("list of mp4, mov")
    assert values["crop"] == "a mapping"
