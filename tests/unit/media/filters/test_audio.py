"""Audio filters, measured: loudness, volume, channels, variable rate, and what each filter does to a tone."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framewatch.errors import WorkerError
from framewatch.media.commands import ffmpeg_commands
from framewatch.media.containers import rules
from framewatch.media.filters.audio import AudioTarget, audio_args, audio_obstacle, audio_target
from framewatch.media.filters.loudness import Loudness, parse_loudness
from framewatch.media.plan.plan import make_plan
from framewatch.media.preset.preset import Preset
from framewatch.media.probe.probe import probe
from media_samples import FFMPEG, audio, ffmpeg, look, media, plan_of, problems, render, video

# Like speech: pink noise that swells, so that it has a loudness range.
SWELLING = "anoisesrc=c=pink:d=4:r=44100:seed=1,volume='0.3+0.25*sin(3*t)':eval=frame"
WAV = {"container": "wav", "audio_codec": "pcm_s16le"}


def sound(path: Path, *, source: str = SWELLING, gain: float = 1, channels: str = "stereo") -> Path:
    ffmpeg("-f", "lavfi", "-i", f"{source},volume={gain},aformat=channel_layouts={channels}", "-c:a", "flac", path)
    return path


def film(path: Path, **preset_keys: Any) -> Path:
    """A black video with that sound."""
    tone = sound(path.with_name("tone.flac"), **preset_keys)
    seconds = probe(tone).duration
    ffmpeg("-f", "lavfi", "-i", f"color=black:s=32x32:r=5:d={seconds}", "-i", tone, "-pix_fmt", "yuv420p", "-c:v",
           "libx264", "-c:a", "copy", path)  # fmt: skip
    return path


def samples(path: Path) -> Any:
    """Samples as floats, (channels, samples)."""
    with av.open(str(path)) as container:
        to_float = av.AudioResampler(format="fltp")
        frames = [even for frame in container.decode(audio=0) for even in to_float.resample(frame)]
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


def decibels(path: Path) -> float:
    return float(10 * np.log10((samples(path) ** 2).mean()))


def loudness(path: Path) -> tuple[float, float]:
    """LUFS and true peak, measured by ffmpeg's `ebur128`."""
    meter = ["-map", "0:a:0", "-filter:a:0", "ebur128=peak=true", "-f", "null", "-"]
    done = subprocess.run([FFMPEG, "-nostdin", "-hide_banner", "-i", path, *meter], capture_output=True, check=True)
    summary = done.stderr.decode().rpartition("Summary:")[2]
    return tuple(float(re.search(rf"{name}:\s+(\S+) ", summary)[1]) for name in ("I", "Peak"))


# --- loudness -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [0.05, 0.4, 2.5])
@pytest.mark.parametrize(
    "way",
    [
        WAV,
        {"container": "mp3", "audio_codec": "mp3"},
        {"container": "mp4"},
        {"container": "mkv", "audio_codec": "flac", "ml_upscale": "esrgan-2x", "audio_channels": "mono"},
    ],
    ids=["wav", "mp3", "mp4", "mkv upscaled, mono"],
)
def test_normalized_audio_has_the_target_loudness(way: dict[str, str], gain: float, tmp_path: Path) -> None:
    source = film(tmp_path / "s.mkv", gain=gain)
    made = plan_of(source, audio_normalize=True, preset="ultrafast", **way)
    out = render(made, source, tmp_path)
    assert problems(made, source, out) == []
    level, peak = loudness(out)
    assert level == pytest.approx(-16, abs=1)
    assert peak <= -1
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.sample_rate == 44100


@pytest.mark.parametrize("source", ["sine=f=440:d=1.5:r=48000", "sine=f=997:d=5:r=48000"])
def test_a_steady_tone_gets_an_even_gain(source: str, tmp_path: Path) -> None:
    made = plan_of(sound(tmp_path / "s.flac", source=source), audio_normalize=True, **WAV)
    out = render(made, tmp_path / "s.flac", tmp_path)
    assert loudness(out)[0] == pytest.approx(-16, abs=1)
    parts = [float((part**2).mean()) for part in np.array_split(samples(out)[0], 4)]
    assert max(parts) / min(parts) < 1.02


