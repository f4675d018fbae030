"""Installs model files: checked first, then renamed into place, so that a wrong file is never there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from framewatch.errors import ModelMissingError, StorageError
from framewatch.upscale.network import weights
from framewatch.upscale.network.weights import Model


def install_models(source: Path | None = None, into: Path | None = None) -> tuple[Path, ...]:
    """Copy the weights of every model in the manifests into a folder.

    Args:
        source: a model's file, or a folder with such files; None: the pip package.
        into: the folder, created where it is missing; None: `weights.own_folder()`.

    Returns:
        The paths of the copies. With a file as source: of the one model that it belongs to.

    Raises:
        ModelMissingError: `models.missing`: the source does not have a model; `models.corrupt`: it has another file
        in
            its place.
        StorageError: the folder cannot be written.
    """
    folder = into or weights.own_folder()
    if folder is None:
        message = "the user has no home folder to install models in"
        hint = f"name a folder with --into, or in {weights.ENVIRONMENT}"
        raise ModelMissingError(message, code="models.no_folder", hint=hint)
    wanted = [(model, _origin(model, source)) for model in weights.list_models()]
    if source is not None and source.is_file():
        wanted = [_match(wanted, source)]
    checked = [(model, weights.read(model.weights, origin)) for model, origin in wanted]
    try:
        return tuple(_install(model, raw, folder) for model, raw in checked)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror}", where=str(folder)) from error


def _origin(model: Model, source: Path | None) -> Path:
    """Return the file to copy a model from."""
    if source is None:
        packaged = weights.package_file(model)
        candidates = [packaged] if packaged else []
    elif source.is_dir():
        names = [model.file, *([Path(model.package_file).name] if model.package_file else [])]
        candidates = [source / name for name in names]
    else:
        candidates = [source]
    for path in candidates:
        if path.is_file():
            return path
    place = source or f"the pip package {model.package or '(none is known)'}"
    hint = "name the file, or a folder that has it: `framewatch models install --from PATH`"
    raise ModelMissingError(f"{model.file} is not in {place}", hint=hint)


def _match(wanted: list[tuple[Model, Path]], source: Path) -> tuple[Model, Path]:
    """Return the model that a single file has the size of; else the first, whose check then fails with the reason."""
    return next((pair for pair in wanted if pair[0].size == source.stat().st_size), wanted[0])


def _install(model: Model, raw: bytes, folder: Path) -> Path:
    """Write a temporary file beside the final name, sync it, rename it."""
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
