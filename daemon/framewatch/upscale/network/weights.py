"""The models that framewatch knows: where their files are, and whether they are the right ones."""

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
from framewatch.user_folders import APPLICATION, home, user_folder

SCALES = MappingProxyType({"esrgan-2x": 2, "esrgan-3x": 3, "esrgan-4x": 4})
"""What each ml_upscale mode multiplies width and height by."""

Precision = Literal["exact", "fast"]
"""What `load` is asked for; `fast` allows 8 bits, which an engine may use or not."""

DEFAULT_MODEL = "realesr-animevideov3"
ENVIRONMENT = "FRAMEWATCH_MODELS"
MANIFEST = "manifest.yaml"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model, as the manifest describes it."""

    model: str  # the name of the model
    name: str  # in a models folder
    sha256: str | None  # None: the manifest does not say, so that no file is the right one
    size: int | None  # bytes; None likewise
    hint: str  # what to do when the file is wrong


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of a manifest; its fields are the keys there."""

    name: str
    file: str  # the file name of the weights in a models folder
    sha256: str
    size: int  # bytes
    licence: str
    origin: str
    scales: tuple[int, ...]
    features: int
    depth: int
    package: str | None = None  # the import name of a pip package that contains the weights
    package_file: str | None = None  # their path in that package
    int8_file: str | None = None  # the file name of the calibration for 8 bits; None: there is none
    int8_sha256: str | None = None
    int8_size: int | None = None  # bytes

    @property
    def weights(self) -> ModelFile:
        """The file with the weights."""
        hint = "remove the file, then run `framewatch models install`"
        return ModelFile(self.name, self.file, self.sha256, self.size, hint)

    @property
    def calibration(self) -> ModelFile | None:
        """The file with the calibration for 8 bits; None: the model has none."""
        if self.int8_file is None:
            return None
        hint = "reinstall framewatch, or set precision to exact"
        return ModelFile(self.name, self.int8_file, self.int8_sha256, self.int8_size, hint)


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What was found of a model; without a finding it is installed and correct."""

    model: Model
    path: Path | None  # of the weights; None: they are missing
    finding: Finding | None = None


def own_folder() -> Path | None:
    """Return the folder where models are installed by default: $FRAMEWATCH_MODELS, else in the user's data folder.

    None: the user has no home folder.
    """
    return next(iter(_user_folders()), None)


def list_models() -> tuple[Model, ...]:
    """Return the models of the shipped manifest and of the user's manifests; of one name, the first counts.

    Raises:
        ModelMissingError: `models.bad_manifest`: one of them cannot be read.
    """
    found: dict[str, Model] = {}
    for folder in (resources.shipped("models"), *_user_folders()):
        path = folder / MANIFEST
        if _is_file(path):
            for model in _manifest(path):
                found.setdefault(model.name, model)
    return tuple(found.values())


def verify_models() -> tuple[ModelStatus, ...]:
    """Find and check every model."""
    return tuple(_status(model) for model in list_models())


def load(mode: str, name: str = DEFAULT_MODEL, precision: Precision = "exact") -> Network:
    """Return the network for an ml_upscale mode, its files checked by size and sha256.

    With `fast`, and a model that is calibrated for 8 bits, these are allowed.

    Raises:
        ModelMissingError: as `require`, for both files.
    """
    model, path, raw = require(mode, name)
    network = parse(raw, path.name, model.features, model.depth)
    return replace(network, int8=_quantised(model)) if precision == "fast" else network


def require(mode: str, name: str = DEFAULT_MODEL) -> tuple[Model, Path, bytes]:
    """Return the model for an ml_upscale mode, the path of its weights, and their bytes.

    Raises:
        ModelMissingError: `models.missing`: not installed; `models.corrupt`: not the file that the manifest
            describes; `models.unknown`: no such model, or not for this mode.
    """
    model = _named(name)
    if model is None or SCALES.get(mode) not in model.scales:
        known = ", ".join(model.name for model in list_models())
        message = f'there is no model "{name}" for "{mode}"'
        raise ModelMissingError(message, code="models.unknown", hint=f"models: {known}")
    path = _find_weights(model)
    if path is None:
        raise _missing(mode, model)
    return model, path, read(model.weights, path)


def digest(precision: Precision = "exact") -> str | None:
    """Return the sha256 that the manifest states for the default model's weights and, if `fast`, its calibration.

    It is part of a job's fingerprint. None where no manifest has the model.

    Raises:
        ModelMissingError: as `list_models`.
    """
    model = _named(DEFAULT_MODEL)
    if model is None:
        return None
    return f"{model.sha256} {model.int8_sha256 or ''}" if precision == "fast" else model.sha256


def read(file: ModelFile, path: Path) -> bytes:
    """Read a model's file and compare it with the manifest, so that what is used is what was checked.

    Raises:
        ModelMissingError: `models.corrupt`: another size or sha256; `models.unreadable`.
    """
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size == file.size else b""
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise ModelMissingError(message, code="models.unreadable", hint="check its permissions") from error
    if size != file.size:
        raise _corrupt(path, file, f"it has {size} bytes, not {file.size}")
    sha256 = hashlib.sha256(raw).hexdigest()
    if sha256 != file.sha256:
        raise _corrupt(path, file, f"its sha256 is {sha256}, not {file.sha256}")
    return raw


def package_file(model: Model) -> Path | None:
    """Return where a pip package keeps the model's weights; None where it is not installed."""
    if model.package is None or model.package_file is None:
        return None
    spec = importlib.util.find_spec(model.package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) / model.package_file if folders else None


