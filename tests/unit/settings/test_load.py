"""The daemon file: its values and defaults, and how errors are reported."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from framewatch.errors import ConfigError, Finding
from framewatch.settings import FolderSettings, LoadedSettings, Settings, load_settings
from framewatch.settings.fields import EngineName
from framewatch.upscale.selection import ENGINE_NAMES

SAMPLE = Path(__file__).parents[3] / "config" / "framewatch.yaml"


def load(tmp_path: Path, text: str) -> LoadedSettings:
    path = tmp_path / "framewatch.yaml"
    path.write_text(text)
    return load_settings(path)


def findings(tmp_path: Path, text: str) -> dict[str, Finding]:
    """Findings by key path."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    return {finding.where.rsplit(": ")[-1]: finding for finding in caught.value.findings}


def folder(**values: Any) -> str:
    """A daemon file with one folder that has these keys, as JSON, which is YAML."""
    return json.dumps({"folders": [{"name": "a", "input": "in"} | values]})


def test_a_folder_needs_only_name_and_input(tmp_path: Path) -> None:
    loaded = load(tmp_path, "folders: [{name: a, input: share/in}]")
    (only,) = loaded.settings.folders
    assert only.input == tmp_path / "share/in"
    assert only.output == tmp_path / "share/out"
    assert only.done == tmp_path / "share/in/done"
    assert only.failed == tmp_path / "share/in/failed"
    assert (only.preset, only.recursive, only.watch, only.overwrite) == (None, True, "auto", False)
    assert (only.settle_seconds, only.poll_seconds, only.output_name) == (5, 10, "{stem}.{ext}")
    assert loaded.settings.presets_dir == tmp_path / "presets"
    assert (loaded.settings.engine, loaded.settings.gpu.slots, loaded.settings.retries) == ("auto", "auto", 2)
    assert loaded.warnings == ()


def test_relative_paths_start_from_the_file_and_tilde_is_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    text = """
        state_dir: ../state
        work_dir: ~/work
        presets_dir: own
        ffmpeg: bin/ffmpeg
        log: {file: logs/a.jsonl}
        folders: [{name: a, input: ~/in, output: /o/../p, done: d, failed: f}]
    """
    settings = load(tmp_path, text).settings
    assert settings.state_dir == tmp_path.parent / "state"
    assert settings.work_dir == Path("/home/ann/work")
    assert settings.presets_dir == tmp_path / "own"
    assert settings.ffmpeg == tmp_path / "bin/ffmpeg"
    assert settings.log.file == tmp_path / "logs/a.jsonl"
    (only,) = settings.folders
    assert (only.input, only.output) == (Path("/home/ann/in"), Path("/p"))
    assert (only.done, only.failed) == (tmp_path / "d", tmp_path / "f")


def test_a_key_without_a_value_takes_its_default(tmp_path: Path) -> None:
    text = "state_dir:\npresets_dir: null\nlog:\nweb: {port: }\n"
    text += "folders: [{name: a, input: in, output: , ignore: }]"
    settings = load(tmp_path, text).settings
    plain = load(tmp_path, "folders: [{name: a, input: in}]").settings
    assert settings == plain


