"""Subtitles of all kinds."""

from __future__ import annotations

from pathlib import Path

from kinds.kind import Kind, Step, kind
from pgs import write_sup

_F = "@v @a @h264 -c:a aac"
_MAPPED = "-map 0 -map 1 -map 2"


def srt(events: int = 3, text: str = "Line", step: float = 0.25) -> Step:
    def write(folder: Path) -> None:
        (folder / "s.srt").write_text(_srt(events, text, step))

    write.__doc__ = f"s.srt with {events} lines{f' of {len(text)} characters' if len(text) > 99 else ''}"
    return write


def _srt(events: int, text: str, step: float) -> str:
    def clock(seconds: float) -> str:
        whole = round(seconds * 1000)
        return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02},{whole % 1000:03}"

    return "".join(
        f"{n + 1}\n{clock(n * step)} --> {clock(n * step + step * 0.8)}\n{text} {n}\n\n" for n in range(events)
    )


def styled(folder: Path) -> None:
    """s.ass with styles, positions and a drawing."""
    (folder / "s.ass").write_text(
        "[Script Info]\nScriptType: v4.00+\nPlayResX: 96\nPlayResY: 64\n\n[V4+ Styles]\n"
        "Format: Name, Fontname, Fontsize, PrimaryColour, Bold, Alignment\n"
        "Style: Default,Sans,12,&H00FFFFFF,0,2\nStyle: Sign,Serif,10,&H0000FFFF,1,8\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: 0,0:00:00.10,0:00:00.40,Default,,0,0,0,,{\\i1}Hello{\\i0}\n"
        "Dialogue: 1,0:00:00.20,0:00:00.60,Sign,,0,0,0,,{\\pos(10,10)\\p1}m 0 0 l 9 0 9 9{\\p0}\n"
    )
    (folder / "font.ttf").write_bytes(b"\0\1\0\0not really a font")


def vtt(folder: Path) -> None:
    """s.vtt with cue settings."""
    (folder / "s.vtt").write_text(
        "WEBVTT\n\nSTYLE\n::cue { color: yellow }\n\n00:00.100 --> 00:00.400 align:start line:0\n<i>Hello</i>\n\n"
        "00:00.500 --> 00:00.700\nWorld\n"
    )


def pgs(folder: Path) -> None:
    """s.sup, a Blu-ray subtitle."""
    write_sup(folder / "s.sup", 0.1, 0.5)


def captions(folder: Path) -> None:
    """s.scc, captions of CEA-608."""
    (folder / "s.scc").write_text(
        "Scenarist_SCC V1.0\n\n00:00:00:05\t9420 9420 94ae 94ae 9470 9470 c8e5 ecec ef80 942f 942f\n\n"
        "00:00:00:16\t942c 942c\n"
    )


_ASS = f"{_F} -i s.ass".replace("@v @a", "@v @a -i s.ass", 1)


def _with(file: str, args: str) -> str:
    return f"@v @a -i {file} {_MAPPED} @h264 -c:a aac {args}"


