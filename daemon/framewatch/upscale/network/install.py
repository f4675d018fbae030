"""Puts model files into place: checked first, then in one step, so that a wrong file is never there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from framewatch.errors import ModelMissingError, StorageError
from framewatch.upscale.network import weights
from framewatch.upscale.network.weights import Model


def install_models(source: Path | None = None, into: Path | None = None) -> tuple[Path, ...]:
    """Copy every model of the manifest into a folder.

    Args:
        source: a model's file, or a folder with such files; None: the pip package.
        into: the folder, made where it is missing; None: `models.user_folder()`.

    Returns:
        Where the models now lie. With a file as source: the one model that it is.

    Raises:
        ModelMissingError: `models.missing`: the source does not have a model; `models.corrupt`: it has
            another file in its place.
        StorageError: the folder cannot be written.
    """
    folder = into or weights.user_folder()
    wanted = [(model, _origin(model, source)) for model in weights.list_models()]
    if source is not None and source.is_file():
        wanted = [_the_one(wanted, source)]
    checked = [(model, weights.read(model, origin)) for model, origin in wanted]
    try:
        return tuple(_put(model, raw, folder) for model, raw in checked)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror}", where=str(folder)) from error


def _origin(model: Model, source: Path | None) -> Path:
    """The file to copy a model from."""
    packaged = weights.package_file(model)
    if source is None:
        candidates = [packaged] if packaged else []
    elif source.is_dir():
        candidates = [source / model.file, source / Path(model.package_file).name]
    else:
        candidates = [source]
    for path in candidates:
        if path.is_file():
            return path
    place = source or f"the pip package {model.package or '(none is known)'}"
    hint = "name the file, or a folder that has it: `framewatch models install --from PATH`"
    raise ModelMissingError(f"{model.file} is not in {place}", hint=hint)


def _the_one(wanted: list[tuple[Model, Path]], source: Path) -> tuple[Model, Path]:
    """The model that a single file is, by its size; the first where it is none: its check then says so."""
    return next((pair for pair in wanted if pair[0].size == source.stat().st_size), wanted[0])


def _put(model: Model, raw: bytes, folder: Path) -> Path:
    """Write a temp file beside the final name, sync it, rename it."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / model.file
    descriptor, name = tempfile.mkstemp(prefix=f".{model.file}.", dir=folder)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync(folder)
    return target


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
