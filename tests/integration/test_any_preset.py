"""ffmpeg accepts every preset that passes the rules. The presets are generated from the fields of the model."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from framewatch.errors import RuleError
from framewatch.media.commands import ffmpeg_commands
from framewatch.media.ffmpeg.discovery import encoders
from framewatch.media.ffmpeg.process import Encoder, run_ffmpeg
from framewatch.media.preset.preset import Preset
from framewatch.media.rules.image_rules import is_image_preset
from framewatch.media.rules.preset_rules import check_preset, check_tools
from framewatch.storage.files import named_by_user
from media_factory import make_video
from media_samples import FFMPEG, plan_of

# Keys whose text has a meaning beyond its type. Other keys with text keep their default.
WORDS: dict[str, st.SearchStrategy[Any]] = {
    "extra_encoder_args": st.sampled_from([(), ("-g", "10"), ("-bf", "0", "-threads", "1")]),
    "selected_audio_tracks": st.sampled_from([(), (1,), "none"]),
    "selected_subtitle_tracks": st.sampled_from([(), "none"]),
}
APART = {"extends", "else_", "only_if"}  # they choose a preset, and are tested elsewhere


def bounds(metadata: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"min_value": -10, "max_value": 5000}
    for each in metadata:
        if isinstance(each, Ge | Gt):
            found["min_value"] = each.ge if isinstance(each, Ge) else each.gt
            found["exclude_min"] = isinstance(each, Gt)
        elif isinstance(each, Le | Lt):
            found["max_value"] = each.le if isinstance(each, Le) else each.lt
        elif isinstance(each, FieldInfo):
            found |= bounds(each.metadata)
    return found


def numbers(kind: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    limits = bounds(metadata)
    open_ended = limits.pop("exclude_min", False)
    if kind is int:
        return st.integers(int(limits["min_value"]) + open_ended, int(limits["max_value"]))
    return st.floats(limits["min_value"] + 0.01 * open_ended, limits["max_value"]).map(lambda value: round(value, 2))


def values(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any] | None:
    """Values of a type; None where the type does not tell which values are meaningful."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values(args[0], [*args[1:], *metadata])
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, types.UnionType):
        parts = [values(part, metadata) for part in args if part is not type(None)]
        known = [part for part in parts if part is not None]
        return st.one_of(*([st.none()] if type(None) in args else []), *known) if known else None
    if annotation is bool:
        return st.booleans()
    if annotation in (int, float):
        return numbers(annotation, metadata)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return keys(annotation)
    return None


def keys(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Some keys of a model, and all that it requires."""
    wanted, free = {}, {}
    for name, info in model.model_fields.items():
        if name in APART:
            continue
        made = WORDS[name] if name in WORDS else values(info.annotation, info.metadata)
        if made is not None:
            (wanted if info.is_required() else free)[name] = made
    return st.fixed_dictionaries(wanted, optional=free)


# Few keys at once, since hardly any preset with random values for all keys passes the rules.
_SOME = st.lists(st.sampled_from(sorted(set(Preset.model_fields) - APART)), max_size=6, unique=True)


@st.composite
def presets(draw: st.DrawFn) -> Preset | None:
    """A preset that passes the rules, or None."""
    everything, chosen = draw(keys(Preset)), draw(_SOME)
    base = draw(st.sampled_from([{}, {"container": "mkv"}, {"container": "webm", **WEBM}, {"container": "mov"}]))
    try:
        preset = Preset.model_validate(base | {name: everything[name] for name in chosen if name in everything})
    except ValueError:
        return None
    wrong = check_preset(preset) or check_tools(preset, encoders(FFMPEG)) or is_image_preset(preset)
    return None if wrong else preset


WEBM = {"video_codec": "vp9", "audio_codec": "libopus"}


@pytest.fixture(scope="module")
def moment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames with sound."""
    return make_video(tmp_path_factory.mktemp("any") / "a.mkv", seconds=0.12, audio=True)


def test_many_of_the_generated_presets_are_valid() -> None:
    made: list[Preset | None] = []

    @given(presets())
    @settings(max_examples=150, deadline=None, derandomize=True, database=None)
    def collect(preset: Preset | None) -> None:
        made.append(preset)

    collect()
    taken = [preset for preset in made if preset is not None]
    assert len(taken) > len(made) / 8
    assert len({preset.container for preset in taken}) >= 3


@given(preset=presets().filter(lambda preset: preset is not None))
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_ffmpeg_accepts_every_command_of_a_valid_preset(
    preset: Preset, moment: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    try:
        plan = plan_of(moment, **{name: getattr(preset, name) for name in Preset.model_fields})
    except RuleError:
        return  # valid, but not for this file
    folder = tmp_path_factory.mktemp("made")
    out = folder / f"result.{plan.extension}"
    if plan.mode != "upscale":
        run_ffmpeg(ffmpeg_commands.transcode_command(plan, FFMPEG, moment, out), [named_by_user(moment)])
    else:
        segment = folder / f"piece.{ffmpeg_commands.segment_extension(plan)}"
        with Encoder(ffmpeg_commands.segment_command(plan, FFMPEG, segment)) as encoder:
            size = plan.frame_width * plan.frame_height * (3 if plan.working_format == "rgb24" else 6)
            encoder.write(bytes(size))
            encoder.finish()
        run_ffmpeg(ffmpeg_commands.mux_command(plan, FFMPEG, [segment], moment, out), [named_by_user(moment)])
    assert out.stat().st_size > 0
