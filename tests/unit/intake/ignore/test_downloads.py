"""Files whose download is not finished."""

from __future__ import annotations

import time

import pytest

from framewatch.intake.ignore.downloads import Neighbours


@pytest.mark.parametrize(
    ("name", "others", "sign"),
    [
        ("x.mkv", ["x.mkv.aria2"], "x.mkv.aria2"),
        ("X.mkv", ["x.MKV.Part"], "x.MKV.Part"),
        ("x.mkv", ["y.mkv.part", "x.part"], None),
        ("x.f137.mp4", ["x.f251.webm"], "x.f251.webm"),
        ("x.f137.mp4", ["x.mp4"], "x.mp4"),
        ("x.f137.mp4", ["x.f251.webm.part"], "x.f251.webm.part"),
        ("x.f137.mp4", ["x.f251.webm.ytdl"], "x.f251.webm.ytdl"),
        ("x.fhls-audio-0.mp4", ["x.temp.mkv"], "x.temp.mkv"),
        ("x.f137.mp4", ["x.jpg", "x.info.json", "xy.mp4", "y.f251.webm"], None),
        ("x.f1.mp4", ["x.mp4"], None),
        ("x.final.mp4", ["x.mp4"], None),
        ("x.temp.mp4", ["x.mp4"], "x.mp4"),
        ("x.temp.mp4", [], None),
        ("x.mp4", ["x.temp.mkv"], "x.temp.mkv"),
        ("x.mp4", ["x.f137.mp4"], None),  # kept on purpose (yt-dlp -k): the whole file is ready
        ("caf\udce9.mkv", ["caf\udce9.mkv.part"], "caf\udce9.mkv.part"),
    ],
)
def test_a_download_is_recognised_by_what_lies_beside_it(name: str, others: list[str], sign: str | None) -> None:
    assert Neighbours([name, *others]).sign_of_download(name) == sign


def test_tens_of_thousands_of_lonely_parts_take_no_minutes() -> None:
    names = [f"{number}.f137.mp4" for number in range(20_000)]
    began = time.process_time()
    neighbours = Neighbours(names)
    assert not any(map(neighbours.sign_of_download, names))
    assert time.process_time() - began < 5
