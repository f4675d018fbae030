"""Finds the files that ship with framewatch: in a wheel inside the package, in a checkout beside it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_SHARE = _PACKAGE / "_share"
_CHECKOUT = _PACKAGE.parent.parent


def shipped(name: str) -> Path:
    """The shipped file or folder `name`, such as "config/presets" or "models/manifest.yaml"."""
    return (_SHARE if _SHARE.is_dir() else _CHECKOUT) / name


def demo_clip() -> Path:
    """The real clip that `framewatch demo` upscales, with its attribution beside it."""
    folder = _SHARE / "demo" if _SHARE.is_dir() else _CHECKOUT / "tests" / "data"
    return folder / "bbb-320x180.mp4"
