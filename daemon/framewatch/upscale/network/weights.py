"""Where the weights are, whether they are the right ones, and how they get there."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from framewatch import resources
from framewatch.errors import Finding, ModelMissingError
from framewatch.upscale.network import int8
from framewatch.upscale.network.network import Network, Quantised, parse

SCALES = MappingProxyType({"esrgan-2x": 2, "esrgan-3x": 3, "esrgan-4x": 4})
"""What each ml_upscale mode multiplies width and height by."""

Precision = Literal["exact", "fast"]
"""What `load` is asked for; `fast` allows 8 bits, which an engine may use or not."""

PRECISIONS: tuple[Precision, ...] = ("exact", "fast")

DEFAULT_MODEL = "realesr-animevideov3"
ENVIRONMENT = "FRAMEWATCH_MODELS"
MANIFEST = "manifest.yaml"


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of the manifest."""

    name: str
    file: str  # its file name in a models folder
    sha256: str
    size: int  # bytes
    licence: str
    origin: str
    scales: tuple[int, ...]
    features: int
    depth: int
    package: str = ""  # the import name of a pip package that holds it
    package_file: str = ""  # its path in that package
    int8_file: str = ""  # the file name of its calibration for 8 bits, beside the manifest or in a models folder
    int8_sha256: str = ""
    int8_size: int = 0  # bytes


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What was found of a model; without a finding it is there and right."""

    model: Model
    path: Path | None
    finding: Finding | None = None


def user_folder() -> Path:
    """Where models are installed unless told otherwise: $FRAMEWATCH_MODELS, else the user's data folder."""
    if folder := os.environ.get(ENVIRONMENT):
        return Path(folder)
    return _data_folder()


def list_models() -> tuple[Model, ...]:
    """The models of the shipped manifest and of the user's manifests; the first of a name holds.

    Raises:
        ModelMissingError: `models.bad_manifest`: one of them cannot be read.
    """
    found: dict[str, Model] = {}
    for folder in (resources.shipped("models"), *_user_folders()):
        path = folder / MANIFEST
        if path.is_file():
            for model in _manifest(path):
                found.setdefault(model.name, model)
    return tuple(found.values())


def verify_models() -> tuple[ModelStatus, ...]:
    """Find and check every model."""
    return tuple(_status(model) for model in list_models())


def load(mode: str, name: str = DEFAULT_MODEL, precision: Precision = "exact") -> Network:
    """The network for an ml_upscale mode, its files checked by size and sha256.

    With `fast`, and a model that has a calibration for 8 bits, these are allowed.

    Raises:
        ModelMissingError: as `require`, of both files.
    """
    model, path, raw = require(mode, name)
    network = parse(raw, path.name, model.features, model.depth)
    return replace(network, int8=_int8(model)) if precision == "fast" and model.int8_file else network


def _int8(model: Model) -> tuple[Quantised, ...]:
    calibration = _calibration(model)
    path = find(calibration)
    if path is None:
        message = f"{model.int8_file}, which precision fast needs, is missing"
        raise ModelMissingError(message, hint="install framewatch anew, or set precision to exact")
    return int8.parse(read(calibration, path), path.name, model.features, model.depth)


def _calibration(model: Model) -> Model:
    """The file for 8 bits as a model's file of its own, found and checked in the same way."""
    return replace(
        model, file=model.int8_file, sha256=model.int8_sha256, size=model.int8_size, package="", package_file=""
    )


def require(mode: str, name: str = DEFAULT_MODEL) -> tuple[Model, Path, bytes]:
    """The weights for an ml_upscale mode: their model, where they lie, and what they are.

    Raises:
        ModelMissingError: `models.missing`: not installed; `models.corrupt`: not the file that the manifest
            names; `models.unknown`: no such model, or not for this mode.
    """
    model = next((one for one in list_models() if one.name == name), None)
    if model is None or SCALES.get(mode) not in model.scales:
        known = ", ".join(one.name for one in list_models())
        message = f'there is no model "{name}" for "{mode}"'
        raise ModelMissingError(message, code="models.unknown", hint=f"models: {known}")
    path = find(model)
    if path is None:
        raise missing(mode, model)
    return model, path, read(model, path)


