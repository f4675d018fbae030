"""Videos whose size, shape, pixel format or colours change in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from framewatch.errors import FramewatchError, RuleError
from framewatch.jobs.attempt.request import AttemptResult
from framewatch.media.commands.video_filters import deinterlace_filters
from framewatch.media.decode.decoder import DecodeOptions, Decoder, VideoSource
from framewatch.media.ffmpeg.trial import keeps_hidden_edges
from framewatch.media.limits import Limits
from framewatch.media.plan.segments import SegmentOptions
from framewatch.media.preset.preset import Preset
from framewatch.render.task_handlers import RenderHandlers
from framewatch.render.tasks import ProbeTask
from full_run import process, rgb_frames
from joined import RATE, X264, joined, part, resent
from media_factory import ffmpeg
from media_samples import FFMPEG

WAYS: list[dict[str, Any]] = [{"ml_upscale": "none"}, {"ml_upscale": "esrgan-2x"}]
ENCODED: list[dict[str, Any]] = [each | {"container": name} for each in WAYS for name in ("mkv", "mp4")]


def named(keys: dict[str, Any]) -> str:
    return "-".join(map(str, keys.values()))


def codes(made: AttemptResult) -> list[str]:
    return [each.code for each in made.warnings if each.code.startswith("media.") and "damaged" not in each.code]


def lit(frame: NDArray[np.uint8]) -> tuple[int, int]:
    """The columns and the rows of a white picture that are white."""
    bright = frame.min(axis=2) > 128
    return int(bright.any(axis=0).sum()), int(bright.any(axis=1).sum())


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [Fraction(frame.pts) * frame.time_base for frame in container.decode(video=0)]


def white(path: Path, start: float, **keys: Any) -> Path:
    return part(path, start, source="color=white", **keys)


def film_of_sizes(folder: Path, sizes: Sequence[str], frames: int, *options: str) -> Path:
    """An MP4 that holds the parameters of each part in its packets; `options` are those of an input."""
    raw = b""
    for size in sizes:
        source = ("-f", "lavfi", "-i", f"color=white:size={size}:rate={RATE}", "-frames:v", str(frames))
        raw += ffmpeg(*source, *X264, "-f", "h264", "pipe:1")
    (folder / "raw.h264").write_bytes(raw)
    read = ("-f", "h264", "-r", str(RATE), "-i", folder / "raw.h264")
    ffmpeg(*options, *read, "-c", "copy", folder / "film.mp4")
    return folder / "film.mp4"


@pytest.mark.parametrize("keys", ENCODED, ids=named)
def test_another_size_is_fitted_by_its_shape_and_the_clock_goes_on(keys: dict[str, Any], tmp_path: Path) -> None:
    film = joined(
        tmp_path / "film.ts",
        white(tmp_path / "a", 0, size="64x48"),
        white(tmp_path / "b", 0.4, size="128x48"),
        white(tmp_path / "c", 0.8, size="32x48"),
    )
    made = process(film, tmp_path / "work", **keys)
    scale = made.plan.scale
    frames, shown = rgb_frames(made.result), times(made.result)
    assert len(frames) == 30
    step = Fraction(1, RATE)
    assert all(abs(time - shown[0] - number * step) <= step / 2 for number, time in enumerate(shown))
    assert [lit(frame) for frame in frames] == [
        *[(64 * scale, 48 * scale)] * 10,
        *[(64 * scale, 24 * scale)] * 10,
        *[(32 * scale, 48 * scale)] * 10,
    ]
    assert codes(made) == ["media.size_changes"]
    said = made.warnings[0].message
    assert "from 64x48 to 128x48 at 0:00:00.400, from 128x48 to 32x48 at 0:00:00.800" in said


@pytest.mark.parametrize("keys", WAYS, ids=named)
def test_another_shape_of_pixels_is_fitted(keys: dict[str, Any], tmp_path: Path) -> None:
    film = joined(
        tmp_path / "film.ts",
        white(tmp_path / "a", 0, filters="setsar=1"),
        white(tmp_path / "b", 0.4, filters="setsar=2"),
        white(tmp_path / "c", 0.8, filters="setsar=1"),
    )
    made = process(film, tmp_path / "work", container="mkv", **keys)
    scale = made.plan.scale
    rows = [lit(frame)[1] for frame in rgb_frames(made.result)]
    assert rows == [*[48 * scale] * 10, *[24 * scale] * 10, *[48 * scale] * 10]
    assert codes(made) == ["media.sar_changes"]


@pytest.mark.parametrize("keys", WAYS, ids=named)
def test_a_size_with_its_own_shape_of_pixels_fills_the_frame(keys: dict[str, Any], tmp_path: Path) -> None:
    """As where a station sends 544 columns in place of 720: both are shown equally wide."""
    film = joined(
        tmp_path / "film.ts",
        white(tmp_path / "a", 0, size="96x48", filters="setsar=1"),
        white(tmp_path / "b", 0.4, size="64x48", filters="setsar=3/2"),
    )
    made = process(film, tmp_path / "work", container="mkv", **keys)
    size = (made.plan.width, made.plan.height)
    assert [lit(frame) for frame in rgb_frames(made.result)] == [size] * 20
    assert codes(made) == ["media.size_changes", "media.sar_changes"]


@pytest.mark.parametrize("keys", WAYS, ids=named)
def test_another_coding_of_colours_is_converted(keys: dict[str, Any], tmp_path: Path) -> None:
    def coded(matrix: str, signalled: str, span: str) -> str:
        return f"scale=out_color_matrix={matrix}:out_range={span},setparams=colorspace={signalled}:range={span}"

    orange = "color=0xd08030"
    film = joined(
        tmp_path / "film.ts",
        part(tmp_path / "a", 0, source=orange, filters=coded("bt709", "bt709", "tv")),
        part(tmp_path / "b", 0.4, source=orange, filters=coded("bt2020", "bt2020nc", "pc")),
        part(tmp_path / "c", 0.8, source=orange, filters="format=yuv422p10le," + coded("bt709", "bt709", "tv"),
             codec=(*X264[:-1], "yuv422p10le")),
    )  # fmt: skip
    made = process(film, tmp_path / "work", container="mkv", **keys)
    means = [frame.mean(axis=(0, 1)) for frame in rgb_frames(made.result)]
    assert len(means) == 30
    assert all(np.abs(mean - (0xD0, 0x80, 0x30)).max() <= 4 for mean in means)
    assert codes(made) == ["media.format_changes"]


@pytest.mark.parametrize("keys", WAYS, ids=named)
def test_colours_behind_a_cut_are_those_of_its_first_frame(keys: dict[str, Any], tmp_path: Path) -> None:
    first = "scale=out_color_matrix=bt2020:out_range=pc,setparams=colorspace=bt2020nc:range=pc"
    then = "scale=out_color_matrix=bt709:out_range=tv,setparams=colorspace=bt709:range=tv"
    film = joined(
        tmp_path / "film.ts",
        part(tmp_path / "a", 0, source="color=0xd08030", filters=first),
        part(tmp_path / "b", 0.4, source="color=0xd08030", filters=then),
    )
    made = process(film, tmp_path / "work", container="mkv", start_time=0.6, **keys)
    means = [frame.mean(axis=(0, 1)) for frame in rgb_frames(made.result)]
    assert len(means) == 5
    assert all(np.abs(mean - (0xD0, 0x80, 0x30)).max() <= 4 for mean in means)


def test_a_warning_says_that_hdr_is_not_converted(tmp_path: Path) -> None:
    hdr = "setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084:range=tv"
    sdr = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709:range=tv"
    film = joined(tmp_path / "film.ts", part(tmp_path / "a", 0, filters=sdr), part(tmp_path / "b", 0.4, filters=hdr))
    made = process(film, tmp_path / "work", ml_upscale="none", container="mkv")
    said = next(each.message for each in made.warnings if each.code == "media.format_changes")
    assert "bt709 limited bt709 bt709 to yuv420p bt2020nc limited bt2020 smpte2084" in said
    assert "primaries and transfer do not" in said


@pytest.mark.parametrize("planes", [None, "yuv420p"])
def test_a_segment_is_the_same_whether_it_is_rendered_alone_or_not(planes: Any, tmp_path: Path) -> None:
    film = joined(
        tmp_path / "film.ts",
        part(tmp_path / "a", 0),
        part(tmp_path / "b", 0.4, size="128x48"),
        part(tmp_path / "c", 0.8, size="64x96", filters="setsar=3/2"),
    )
    probed = RenderHandlers(lambda _: None).run(ProbeTask(source=film, segment_options=SegmentOptions(seconds=0.2)))
    source = VideoSource(film, probed.info.main_video, probed.timeline, probed.seekable, probed.info.changes)
    options = DecodeOptions(deinterlace=deinterlace_filters(Preset(deinterlace="on")), planes=planes)
    whole = [frame.pixels for frame in Decoder(source, options)]
    alone = [frame.pixels for segment in probed.segments for frame in Decoder(source, options, segment)]
    assert len(probed.segments) > 3
    assert len(whole) == len(alone) == 30
    assert all(np.array_equal(one, other) for one, other in zip(whole, alone, strict=True))


@pytest.mark.parametrize("keys", WAYS, ids=named)
def test_the_first_frame_that_is_shown_decides_the_size(keys: dict[str, Any], tmp_path: Path) -> None:
    film = joined(
        tmp_path / "film.ts",
        white(tmp_path / "a", 0, size="64x48"),
        white(tmp_path / "b", 0.4, size="128x48", frames=20),
    )
    made = process(film, tmp_path / "work", container="mkv", start_time=0.6, **keys)
    assert (made.plan.width, made.plan.height) == (128 * made.plan.scale, 48 * made.plan.scale)
    assert codes(made) == []
    assert [lit(frame)[0] for frame in rgb_frames(made.result)] == [made.plan.width] * 15


@pytest.mark.parametrize("keys", WAYS, ids=named)
def test_turned_and_cropped_frames_are_fitted_first(keys: dict[str, Any], tmp_path: Path) -> None:
    film = film_of_sizes(tmp_path, ["64x48", "128x48"], 10, "-display_rotation:v", "90")
    if keys["ml_upscale"] == "none" and not keeps_hidden_edges(FFMPEG):
        with pytest.raises(RuleError):
            process(film, tmp_path / "work", container="mkv", **keys)
        return
    made = process(film, tmp_path / "work", container="mkv", **keys)
    scale = made.plan.scale
    assert [lit(frame) for frame in rgb_frames(made.result)] == [
        *[(48 * scale, 64 * scale)] * 10,
        *[(24 * scale, 64 * scale)] * 10,
    ]


def test_a_copy_keeps_all_sizes_and_says_so(tmp_path: Path) -> None:
    film = joined(tmp_path / "film.ts", part(tmp_path / "a", 0), part(tmp_path / "b", 0.4, size="128x48"))
    for container in ("mkv", "mp4"):
        made = process(film, tmp_path / container, processing_mode="copy", container=container)
        with av.open(str(made.result)) as opened:
            sizes = [(frame.width, frame.height) for frame in opened.decode(video=0)]
        assert sizes == [*[(64, 48)] * 10, *[(128, 48)] * 10]
        assert codes(made) == ["media.size_changes"]


X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")


@pytest.mark.parametrize("container", ["mkv", "mp4", "m2ts"])
def test_parameters_beside_packets_are_copied_into_them(container: str, tmp_path: Path) -> None:
    film = resent(tmp_path / "film.flv", *X264)
    keys: dict[str, Any] = {"processing_mode": "copy", "container": container}
    if not keeps_hidden_edges(FFMPEG):  # nor such parameters
        with pytest.raises(RuleError):
            process(film, tmp_path / "work", **keys)
        return
    made = process(film, tmp_path / "work", **keys)
    with av.open(str(made.result)) as opened:
        assert [frame.width for frame in opened.decode(video=0)] == [*[64] * 10, *[128] * 10]


def test_a_copy_that_could_be_decoded_only_in_part_is_refused(tmp_path: Path) -> None:
    film = resent(tmp_path / "film.flv", *X265)
    keys: dict[str, Any] = {"processing_mode": "copy"}
    with pytest.raises(RuleError) as caught:
        process(film, tmp_path / "mkv", container="mkv", **keys)
    assert caught.value.finding.code == "copy.parameters_apart"
    if not keeps_hidden_edges(FFMPEG):
        return
    made = process(film, tmp_path / "mp4", container="mp4", **keys)
    with av.open(str(made.result)) as opened:
        assert [frame.width for frame in opened.decode(video=0)] == [*[64] * 10, *[128] * 10]


@pytest.mark.parametrize("keys", WAYS, ids=named)
def test_a_stream_that_was_sent_anew_is_fitted_to_its_beginning(keys: dict[str, Any], tmp_path: Path) -> None:
    """The header that libav makes up for it has the size of the second part."""
    made = process(resent(tmp_path / "film.flv", *X264), tmp_path / "work", container="mkv", **keys)
    assert (made.plan.width, made.plan.height) == (64 * made.plan.scale, 64 * made.plan.scale)
    assert len(rgb_frames(made.result)) == 20


@pytest.mark.parametrize("keys", WAYS, ids=named)
def test_frames_that_an_encoder_made_smaller_fill_the_frame(keys: dict[str, Any], tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    smaller = ("-c:v", "libsvtav1", "-preset", "10", "-svtav1-params", "resize-mode=2")  # at random
    ffmpeg("-f", "lavfi", "-i", f"color=white:size=160x96:rate={RATE}:duration=0.6", *smaller, film)
    with av.open(str(film)) as opened:
        assert len({frame.width for frame in opened.decode(video=0)}) > 1
    made = process(film, tmp_path / "work", container="mkv", **keys)
    assert [lit(frame) for frame in rgb_frames(made.result)] == [(160 * made.plan.scale, 96 * made.plan.scale)] * 15


@pytest.mark.parametrize("keys", WAYS, ids=named)
def test_a_size_that_changes_with_each_frame_is_followed(keys: dict[str, Any], tmp_path: Path) -> None:
    sizes = [f"{64 + 2 * (number % 7)}x{48 + 2 * (number % 5)}" for number in range(12)]
    made = process(film_of_sizes(tmp_path, sizes, 1), tmp_path / "work", container="mkv", **keys)
    assert len(rgb_frames(made.result)) == 12
    assert "and 8 more times" in made.warnings[0].message


def test_a_size_beyond_the_limit_is_refused_with_its_time(tmp_path: Path) -> None:
    film = joined(tmp_path / "film.ts", part(tmp_path / "a", 0), part(tmp_path / "b", 0.4, size="640x480"))
    task = ProbeTask(source=film, limits=Limits(max_pixels=128 * 96))
    with pytest.raises(FramewatchError) as caught:
        RenderHandlers(lambda _: None).run(task)
    assert caught.value.finding.code == "media.too_large"
    assert "from 0:00:00.400 on, its frames are 640x480" in str(caught.value)