def test_volume_is_applied_after_the_loudness(tmp_path: Path) -> None:
    source = sound(tmp_path / "s.flac")
    made = plan_of(source, audio_normalize=True, audio_volume=50, **WAV)
    assert loudness(render(made, source, tmp_path))[0] == pytest.approx(-22, abs=1)


def test_silence_is_not_normalized(tmp_path: Path) -> None:
    source = sound(tmp_path / "s.flac", source="anullsrc=d=1")
    made = plan_of(source, audio_normalize=True, **WAV)
    assert np.abs(samples(render(made, source, tmp_path))).max() == 0


def test_each_track_is_measured_separately(tmp_path: Path) -> None:
    source = tmp_path / "s.mkv"
    ffmpeg("-f", "lavfi", "-i", f"{SWELLING},volume=0.1", "-f", "lavfi", "-i", SWELLING, "-map", 0, "-map", 1, source)
    made = plan_of(source, audio_normalize=True, container="m4a", audio_codec="alac")
    assert list(ffmpeg_commands.measure_commands(made, FFMPEG, source, Path("out.mkv"))) == [0, 1]
    out = render(made, source, tmp_path)
    for number in (0, 1):
        ffmpeg("-i", out, "-map", f"0:a:{number}", tmp_path / f"{number}.wav")
        assert loudness(tmp_path / f"{number}.wav")[0] == pytest.approx(-16, abs=1)


def test_the_measurement_is_parsed_from_the_log() -> None:
    text = """{
        "input_i" : "-23.10", "input_tp" : "-8.40", "input_lra" : "0.00", "input_thresh" : "-33.50",
        "output_i" : "-16.0", "normalization_type" : "dynamic", "target_offset" : "0.20"
    }"""
    found = Loudness(integrated=-23.1, true_peak=-8.4, range=0.01, threshold=-33.5, offset=0.2)
    assert parse_loudness(["Stream mapping:", *text.splitlines()]) == found
    assert parse_loudness(text.replace("-23.10", "-inf").splitlines()) is None
    with pytest.raises(WorkerError, match="loudness"):
        parse_loudness(["nothing"])


def test_a_track_that_is_not_normalized_is_not_measured() -> None:
    info = media(video(), audio())
    made = make_plan(Preset(), "test", info, None)
    assert ffmpeg_commands.measure_commands(made, FFMPEG, Path("s.mkv"), Path("out.mkv")) == {}


# --- volume, channels, rate ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("per_cent", "change"), [(110, 0.83), (50, -6.02), (100, 0.0)])
@pytest.mark.parametrize("way", [WAV, {"container": "mkv", "audio_codec": "flac", "ml_upscale": "esrgan-2x"}])
def test_volume_is_in_percent(way: dict[str, str], per_cent: int, change: float, tmp_path: Path) -> None:
    source = film(tmp_path / "s.mkv", source="sine=f=440:d=1:r=48000")
    made = plan_of(source, audio_volume=per_cent, preset="ultrafast", **way)
    assert decibels(render(made, source, tmp_path)) - decibels(source) == pytest.approx(change, abs=0.05)


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
@pytest.mark.parametrize(("requested", "channels"), [("original", None), ("stereo", 2), ("mono", 1)])
@pytest.mark.parametrize("codec", ["aac", "libopus", "flac", "ac3"])
def test_the_output_has_the_requested_channels(
    codec: str, requested: str, channels: int | None, layout: str, tmp_path: Path
) -> None:
    source = sound(tmp_path / "s.flac", source="sine=d=0.3:r=48000", channels=layout)
    ffmpeg("-f", "lavfi", "-i", "color=black:s=32x32:r=5:d=0.4", "-i", source, "-c:a", "copy", tmp_path / "s.mkv")
    made = plan_of(
        tmp_path / "s.mkv", container="mkv", audio_codec=codec, audio_channels=requested, preset="ultrafast"
    )
    (found,) = probe(render(made, tmp_path / "s.mkv", tmp_path)).of_kind("audio")
    assert found.audio is not None
    assert found.audio.channels == (channels or {"mono": 1, "stereo": 2, "5.1": 6}[layout])


