"""Sound whose rate or channels change in the middle."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from full_run import process
from joined import X264, joined, part, resent

TONES = (500, 1000, 2000)
SOUNDS = ((48000, "stereo"), (48000, "5.1"), (44100, "mono"))
WAYS: list[dict[str, Any]] = [
    {"ml_upscale": "none", "container": "mkv", "audio_codec": "aac"},
    {"ml_upscale": "none", "container": "mp4", "audio_codec": "aac", "audio_normalize": True},
    {"ml_upscale": "none", "container": "mkv", "audio_codec": "flac", "start_time": 0.2},
    {"ml_upscale": "esrgan-2x", "container": "mp4", "audio_codec": "aac"},
    {"container": "flac", "audio_codec": "flac", "ml_upscale": "none"},
]


def recording(folder: Path) -> Path:
    """Three seconds; each tone lasts one of them."""
    kinds = zip(TONES, SOUNDS, strict=True)
    parts = [
        part(folder / f"{number}", number, frames=25, sound=sound, tone=tone)
        for number, (tone, sound) in enumerate(kinds)
    ]
    return joined(folder / "film.ts", *parts)


def heard(path: Path) -> tuple[NDArray[np.float32], int, list[tuple[float, float]]]:
    """One channel, its rate, and where each frame begins and ends."""
    pieces, spans = [], []
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        for frame in container.decode(stream):
            assert (frame.sample_rate, frame.layout.name) == (48000, "stereo")
            samples = frame.to_ndarray()
            pieces.append((samples[0] if frame.format.is_planar else samples[0][::2]).astype(np.float32))
            begin = float(frame.pts * frame.time_base)
            spans.append((begin, begin + frame.samples / frame.sample_rate))
    return np.concatenate(pieces), 48000, spans


def pitch(samples: NDArray[np.float32], rate: int) -> float:
    strength = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(strength) * rate / len(samples))


@pytest.mark.parametrize("keys", WAYS, ids=lambda keys: "-".join(map(str, keys.values())))
def test_sound_is_made_alike_and_its_clock_goes_on(keys: dict[str, Any], tmp_path: Path) -> None:
    made = process(recording(tmp_path), tmp_path / "work", **keys)
    cut = keys.get("start_time", 0.0)
    samples, rate, spans = heard(made.result)
    steps = [begin - end for (_, end), (begin, _) in pairwise(spans)]
    assert max(map(abs, steps)) <= 0.0021  # Matroska rounds to milliseconds
    assert abs(len(samples) / rate - (spans[-1][1] - spans[0][0])) <= 0.002
    assert abs(spans[-1][1] - (3.0 - cut)) < 0.08
    for number, tone in enumerate(TONES):
        begin = round((number + 0.3 - cut - spans[0][0]) * rate)
        assert abs(pitch(samples[begin : begin + rate // 2], rate) - tone) <= 4
    said = next(each for each in made.warnings if each.code == "media.sound_changes")
    assert "from stereo at 48000 Hz to 5.1(side) at 48000 Hz at 0:00:0" in said.message


@pytest.mark.parametrize("network", ["none", "esrgan-2x"])
def test_a_cut_behind_the_change_keeps_the_sound_that_it_begins_with(network: str, tmp_path: Path) -> None:
    keys = {"ml_upscale": network, "container": "mkv", "audio_codec": "flac"}
    made = process(recording(tmp_path), tmp_path / "work", start_time=1.2, **keys)
    with av.open(str(made.result)) as container:
        frames = list(container.decode(audio=0))
    assert {(frame.sample_rate, frame.layout.nb_channels) for frame in frames} == {(48000, 6)}
    assert abs(sum(frame.samples for frame in frames) / 48000 - 1.8) < 0.08


def test_sound_whose_parameters_are_sent_again_survives_a_copy(tmp_path: Path) -> None:
    film = resent(tmp_path / "film.flv", *X264, sounds=((44100, 2), (44100, 2)))
    for container, codec in (("mkv", "flac"), ("mp4", "aac")):
        made = process(film, tmp_path / container, ml_upscale="none", audio_codec="copy", container=container)
        with av.open(str(made.result)) as opened:
            assert [stream.codec.name for stream in opened.streams.audio] == [codec]


def test_sound_that_changes_beside_its_packets_is_not_copied(tmp_path: Path) -> None:
    film = resent(tmp_path / "film.flv", *X264, sounds=((44100, 2), (22050, 1)))
    made = process(film, tmp_path / "work", ml_upscale="none", audio_codec="copy", container="mkv")
    with av.open(str(made.result)) as container:
        frames = list(container.decode(audio=0))
    assert {(frame.sample_rate, frame.layout.name) for frame in frames} == {(44100, "stereo")}
    assert abs(sum(frame.samples for frame in frames) / 44100 - 0.8) < 0.06
    assert "copy.audio_codec" in [each.code for each in made.warnings]


def test_copied_sound_stays_and_a_warning_says_so(tmp_path: Path) -> None:
    made = process(recording(tmp_path), tmp_path / "work", ml_upscale="none", audio_codec="copy", container="mkv")
    with av.open(str(made.result)) as container:
        found = {(frame.sample_rate, frame.layout.name) for frame in container.decode(audio=0)}
    assert found == {(48000, "stereo"), (48000, "5.1(side)"), (44100, "mono")}
    assert "media.sound_changes" in [each.code for each in made.warnings]