def digest(precision: Precision = "exact", name: str = DEFAULT_MODEL) -> str:
    """The sha256 that the manifest states for a model's weights, and for 8 bits; "" where there is no such model.

    Raises:
        ModelMissingError: as `list_models`.
    """
    found = next((model for model in list_models() if model.name == name), None)
    if found is None:
        return ""
    return f"{found.sha256} {found.int8_sha256}" if precision == "fast" else found.sha256


def missing(mode: str, model: Model) -> ModelMissingError:
    """The error for a mode whose weights are nowhere."""
    message = f"ML upscaling models are missing for '{mode}': {model.file}. Run `framewatch models install`."
    return ModelMissingError(message, hint=f"or put the file into {user_folder()}")


def find(model: Model) -> Path | None:
    """The first that is there of $FRAMEWATCH_MODELS, the user's data folder, what ships, the pip package."""
    return next((path for path in _places(model) if path.is_file()), None)


def read(model: Model, path: Path) -> bytes:
    """A model's file, compared with the manifest: what is used is what was checked.

    Raises:
        ModelMissingError: `models.corrupt`: another size or sha256; `models.unreadable`.
    """
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size == model.size else b""
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ModelMissingError(message, code="models.unreadable", hint="check its permissions") from error
    if size != model.size:
        raise _corrupt(path, model, f"it has {size} bytes, not {model.size}")
    found = hashlib.sha256(raw).hexdigest()
    if found != model.sha256:
        raise _corrupt(path, model, f"its sha256 is {found}, not {model.sha256}")
    return raw


def _corrupt(path: Path, model: Model, what: str) -> ModelMissingError:
    hint = "remove the file, then run `framewatch models install`"
    if model.file == model.int8_file:
        hint = "install framewatch anew, or set precision to exact"
    return ModelMissingError(f"{path} is not {model.name}: {what}", code="models.corrupt", hint=hint)


def package_file(model: Model) -> Path | None:
    """Where the pip package keeps the model's file; None where the package is not installed."""
    spec = importlib.util.find_spec(model.package) if model.package else None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) / model.package_file if folders else None


def _status(model: Model) -> ModelStatus:
    path = find(model)
    if path is None:
        return ModelStatus(model, None, missing(f"esrgan-{model.scales[0]}x", model).finding)
    try:
        read(model, path)
        if model.int8_file:
            _int8(model)
    except ModelMissingError as error:
        return ModelStatus(model, path, error.finding)
    return ModelStatus(model, path)


def _places(model: Model) -> Iterator[Path]:
    for folder in (*_user_folders(), resources.shipped("models")):
        yield folder / model.file
    if packaged := package_file(model):
        yield packaged


def _user_folders() -> list[Path]:
    named = os.environ.get(ENVIRONMENT)
    return [*([Path(named)] if named else []), _data_folder()]


def _data_folder() -> Path:
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "framewatch" / "models"


def _manifest(path: Path) -> list[Model]:
    import yaml  # noqa: PLC0415 - the room must be importable with numpy alone

    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        return [_model(entry) for entry in entries]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        message = f"{path} is not a manifest of models: {error}"
        raise ModelMissingError(message, code="models.bad_manifest", hint="see models/README.md") from error


def _model(entry: dict[str, Any]) -> Model:
    """An entry, each field of its kind.

    Raises:
        KeyError, TypeError, ValueError: a field is missing, unknown or of another kind.
    """
    if unknown := set(entry) - {field.name for field in fields(Model)}:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    numbers = {key: int(entry[key]) for key in ("size", "features", "depth", "int8_size") if key in entry}
    texts = {key: str(value) for key, value in entry.items() if key not in {*numbers, "scales"}}
    scales = tuple(int(scale) for scale in entry["scales"])
    plain = all(Path(texts.get(key, "")).name == texts.get(key, "") for key in ("file", "int8_file"))
    if not plain or not scales or not set(scales) <= set(SCALES.values()):
        raise ValueError(f"{texts['name']}: a plain file name, and scales from 2, 3 and 4, are expected")
    return Model(scales=scales, **cast("dict[str, Any]", numbers | texts))