def _named(name: str) -> Model | None:
    return next((model for model in list_models() if model.name == name), None)


def _quantised(model: Model) -> tuple[Quantised, ...]:
    """Return the model's ranges for 8 bits; none where it is not calibrated."""
    calibration = model.calibration
    if calibration is None:
        return ()
    path = next((path for path in _paths(calibration.name) if _is_file(path)), None)
    if path is None:
        message = f"{calibration.name}, which precision fast needs, is missing"
        raise ModelMissingError(message, hint=calibration.hint)
    return int8.parse(read(calibration, path), path.name, model.features, model.depth)


def _status(model: Model) -> ModelStatus:
    path = _find_weights(model)
    if path is None:
        return ModelStatus(model, None, _missing(f"esrgan-{model.scales[0]}x", model).finding)
    try:
        read(model.weights, path)
        _quantised(model)
    except ModelMissingError as error:
        return ModelStatus(model, path, error.finding)
    return ModelStatus(model, path)


def _missing(mode: str, model: Model) -> ModelMissingError:
    message = f"ML upscaling models are missing for '{mode}': {model.file}. Run `framewatch models install`."
    folder = own_folder() or f"a folder that {ENVIRONMENT} names"
    return ModelMissingError(message, hint=f"or put the file into {folder}")


def _corrupt(path: Path, file: ModelFile, what: str) -> ModelMissingError:
    return ModelMissingError(f"{path} is not {file.model}: {what}", code="models.corrupt", hint=file.hint)


def _find_weights(model: Model) -> Path | None:
    """Return the first that exists of: $FRAMEWATCH_MODELS, the user's data folder, what ships, the pip package."""
    packaged = package_file(model)
    candidates = [*_paths(model.file), *([packaged] if packaged else [])]
    return next((path for path in candidates if _is_file(path)), None)


def _paths(name: str) -> Iterator[Path]:
    for folder in (*_user_folders(), resources.shipped("models")):
        yield folder / name


def _user_folders() -> list[Path]:
    named, own, user = os.environ.get(ENVIRONMENT), user_folder("data"), home()
    data = filter(None, (own, user and user / ".local" / "share" / APPLICATION))
    return list(dict.fromkeys((*([Path(named)] if named else []), *(folder / "models" for folder in data))))


def _is_file(path: Path) -> bool:
    """Return whether this is a file. A folder that cannot be searched, as another user's home, counts as absent."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises


def _manifest(path: Path) -> list[Model]:
    import yaml  # noqa: PLC0415 - this package must be importable with numpy alone

    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        return [_model(entry) for entry in entries]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        message = f"{path} is not a manifest of models: {error}"
        raise ModelMissingError(message, code="models.bad_manifest", hint="see models/README.md") from error


def _model(entry: dict[str, Any]) -> Model:
    """Return an entry of a manifest with each field of its type.

    Raises:
        KeyError, TypeError, ValueError: a field is missing, unknown or of another type.
    """
    if unknown := set(entry) - {field.name for field in fields(Model)}:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    numbers = {key: int(entry[key]) for key in ("size", "features", "depth", "int8_size") if key in entry}
    texts = {key: str(value) for key, value in entry.items() if key not in {*numbers, "scales"}}
    scales = tuple(int(scale) for scale in entry["scales"])
    plain = all(Path(texts[key]).name == texts[key] for key in ("file", "int8_file") if key in texts)
    if not plain or not scales or not set(scales) <= set(SCALES.values()):
        raise ValueError(f"{texts['name']}: a plain file name, and scales from 2, 3 and 4, are expected")
    return Model(scales=scales, **cast("dict[str, Any]", numbers | texts))
