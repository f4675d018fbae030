"""Short memory holds a job; a file that claims an impossible size is a bad file."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest

from framewatch.domain import Stream
from framewatch.errors import MediaError, OutOfMemoryError, Remedy
from framewatch.media import out_of_memory as memory
from framewatch.media.decode.decoder import Decoder, VideoSource
from framewatch.media.probe.file_kind import require_video
from framewatch.media.probe.packet_scan import scan
from framewatch.media.probe.probe import probe
from framewatch.media.probe.safe_open import media_errors
from framewatch.media.timeline import plan_timeline
from media_factory import make_video


def out_of_memory() -> Exception:
    return av.error.MemoryError(12, "Cannot allocate memory")


@pytest.fixture(params=[True, False], ids=["short", "plenty"])
def short(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(memory, "is_short", lambda: request.param)
    return bool(request.param)


@pytest.fixture
def decoder(tmp_path: Path) -> Decoder:
    path = make_video(tmp_path / "a.mp4", seconds=0.2)
    stream: Stream = require_video(probe(path))
    assert stream.video
    found = scan(path, stream.index)
    timeline = plan_timeline(found.pts, found.time_base, stream.video.rate, found.last_duration)
    return Decoder(VideoSource(path, stream, timeline))


class Unaffordable:
    """A packet that fails as libav does when a frame does not fit into memory."""

    dts = 0

    def decode(self) -> Any:
        raise out_of_memory()


def test_a_frame_that_does_not_fit_is_damage_only_if_memory_is_plentiful(decoder: Decoder, short: bool) -> None:
    if short:
        with pytest.raises(OutOfMemoryError) as caught:
            decoder._decode_packet(Unaffordable())  # type: ignore[arg-type]
        assert caught.value.remedy == Remedy.WAIT
    else:
        assert decoder._decode_packet(Unaffordable()) == []  # type: ignore[arg-type]
    assert decoder.damaged == (not short)


@pytest.mark.parametrize("error", [out_of_memory(), MemoryError()], ids=["libav", "python"])
def test_a_file_that_cannot_be_opened_is_bad_only_if_memory_is_plentiful(error: Exception, short: bool) -> None:
    with pytest.raises(OutOfMemoryError if short else MediaError) as caught, media_errors(Path("a.mp4")):
        raise error
    assert caught.value.finding.code == "media.out_of_memory"
    assert caught.value.remedy == (Remedy.WAIT if short else Remedy.NONE)


def test_a_memory_limit_of_the_process_counts_as_short_memory() -> None:
    limit = "resource.setrlimit(resource.RLIMIT_AS, (900 << 20, 900 << 20))"
    look = "from framewatch.media.out_of_memory import is_short; import resource; print(is_short())"
    done = subprocess.run(
        [sys.executable, "-c", f"{look}; {limit}; print(is_short())"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]


def test_looking_for_free_memory_uses_none() -> None:
    rss = "psutil.Process().memory_info().rss"
    look = f"import psutil; from framewatch.media.out_of_memory import is_short; held = {rss}"
    # It looks for a gigabyte. VmHWM is this program's own peak: that of getrusage may be the peak of its parent.
    peak = "next(int(line.split()[1]) << 10 for line in open('/proc/self/status') if line.startswith('VmHWM'))"
    after = peak if sys.platform == "linux" else rss
    program = f"{look}; is_short(); print({after} - held < {200 << 20})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_no_bound_is_changed_or_named_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """MacOS has none, and may refuse to set one."""

    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert not memory.is_short()
    assert not memory.is_bound_used_up()
    message = memory.too_costly("its index", 3 * 10**9).finding.message
    assert message == "its index needs 3.0 GB of memory, which no such file should"
