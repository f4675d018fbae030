"""The names that are ignored."""

from __future__ import annotations

import pytest

from framewatch.intake.ignore.rules import IgnoreRules


@pytest.mark.parametrize(
    "path",
    [
        *(".hidden.mp4", ".syncthing.film.mkv.tmp", "~syncthing~film.mkv.tmp", "._film.mp4"),
        *(
            "film.mp4.part",
            "film.mp4.PART",
            "film.tmp",
            "film.mkv.crdownload",
            "film.download",
            "film.partial",
        ),
        *("film.mp4.filepart", "film.mkv.!qB", "film.mp4.aria2", "film.mp4.part-Frag3"),
        *("~$report.docx", "film.mp4~", "Thumbs.db", "thumbs.db", "desktop.ini", ".DS_Store"),
        *(
            "@eaDir",
            "@eaDir/film.mp4/SYNOVIDEO.jpg",
            "show/@eaDir/x.mp4",
            "#recycle/old.mkv",
            "$RECYCLE.BIN/a.mp4",
        ),
        *(
            "__MACOSX/film.mp4",
            "lost+found",
            "lost+found/#12345",
            ".stfolder/a.mp4",
            "System Volume Information/a",
        ),
        *(
            "film.mp4.progress.json",
            "framewatch-preset.yaml",
            "sub/framewatch-preset.yaml",
            ".framewatch.lock",
        ),
        *(
            "film.srt",
            "film.en.ASS",
            "film.nfo",
            "readme.txt",
            "site.url",
            "film.sfv",
            "film.md5",
            "list.m3u8",
        ),
        *("film.!bt", "film.xltd", "film.td.cfg", "film.jc!", "film.mkv.fdmdownload", "film.mkv.dtapart"),
        *("film.sync-conflict-20260101-120000-ABC.mkv", "Icon\r", "RECYCLER/a.mp4", "~snapshot/daily/a.mp4"),
        *("@tmp/a.mp4", "#tmp/a.mp4", "Temporary Items/a.mp4", "Network Trash Folder/a.mp4", "LOST.DIR/a.mp4"),
    ],
)
def test_everything_but_a_finished_video_of_a_user_is_ignored(path: str) -> None:
    assert IgnoreRules().ignores(path)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "film.mp4",
            "film.MKV",
            "Film",
            "part.mp4",
            "tmp/film.mp4",
            "a.part.mp4",
            "~film.mp4",
            "film~1.mp4",
        ),
        *(
            "cover.jpg",
            "song.flac",
            "clip.ts",
            "film.unknown",
            "done.mp4",
            "-i.mp4",
            "new\nline.mp4",
            "%d.mp4",
        ),
        *("Icon.mkv", "recycler.mp4", "tmp.mkv", "a#tmp.mkv", "synced.mkv", "Trash-2019.mkv", "standard.mkv"),
        *("caf\udce9.mkv", "🎬 film.mkv", "show/season 1/e01.mkv", "notes.txt/film.mp4.mkv"[10:]),
    ],
)
def test_everything_else_is_admitted(path: str) -> None:
    assert not IgnoreRules().ignores(path)


@pytest.mark.parametrize(
    ("pattern", "ignored", "taken"),
    [
        ("*.bak", "sub/film.BAK", "film.bak.mp4"),
        ("sample", "show/Sample/a.mp4", "sample.mp4"),
        ("extras/", "extras/a.mp4", "my extras/a.mp4"),
        ("extras/*.mov", "extras/a.mov", "extras/a.mp4"),
        ("show/season ?/*", "show/season 1/deep/e.mp4", "show/season 10/e.mp4"),
        ("[ab]*", "beta.mp4", "gamma.mp4"),
        ("*\udce9*", "caf\udce9.mkv", "cafe.mkv"),
    ],
)
def test_a_folders_own_patterns_match_the_name_and_the_path(pattern: str, ignored: str, taken: str) -> None:
    rules = IgnoreRules([pattern])
    assert rules.ignores(ignored)
    assert not rules.ignores(taken)
