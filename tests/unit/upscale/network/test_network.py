"""A weight file is parsed exactly, and strictly."""

from __future__ import annotations

import pytest

from framewatch.errors import ModelMissingError
from framewatch.upscale.network.network import Network, parse


def test_a_parsed_weight_file_has_exactly_the_written_values(small_network: Network) -> None:
    again = parse(small_network.raw, "mine.bin", features=8, depth=2)
    for one, other in zip(again.layers, small_network.layers, strict=True):
        assert (one.weights == other.weights).all()
        assert (one.biases == other.biases).all()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda raw: raw[:-1], "in the middle of a layer"),
        (lambda raw: raw[: len(raw) // 2], "in the middle of a layer"),
        (lambda raw: b"", "in the middle of a layer"),
        (lambda raw: raw + b"\0\0\0\0", "4 bytes are left over"),
        (lambda raw: b"\0" * 4 + raw[4:], "no float16 weights at byte 0"),
        (lambda raw: raw[:4] + b"\0\x7c" + raw[6:], "not a finite number"),
    ],
)
def test_a_damaged_weight_file_is_refused(small_network: Network, change: object, what: str) -> None:
    with pytest.raises(ModelMissingError, match=what) as caught:
        parse(change(small_network.raw), "mine.bin", features=8, depth=2)  # type: ignore[operator]
    assert caught.value.finding.code == "models.corrupt"