def test_all_errors_are_reported_at_once_with_line_and_key(tmp_path: Path) -> None:
    text = """
folders:
  - name: a
    inptu: in
    settle_seconds: 0
  - name: a
    input: in
    watch: evnets
engine: cude
gpu: {slots: 65}
retires: 3
log: {level: wrning}
"""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    found = {finding.where.removeprefix(f"{tmp_path}/"): finding for finding in caught.value.findings}
    assert {where: finding.code for where, finding in found.items()} == {
        "framewatch.yaml:3: folders[0].input": "config.missing_key",
        "framewatch.yaml:4: folders[0].inptu": "config.unknown_key",
        "framewatch.yaml:5: folders[0].settle_seconds": "config.bad_value",
        "framewatch.yaml:6: folders[1].name": "config.same_name",
        "framewatch.yaml:8: folders[1].watch": "config.bad_value",
        "framewatch.yaml:9: engine": "config.bad_value",
        "framewatch.yaml:10: gpu.slots": "config.bad_value",
        "framewatch.yaml:11: retires": "config.unknown_key",
        "framewatch.yaml:12: log.level": "config.bad_value",
    }
    hints = {where.rsplit(" ")[-1]: finding.hint for where, finding in found.items()}
    assert hints["folders[0].inptu"].startswith('did you mean "input"?')
    assert hints["folders[1].watch"] == 'did you mean "events"? one of: auto, events, poll'
    assert hints["retires"].startswith('did you mean "retries"?')
    assert hints["log.level"] == 'did you mean "warning"? one of: debug, info, warning, error'
    assert hints["engine"] == 'did you mean "cuda"? one of: auto, cuda, openvino, ncnn, identity'


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("name", value) for value in ("", "a/b", "..", "ä", "x" * 65, "two words", 5)],
        *[("input", value) for value in ("", " ", "a\0b", "~nobody-of-that-name/in", 7, ["in"])],
        *[("settle_seconds", value) for value in (0, 0.05, -1, 86_401, float("nan"), float("inf"), "soon")],
        *[("poll_seconds", value) for value in (0, 3601, float("inf"))],
        *[("preset", value) for value in ("", ["a"], 4, True)],
        *[("ignore", value) for value in ("*.part", 3)],
        *[("priority", value) for value in (1001, -1001, 1.5, "high")],
        *[("recursive", value) for value in ("maybe", 7)],
        *[("min_size", value) for value in (-1, True, " ", "50 XB", "1e400", "99999999999999999999 TB", "9" * 400)],
        *[("failed", value) for value in ("keep", "Keep")],
        ("watch", "inotify"),
        ("overwrite", "perhaps"),
    ],
)
def test_an_invalid_value_is_refused_with_its_location(tmp_path: Path, key: str, value: Any) -> None:
    found = findings(tmp_path, folder(**{key: value}))
    assert set(found) == {f"folders[0].{key}"}
    assert found[f"folders[0].{key}"].code == "config.bad_value"


@pytest.mark.parametrize("pattern", ["", "/"])
def test_an_empty_ignore_pattern_is_refused(tmp_path: Path, pattern: str) -> None:
    assert set(findings(tmp_path, folder(ignore=["*.a", pattern]))) == {"folders[0].ignore[1]"}


@pytest.mark.parametrize("value", ["auto", 1, 64])
def test_slots_are_auto_or_a_number(tmp_path: Path, value: str | int) -> None:
    assert load(tmp_path, f"{folder()[:-1]}, gpu: {{slots: {value}}}}}").settings.gpu.slots == value


@pytest.mark.parametrize("value", ["0", "65", "true", "many", "1.5", "[1]"])
def test_other_slots_are_refused(tmp_path: Path, value: str) -> None:
    assert set(findings(tmp_path, f"{folder()[:-1]}, gpu: {{slots: {value}}}}}")) == {"gpu.slots"}


@pytest.mark.parametrize("engine", ["auto", "openvino", "ncnn", "identity"])
def test_every_engine_of_this_version_can_be_chosen(tmp_path: Path, engine: str) -> None:
    assert load(tmp_path, f"{folder()[:-1]}, engine: {engine}}}").settings.engine == engine


@pytest.mark.parametrize("preset", ["upscale-2x", "./own.yaml", {"ml_upscale": "esrgan-2x", "crf": 20}])
def test_a_preset_is_kept_as_it_is_written(tmp_path: Path, preset: Any) -> None:
    assert load(tmp_path, folder(preset=preset)).settings.folders[0].preset == preset