def test_a_higher_quality_of_a_variable_rate_is_larger(tmp_path: Path) -> None:
    source = sound(tmp_path / "s.flac")
    sizes = []
    for quality in (0, 9):
        made = plan_of(source, container="mp3", audio_codec="mp3", audio_bitrate_mode="vbr", audio_quality=quality)
        out = render(made, source, tmp_path)
        assert problems(made, source, out) == []
        sizes.append(out.stat().st_size)
    assert sizes[0] > 1.5 * sizes[1]


@pytest.mark.parametrize(
    ("codec", "quality", "args"),
    [("mp3", 2, ["-q:a:1", "2"]), ("libfdk_aac", 5, ["-vbr:a:1", "5"])],
)
def test_each_encoder_gets_a_variable_rate_as_its_own_option(codec: str, quality: int, args: list[str]) -> None:
    preset = Preset(audio_codec=codec, audio_bitrate_mode="vbr", audio_quality=quality)
    encoder = rules().audio_encoders[codec]
    made = audio_args(1, encoder.program, audio_target(preset, encoder, None))
    assert made[4:] == args


def test_the_output_has_the_requested_bit_rate(tmp_path: Path) -> None:
    source = sound(tmp_path / "s.flac")
    sizes = [
        render(plan_of(source, container="mp3", audio_codec="mp3", audio_bitrate=rate), source, tmp_path)
        .stat().st_size for rate in (64, 192)
    ]  # fmt: skip
    assert sizes[1] / sizes[0] == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("mkv", "mp2"), ("mkv", "vorbis"), ("m2ts", "pcm_bluray"), ("m4a", "alac"), ("flac", "flac"),
        ("mkv", "libopus"), ("mkv", "ac3"), ("mkv", "mp3"), ("m4a", "aac"), ("wav", "pcm_s16le"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("layout", "rate"), [("mono", 8000), ("5.1(side)", 48000), ("7.1", 96000)])
def test_every_encoder_takes_filtered_audio_of_any_sample_rate(
    container: str, codec: str, layout: str, rate: int, tmp_path: Path
) -> None:
    source = tmp_path / "s.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=32x32:r=25:d=0.4", "-f", "lavfi", "-i",
           f"sine=d=0.4:r={rate},aformat=channel_layouts={layout}", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-c:a",
           "flac", source)  # fmt: skip
    made = plan_of(source, container=container, audio_codec=codec, audio_volume=90, audio_normalize=True)
    out = render(made, source, tmp_path)
    assert problems(made, source, out) == []
    assert [stream.codec for stream in look(out).of("audio")] == [codec.removeprefix("lib")]


# --- filters ------------------------------------------------------------------------------------------------

LOW, HIGH = "sine=f=60:d=1:r=48000", "sine=f=9000:d=1:r=48000"
HISS = "anoisesrc=c=white:d=2:r=48000:a=0.005:seed=1"
SHARP = "aevalsrc='if(lt(mod(t,0.1),0.03),0.3*(random(0)-0.5),0)':d=1:s=48000"
EFFECTS = [
    ({"audio_high_pass": 200}, LOW, -30, -15),
    ({"audio_high_pass": 200}, HIGH, -0.5, 0.5),
    ({"audio_low_pass": 2000}, HIGH, -40, -15),
    ({"audio_low_pass": 2000}, LOW, -0.5, 0.5),
    ({"audio_bass": 10}, LOW, 5, 11),
    ({"audio_bass": -10}, LOW, -11, -5),
    ({"audio_bass": 10}, HIGH, -0.5, 0.5),
    ({"audio_treble": 6}, HIGH, 4, 7),
    ({"audio_treble": 6}, LOW, -0.5, 0.5),
    ({"audio_noise_reduction": 20, "audio_noise_floor": -45}, HISS, -25, -6),
    ({"audio_noise_reduction": 20, "audio_noise_floor": -45}, LOW, -1, 1),
    ({"audio_de_esser": 100}, SHARP, -20, -5),
    ({"audio_de_esser": 100}, LOW, -0.5, 0.5),
    ({"audio_compressor": {"threshold": -40, "ratio": 4}}, LOW, -18, -8),
    ({"audio_compressor": {"threshold": -10, "ratio": 4}}, LOW, -0.5, 0.5),
    ({"audio_compressor": {"threshold": -10, "makeup": 6}}, LOW, 5.5, 6.5),
    ({"audio_limiter": {"ceiling": -24}}, LOW, -7, -5),
    ({"audio_limiter": True}, LOW, -0.1, 0.1),
]  # fmt: skip


