"""Key paths in documents."""

from __future__ import annotations

import pytest

from framewatch.documents import parse_key_path
from framewatch.safe_yaml import KeyPath, dotted


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("crf",), "crf"),
        (("crop", "width"), "crop.width"),
        (("folders", 0, "preset"), "folders[0].preset"),
        (("extra_encoder_args", 3), "extra_encoder_args[3]"),
    ],
)
def test_a_key_path_is_formatted_and_parsed(path: KeyPath, text: str) -> None:
    assert dotted(path) == text
    assert parse_key_path(text) == path