@pytest.mark.parametrize("template", ["{stem}.{ext}", "{stem}_{preset}.{ext}", "up {stem}", "film.{ext}", "-{stem}"])
def test_an_output_name_is_made_of_text_and_fields(tmp_path: Path, template: str) -> None:
    assert load(tmp_path, folder(output_name=template)).settings.folders[0].output_name == template


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{stm}.{ext}", 'did you mean "stem"?'),
        ("{0}.{ext}", "the fields are {stem}, {preset}, {ext}"),
        ("{}.{ext}", "the fields are"),
        ("{stem.__class__}", "unknown field"),
        ("{stem[0]}", "unknown field"),
        ("{stem!r}.{ext}", "takes no format"),
        ("{stem:>9}.{ext}", "takes no format"),
        ("{stem", "not a name template"),
        ("{{stem}}.{ext}", "braces"),
        ("sub/{stem}.{ext}", "not a path"),
        ("../{stem}", "not a path"),
        ("a\t{stem}", "control characters"),
        (".{stem}", "hidden"),
        ("", "empty"),
        ("  ", "empty"),
    ],
)
def test_an_output_name_that_is_not_a_plain_name_is_refused(tmp_path: Path, template: str, said: str) -> None:
    (finding,) = findings(tmp_path, folder(output_name=template)).values()
    assert finding.code == "config.bad_output_name"
    assert said in str(finding)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "folders"),
        ("folders: []", "folders"),
        ("folders: {name: a, input: in}", "folders"),
        ("folders: [in]", "folders[0]"),
    ],
)
def test_a_file_without_a_list_of_folders_is_refused(tmp_path: Path, text: str, where: str) -> None:
    assert set(findings(tmp_path, text)) == {where}


def test_a_missing_file_is_reported_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path / "none.yaml")
    assert caught.value.finding.code == "config.not_found"
    assert str(tmp_path / "none.yaml") in caught.value.finding.where


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("segment_seconds: 30", []),
        ("segment_seconds: 60", []),
        ("web: {enabled: true, host: 127.0.0.1, port: 8420, token: null}", []),
        ("web: {enabled: false, port: 9000}", []),
        ("web: {port: 9000}", ["web"]),
        ("web: {token: secret}\nsegment_seconds: 10", ["web"]),
    ],
)
def test_a_setting_without_effect_is_accepted_with_a_warning(tmp_path: Path, text: str, warned: list[str]) -> None:
    loaded = load(tmp_path, f"folders: [{{name: a, input: in}}]\n{text}")
    assert [warning.where.rsplit(": ")[-1] for warning in loaded.warnings] == warned
    assert {warning.code for warning in loaded.warnings} <= {"config.not_yet"}


def test_the_sample_loads_and_has_the_defaults(tmp_path: Path) -> None:
    loaded = load_settings(SAMPLE)
    assert loaded.warnings == ()
    anime = next(folder for folder in loaded.settings.folders if folder.name == "anime")
    bare = FolderSettings(name="anime", input=Path("/nas/anime/in"), preset=anime.preset)
    assert anime == bare.with_absolute_paths(Path("/"))
    plain = tmp_path / "plain.yaml"
    plain.write_text("folders: [{name: anime, input: /nas/anime/in}]")
    default = load_settings(plain).settings
    same = {"folders": loaded.settings.folders, "presets_dir": loaded.settings.presets_dir}
    assert loaded.settings == default.evolve(**same)


def test_the_sample_shows_every_setting() -> None:
    keys = set(re.findall(r"^[ #-]*([a-z_]+):", SAMPLE.read_text(), re.MULTILINE))
    assert _keys(Settings) - keys == set()


def test_the_schema_describes_every_setting() -> None:
    schema = Settings.model_json_schema(by_alias=True)
    sections = [schema, *schema["$defs"].values()]
    described = {
        key for section in sections for key, value in section["properties"].items() if "description" in value
    }
    assert described == _keys(Settings)
    assert schema["required"] == ["folders"]
    assert json.loads(json.dumps(schema)) == schema


