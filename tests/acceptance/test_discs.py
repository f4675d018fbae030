"""The folder of a DVD or a Blu-ray is one film, and never a heap of files."""

from __future__ import annotations

from pathlib import Path

from clips import make_clip
from discs import playlist, title_set
from harness import Harness
from media_factory import ffmpeg

PACK = 2048  # bytes; DVDs cut their files between packs
Files = dict[str, bytes]


def put(folder: Path, files: Files) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def remuxed(clip: Path, target: Path, muxer: str) -> bytes:
    ffmpeg("-i", clip, "-c:v", "mpeg2video", "-c:a", "mp2", "-f", muxer, f"file:{target}")
    return target.read_bytes()


def test_a_disc_is_one_film_or_rejected_as_one_item_and_its_folder_moves_as_one(harness: Harness) -> None:
    short = make_clip(harness.root / "short.mp4", frames=5, audio=True)
    long = make_clip(harness.root / "long.mp4", frames=12, audio=True)
    vob, m2ts = (remuxed(long, harness.root / f"long.{kind}", kind) for kind in ("vob", "mpegts"))
    menu = remuxed(short, harness.root / "menu.vob", "vob")
    trailer = remuxed(short, harness.root / "trailer.ts", "mpegts")
    dvd = {
        "VIDEO_TS/VIDEO_TS.IFO": b"DVDVIDEO-VMG",
        "VIDEO_TS/VIDEO_TS.VOB": menu,
        "VIDEO_TS/VTS_01_0.IFO": title_set((0, 0, 5)),
        "VIDEO_TS/VTS_01_1.VOB": menu + menu + menu,  # more bytes, but shorter, says the disc
        "VIDEO_TS/VTS_02_0.IFO": title_set((0, 0, 3), (1, 30, 0)),
        "VIDEO_TS/VTS_02_0.VOB": menu,
        "VIDEO_TS/VTS_02_1.VOB": vob,
        "AUDIO_TS/AUDIO_TS.IFO": b"DVDAUDIO-AMG",
        "movie.nfo": b"about the film",
    }
    blu_ray = {
        "BDMV/index.bdmv": b"INDX0200",
        "BDMV/PLAYLIST/00000.mpls": playlist(("00002", 20.0)),
        "BDMV/PLAYLIST/00800.mpls": playlist(("00001", 5400.0)),
        "BDMV/STREAM/00001.m2ts": m2ts,
        "BDMV/STREAM/00002.m2ts": trailer,
        "CERTIFICATE/id.bdmv": b"id",
    }
    cut = len(vob) // PACK // 2 * PACK
    split = {
        "VIDEO_TS/VTS_01_0.IFO": title_set((1, 0, 0)),
        "VIDEO_TS/VTS_01_1.VOB": vob[:cut],
        "VIDEO_TS/VTS_01_2.VOB": vob[cut:],
    }
    branching = blu_ray | {"BDMV/PLAYLIST/00900.mpls": playlist(("00001", 5400.0), ("00002", 20.0))}
    copying = {"VIDEO_TS/VTS_01_1.VOB": vob, "VIDEO_TS/VTS_01_2.VOB.part": b"half"}
    share = harness.folder()
    discs = {"A DVD": dvd, "A Blu-ray": blu_ray, "Split": split, "Branching": branching, "Copying": copying}
    discs["Garbage"] = {"BDMV/STREAM/00001.m2ts": b"no video"}
    for name, files in discs.items():
        put(share / name, files)
    assert harness.once(timeout=240).returncode == 1

    out, done, failed = harness.root / "anime" / "out", share / "done", share / "failed"
    outputs = [path.relative_to(out).as_posix() for path in sorted(out.rglob("*.mp4"))]
    assert outputs == ["A Blu-ray/A Blu-ray.mp4", "A DVD/A DVD.mp4", "Split/Split.mp4"]
    assert {harness.sidecar(out / name)["frames_done"] for name in outputs} == {12}
    assert (out / "A DVD" / "movie.nfo").exists()
    for place, names in {
        done: ("A DVD", "A Blu-ray", "Split"),
        failed: ("Branching", "Garbage"),
        share: ("Copying",),
    }.items():
        for name in names:
            assert {path: (place / name / path).read_bytes() for path in discs[name]} == discs[name]
            assert place == share or not (share / name).exists()
    error = harness.sidecar(failed / "Branching" / "BDMV")["error"]
    assert error["code"] == "disc.several_files"
    assert "00001.m2ts, 00002.m2ts" in error["message"]
    assert "MakeMKV" in error["hint"]
    assert [event["files"] for event in harness.events("job.joining")] == [2]
    assert [path.name for path in (harness.root / "work").iterdir() if path.is_dir()] == []
    assert harness.sidecar(failed / "Garbage" / "BDMV")["error"]["code"] == "media.not_media"
    assert len(harness.events("job.queued")) == 5