@pytest.mark.parametrize(("preset_keys", "source", "least", "most"), EFFECTS)
def test_a_filter_changes_only_what_it_is_for(
    preset_keys: dict[str, Any], source: str, least: float, most: float, tmp_path: Path
) -> None:
    tone = sound(tmp_path / "s.flac", source=source, channels="mono")
    made = plan_of(tone, **WAV, **preset_keys)
    out = render(made, tone, tmp_path)
    assert problems(made, tone, out) == []
    assert least <= decibels(out) - decibels(tone) <= most


@pytest.mark.parametrize(("width", "change"), [(0, -200), (50, -6.02), (100, 0.0), (200, 6.02)])
def test_stereo_width_changes_the_difference_of_the_channels(width: int, change: float, tmp_path: Path) -> None:
    source = tmp_path / "s.flac"
    ffmpeg("-f", "lavfi", "-i", "aevalsrc=0.2*sin(2764*t)|0.2*sin(2764*t+1):d=1:s=48000", source)
    out = render(plan_of(source, audio_stereo_width=width, **WAV), source, tmp_path)
    before, after = (float(np.square(left - right).mean()) for left, right in (samples(source), samples(out)))
    if width == 0:
        assert after == 0
    else:
        assert 10 * np.log10(after / before) == pytest.approx(change, abs=0.1)


def test_stereo_width_leaves_other_layouts_unchanged_with_a_warning(tmp_path: Path) -> None:
    source = sound(tmp_path / "s.flac", source="sine=d=0.3", channels="5.1")
    made = plan_of(source, audio_stereo_width=150, **WAV)
    assert [warning.code for warning in made.warnings] == ["audio.not_stereo"]
    assert samples(render(made, source, tmp_path)).shape[0] == 6


def test_the_limiter_does_not_delay_the_audio(tmp_path: Path) -> None:
    source = sound(tmp_path / "s.flac", source="aevalsrc='if(gt(t,0.5),0.5*sin(6283*t),0)':d=1:s=48000")
    out = render(plan_of(source, audio_limiter={"ceiling": -20, "attack": 50}, **WAV), source, tmp_path)
    begin = int(np.argmax(np.abs(samples(out)[0]) > 0.01))
    assert abs(begin - 24000) < 48


def test_filters_are_applied_in_a_fixed_order() -> None:
    preset = Preset(
        audio_high_pass=80, audio_low_pass=12000, audio_noise_reduction=10, audio_de_esser=50, audio_bass=2,
        audio_treble=-2, audio_compressor=True, audio_stereo_width=120, audio_normalize=True, audio_volume=110,
        audio_limiter=True, audio_channels="mono",
    )  # fmt: skip
    encoder = rules().audio_encoders["aac"]
    chain = audio_args(0, "aac", audio_target(preset, encoder, audio().audio))[3]
    names = [part.split("=")[0] for part in chain.split(",")]
    assert names == [
        "aresample", "highpass", "lowpass", "afftdn", "deesser", "bass", "treble", "acompressor", "extrastereo",
        "aformat", "loudnorm", "aresample", "volume", "alimiter",
    ]  # fmt: skip


def test_no_filter_is_applied_by_default() -> None:
    target = audio_target(Preset(), rules().audio_encoders["aac"], audio().audio)
    assert target == AudioTarget(kbps=128, source_rate=48000)
    gaps = "aresample=async=1:min_hard_comp=0.01"
    assert audio_args(0, "aac", target) == ["-c:a:0", "aac", "-filter:a:0", gaps, "-b:a:0", "128k"]


def test_flac_gets_blocks_of_a_fixed_length(instant: Path, tmp_path: Path) -> None:
    limiter = {"enabled": True, "attack": 37.5}  # its first frame is a single sample after the noise reduction
    preset_keys: dict[str, Any] = {"audio_noise_reduction": 1, "audio_limiter": limiter}
    made = plan_of(instant, container="flac", audio_codec="flac", **preset_keys)
    assert problems(made, instant, render(made, instant, tmp_path)) == []


# --- every valid combination ------------------------------------------------------------------------