def _keys(model: type[BaseModel]) -> set[str]:
    keys = set(model.model_fields)
    for info in model.model_fields.values():
        for part in (info.annotation, *getattr(info.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                keys |= _keys(part)
    return keys


def test_the_setting_and_the_selection_know_the_same_engines() -> None:
    assert get_args(EngineName) == ENGINE_NAMES
    assert "cuda" in ENGINE_NAMES


@pytest.mark.parametrize("value", ["0664", "664", "77", '"0777"', '"0466"', '"rw-r--r--"', '"02664"'])
def test_a_mode_is_octal_digits_in_quotes_for_files_that_are_no_programs(value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"folders: [{{name: a, input: in, output_mode: {value}}}]")
    assert caught.value.finding.code == "config.bad_value"
    assert '"0664"' in caught.value.finding.hint


@pytest.mark.parametrize(("value", "mode"), [('"0664"', 0o664), ('"600"', 0o600), ("null", None)])
def test_a_mode_reaches_the_places_of_the_folder(value: str, mode: int | None, tmp_path: Path) -> None:
    settings = load(tmp_path, f"folders: [{{name: a, input: in, output_mode: {value}}}]").settings
    assert settings.places["a"].root("output").mode == mode
    assert settings.places["a"].root("input").mode is None


@pytest.mark.parametrize("value", ['"?"', '"a/b"', '"."', '"too long, really"'])
def test_a_replacement_is_allowed_in_names(value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"folders: [{{name: a, input: in, replace_characters: {value}}}]")
    assert caught.value.finding.code == "config.bad_value"


@pytest.mark.parametrize("value", ["system", "null"])
def test_an_ffmpeg_without_a_path_stays_as_it_is_named(value: str, tmp_path: Path) -> None:
    settings = load(tmp_path, f"ffmpeg: {value}\nfolders: [{{name: a, input: in}}]").settings
    assert settings.ffmpeg == (None if value == "null" else value)


@pytest.mark.parametrize("word", ["keep", "KEEP", " Keep "])
def test_done_keeps_sources(word: str, tmp_path: Path) -> None:
    kept = load(tmp_path, folder(done=word)).settings.folders[0]
    assert kept.keeps_sources
    assert (kept.done_folder, kept.failed) == (None, None)
    assert kept.targets == {"output": tmp_path / "out"}


def test_done_names_a_folder(tmp_path: Path) -> None:
    named = load(tmp_path, folder(done="./keep")).settings.folders[0]
    assert not named.keeps_sources
    assert named.done_folder == tmp_path / "keep"
    assert named.failed == tmp_path / "in/failed"


def test_outputs_that_replace_sources_are_in_the_input(tmp_path: Path) -> None:
    found = load(tmp_path, folder(replace=True)).settings
    assert found.folders[0].output == tmp_path / "in"
    assert found.folders[0].targets == {"done": tmp_path / "in/done", "failed": tmp_path / "in/failed"}
    assert "output" not in found.places["a"].roots
    assert found.places["a"].root("output").path == tmp_path / "in"


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"done": "keep", "replace": True}, "replace"),
        ({"done": "Keep", "replace": True}, "replace"),
        ({"done": "keep", "companions": "move"}, "companions"),
        ({"done": "keep", "keep_done_days": 3}, "keep_done_days"),
        ({"done": "keep", "max_failed_gb": 0}, "max_failed_gb"),
        ({"replace": True, "output": "../out"}, "output"),
        ({"replace": True, "output_name": "{stem}-2x.{ext}"}, "output_name"),
        ({"replace": True, "replace_characters": "_"}, "replace_characters"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(tmp_path: Path, values: dict[str, Any], key: str) -> None:
    (finding,) = findings(tmp_path, folder(**values)).values()
    assert finding.code == "config.conflict"
    assert finding.message.startswith(f"{key} cannot be used here")


def test_what_is_kept_and_how_much_are_limits_of_two_folders(tmp_path: Path) -> None:
    limits = load(tmp_path, folder(keep_done_days=2, max_failed_gb=1.5)).settings.folders[0].limits
    assert (limits["done"].seconds, limits["done"].size) == (172_800, None)
    assert (limits["failed"].seconds, limits["failed"].size) == (None, 1_500_000_000)
    assert not any(limit.is_set for limit in load(tmp_path, folder()).settings.folders[0].limits.values())


def test_a_library_whose_outputs_would_not_be_known_without_the_store_is_warned_of(tmp_path: Path) -> None:
    folder = "name: a, input: in, replace: true, progress_files"
    (warning,) = load(tmp_path, f"folders: [{{{folder}: while_running}}]").warnings
    assert warning.code == "config.unmarked_outputs"
    assert not load(tmp_path, f"folders: [{{{folder}: folder}}]").warnings