KINDS: list[Kind] = [
    kind("srt.mkv", "SubRip", srt(), _with("s.srt", "-c:s srt -metadata:s:s:0 language=eng -metadata:s:s:0 title=English")),
    kind("srt-dispositions.mkv", "SubRip, forced, for the hard of hearing, and commentary", srt(),
         "@v @a -i s.srt -map 0 -map 1 -map 2 -map 2 -map 2 -map 2 @h264 -c:a aac -c:s srt -disposition:s:0 forced "
         "-disposition:s:1 hearing_impaired -disposition:s:2 comment -disposition:s:3 original -metadata:s:s:0 language=ger"),
    kind("srt-long.mkv", "SubRip with 5000 lines", srt(5000, "Line", 0.00016), _with("s.srt", "-c:s srt")),
    kind("srt-late.mkv", "SubRip whose lines go on for three hours", srt(300, "Line", 36.0), _with("s.srt", "-c:s srt")),
    kind("srt-wide.mkv", "SubRip with lines of 20,000 characters", srt(3, "long " * 4000), _with("s.srt", "-c:s srt")),
    kind("ass.mkv", "Advanced SubStation Alpha with a font", styled, _with("s.ass", "-c:s ass -attach font.ttf -metadata:s:t:0 mimetype=application/x-truetype-font"), quick=True),
    kind("ssa.mkv", "SubStation Alpha in a track of its own", styled, _with("s.ass", "-c:s ssa")),
    kind("webvtt.mkv", "WebVTT in Matroska", vtt, _with("s.vtt", "-c:s webvtt")),
    kind("webvtt.webm", "WebVTT in WebM", vtt, f"@v @a:stereo -i s.vtt {_MAPPED} -c:v libvpx -c:a libvorbis -c:s webvtt"),
    kind("mov-text.mp4", "3GPP timed text", srt(), _with("s.srt", "-c:s mov_text -metadata:s:s:0 language=jpn"), quick=True),
    kind("mov-text-style.mp4", "3GPP timed text with styles", styled, _with("s.ass", "-c:s mov_text")),
    kind("mov-text.mov", "text track of QuickTime", srt(), _with("s.srt", "-c:s mov_text")),
    kind("ttml.mp4", "TTML in MP4", srt(), _with("s.srt", "-c:s ttml")),
    kind("ttml.mkv", "ARIB and text subtitles: plain text in Matroska", srt(), _with("s.srt", "-c:s text")),
    kind("dvb.ts", "DVB subtitles", pgs, f"@v @a -i s.sup {_MAPPED} -s:s 96x64 @h264 -c:a aac -c:s dvbsub -metadata:s:s:0 language=deu"),
    kind("dvb.mkv", "DVB subtitles in Matroska", pgs, f"@v @a -i s.sup {_MAPPED} @h264 -c:a aac -c:s dvbsub"),
    kind("pgs.mkv", "Blu-ray subtitles", pgs, _with("s.sup", "-c:s copy -metadata:s:s:0 language=eng"), quick=True),
    kind("pgs.m2ts", "Blu-ray subtitles in M2TS", pgs, f"@v @a:stereo -i s.sup {_MAPPED} @h264 -c:a ac3 -c:s copy -mpegts_m2ts_mode 1"),
    kind("vobsub-endless.mkv", "VobSub whose picture stays for 1193 hours", pgs, _with("s.sup", "-c:s dvdsub -s:s 720x576")),
    kind("vobsub.mkv", "VobSub", pgs, "-i s.sup -c:s dvdsub -s:s 720x576 s.mkv", _with("s.mkv", "-c:s copy -bsf:s setts=duration=400"), quick=True),
    kind("vobsub.vob", "VobSub in VOB", pgs, f"@v @a:stereo -i s.sup {_MAPPED} -c:v mpeg2video -c:a ac3 -c:s dvdsub -s:s 720x576 -f vob"),
    kind("vobsub.mp4", "VobSub in MP4", pgs, "-i s.sup -c:s dvdsub -s:s 720x576 s.mkv", f"@v @a -i s.mkv {_MAPPED} @h264 -c:a aac -c:s copy -bsf:s setts=duration=9000"),
    kind("c608.mov", "captions as a track of QuickTime", captions, _with("s.scc", "-c:s copy")),
    kind("languages.mkv", "subtitles in twenty languages", srt(), _with("s.srt", "-c:s srt" + " -map 2" * 19 + "".join(
        f" -metadata:s:s:{n} language={code}" for n, code in enumerate(
            ["eng", "ger", "fre", "spa", "ita", "por", "dut", "swe", "nor", "dan", "fin", "pol", "cze", "hun", "rum", "gre", "tur", "ara", "heb", "chi"])))),
    kind("language-pt-br.mkv", "a language with a region (BCP 47)", srt(), _with("s.srt", "-c:s srt -metadata:s:s:0 language=pt-BR -metadata:s:a:0 language=zh-Hant")),
]  # fmt: skip
