"""Finds the files that ship with framewatch: inside the package in a wheel, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_SHARE = _PACKAGE / "_share"
_CHECKOUT = _PACKAGE.parent.parent


def shipped(name: str) -> Path:
    """Return the path of a shipped file or folder, such as "config/presets" or "models/manifest.yaml"."""
    return (_SHARE if _SHARE.is_dir() else _CHECKOUT) / name


def demo_clip() -> Path:
    """Return the clip that `framewatch demo` upscales. Its attribution lies beside it."""
    folder = _SHARE / "demo" if _SHARE.is_dir() else _CHECKOUT / "tests" / "data"
    return folder / "bbb-320x180.mp4"
