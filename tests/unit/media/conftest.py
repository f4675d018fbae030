"""Media that several tests look at, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from media_factory import make_video, remux


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is made once and never changed."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def clip(media: Path) -> Path:
    """One second, 25 frames, H.264 with B-frames and AAC in MP4."""
    return make_video(media / "clip.mp4", audio=True, codec=("-c:v", "libx264", "-bf", "2"))


@pytest.fixture(scope="session")
def matroska_clip(clip: Path, media: Path) -> Path:
    """The same in Matroska."""
    return remux(clip, media / "clip.mkv")