FITTING = [
    ("mp3", "mp3"), ("m4a", "aac"), ("m4a", "alac"), ("wav", "pcm_s16le"), ("flac", "flac"), ("mkv", "libopus"),
    ("mkv", "vorbis"), ("mp4", "ac3"), ("m2ts", "pcm_bluray"), ("m2t", "mp2"), ("webm", "libopus"),
]  # fmt: skip
AUDIO_KEYS = st.fixed_dictionaries(
    {"way": st.sampled_from(FITTING), "metadata": st.sampled_from([{"mode": "clean"}, {"mode": "replace"}, {}])},
    optional={
        "audio_bitrate": st.integers(1, 2000),
        "audio_channels": st.sampled_from(["original", "stereo", "mono"]),
        "audio_volume": st.floats(0, 400),
        "audio_normalize": st.booleans(),
        "audio_high_pass": st.floats(10, 5000),
        "audio_low_pass": st.floats(200, 20000),
        "audio_noise_reduction": st.floats(0, 40),
        "audio_noise_floor": st.floats(-80, -20),
        "audio_de_esser": st.floats(0, 100),
        "audio_bass": st.floats(-20, 20),
        "audio_treble": st.floats(-20, 20),
        "audio_stereo_width": st.floats(0, 300),
        "audio_compressor": st.fixed_dictionaries(
            {"threshold": st.floats(-60, 0), "ratio": st.floats(1, 20), "makeup": st.floats(0, 36)}
        ),
        "audio_limiter": st.fixed_dictionaries({"ceiling": st.floats(-24, 0), "attack": st.floats(0.1, 80)}),
    },
)


@pytest.fixture(scope="module")
def instant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fifth of a second of video and stereo sound."""
    return film(tmp_path_factory.mktemp("instant") / "s.mkv", source="sine=d=0.2:r=44100")


@given(preset_keys=AUDIO_KEYS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_valid_combination_of_audio_keys_makes_a_file(
    preset_keys: dict[str, Any], instant: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (container, codec), rest = preset_keys["way"], {key: value for key, value in preset_keys.items() if key != "way"}
    video_codec = "vp9" if container == "webm" else "libx264"
    fixed_keys = {"container": container, "audio_codec": codec, "video_codec": video_codec, "preset": "ultrafast"}
    made = plan_of(instant, **fixed_keys, **rest)
    out = render(made, instant, tmp_path_factory.mktemp("any"))
    assert problems(made, instant, out) == []


# --- channels that nothing can convert ---------------------------------------------------------------------------


def wave(path: Path, channels: int) -> Path:
    """Make a WAV that does not say which channels it has."""
    data = bytes(2 * channels * 100)
    sizes = struct.pack("<HHIIHH", 1, channels, 48_000, 0, 2 * channels & 0xFFFF, 16)
    head = b"WAVEfmt " + struct.pack("<I", 16) + sizes + b"data" + struct.pack("<I", len(data))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(head) + len(data)) + head + data)
    return path


@pytest.mark.parametrize(
    ("channels", "codec", "code"),
    [
        (8, "mp3", None),
        (9, "pcm_s16le", None),
        (9, "flac", "audio.unknown_layout"),
        (10, "flac", None),
        (24, "flac", None),
        (64, "pcm_s16le", None),
        (64, "flac", "audio.unknown_layout"),
        (65, "pcm_s16le", "audio.too_many_channels"),
        (255, "flac", "audio.too_many_channels"),
        (65_535, "flac", "audio.too_many_channels"),
    ],
)
def test_channels_are_refused_before_the_work_where_ffmpeg_cannot_convert_them(
    channels: int, codec: str, code: str | None, tmp_path: Path
) -> None:
    source = wave(tmp_path / "a.wav", channels)
    stream = probe(source).streams[0]
    encoder = rules().audio_encoders[codec]
    preset = Preset(container="mkv", audio_codec=codec)
    found = audio_obstacle(preset, encoder, stream, "audio stream 0")
    args = audio_args(0, encoder.program, audio_target(preset, encoder, stream.audio))
    command = [FFMPEG, "-nostdin", "-v", "error", "-i", source, "-map", "0:a:0", *args, "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (found and found.code) == code
    assert (done.returncode == 0) == (found is None)
