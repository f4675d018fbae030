"""H.264 that is refreshed column by column: no frame is shown before the first that a decoder returns."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from frame_marks import HEIGHT, WIDTH, Mark, drawn, read
from full_run import process
from media_factory import ffmpeg

RATE, FRAMES, KEYS = 25, 100, 25
BEGINS = 30  # frames that a recording has missed
WAYS = pytest.mark.parametrize(
    "keys", [{"ml_upscale": "esrgan-2x"}, {"ml_upscale": "none"}, {"processing_mode": "copy"}], ids=str
)


@pytest.fixture(scope="module", params=[1, 3], ids=["a few columns", "many columns"])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that begins in the middle of a stream whose only IDR frame is its first."""
    whole = tmp_path_factory.mktemp("refresh") / "whole.ts"
    raw = b"".join(drawn(Mark(1, number)).tobytes() for number in range(FRAMES))
    ffmpeg("-f", "rawvideo", "-pixel_format", "gray", "-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", str(RATE),
           "-i", "-", "-f", "lavfi", "-i", f"sine=d={FRAMES / RATE}", "-vf", f"scale=iw*{request.param}:-2:neighbor",
           "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-x264-params",
           f"intra-refresh=1:keyint={KEYS}:min-keyint={KEYS}:scenecut=0", "-c:a", "mp2", whole,
           stdin=raw)  # fmt: skip
    data = whole.read_bytes()
    packets = [data[place : place + 188] for place in range(0, len(data), 188)]
    begins = [number for number, each in enumerate(packets) if each[1] & 0x5F == 0x41 and each[2] == 0]
    path = whole.with_name("cut.ts")
    path.write_bytes(b"".join([*packets[:3], *packets[begins[BEGINS] :]]))
    return path


def shown(path: Path) -> tuple[list[int], list[float], float]:
    """Number and time of each frame, and when the sound begins."""
    with av.open(str(path)) as container:
        frames = [(read(frame.to_ndarray(format="gray")), frame.time) for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        sound = next(container.decode(audio=0)).time
    return [-1 if mark is None else mark.frame for mark, _ in frames], [time for _, time in frames], sound


@WAYS
def test_the_first_picture_is_the_first_that_a_decoder_returns_at_its_own_time(
    keys: dict[str, str], recording: Path, tmp_path: Path
) -> None:
    made = process(recording, tmp_path, 1.0, container="mkv", crf=10, **keys)
    before, after = shown(recording), shown(made.result)
    first = before[0][0]
    assert first > 2 * KEYS  # the refresh takes a while after it begins
    assert after[0] == before[0] == list(range(first, FRAMES))
    assert [time - after[1][0] for time in after[1]] == pytest.approx(
        [time - before[1][0] for time in before[1]], abs=0.001
    )
    assert after[1][0] - after[2] == pytest.approx(before[1][0] - before[2], abs=0.002)
    assert not made.warnings
