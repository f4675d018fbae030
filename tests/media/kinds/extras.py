"""Chapters, tags, covers, attachments, and several pictures."""

from __future__ import annotations

from pathlib import Path

from kinds.kind import Kind, kind

_F = "@v @a @h264 -c:a aac"


def chapters(folder: Path) -> None:
    """m.txt with three chapters, a title and tags."""
    made = "".join(
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={n * 250}\nEND={n * 250 + 250}\ntitle=Part {n} \u00e4\n" for n in range(3)
    )
    (folder / "m.txt").write_text(
        f";FFMETADATA1\ntitle=A film\nartist=Somebody\ncomment=Words\ndate=2020\n{made}", encoding="utf-8"
    )


def overlapping(folder: Path) -> None:
    """m.txt with chapters that overlap and one that is empty."""
    made = "".join(
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={a}\nEND={b}\ntitle={a}\n" for a, b in ((0, 600), (300, 300), (400, 800))
    )
    (folder / "m.txt").write_text(f";FFMETADATA1\n{made}")


def untitled(folder: Path) -> None:
    """m.txt with chapters that have no titles."""
    (folder / "m.txt").write_text(
        ";FFMETADATA1\n" + "".join(f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={n}\nEND={n + 200}\n" for n in (0, 200, 400))
    )


def files(folder: Path) -> None:
    """font.ttf, font.otf and notes.txt."""
    (folder / "font.ttf").write_bytes(b"\0\1\0\0not really a font")
    (folder / "font.otf").write_bytes(b"OTTOnot really a font")
    (folder / "notes.txt").write_text("notes")


_META = "-i m.txt -map 0 -map 1 -map_metadata 2 -map_chapters 2"
_COVER = "-f lavfi -i testsrc2=s=40x40 -frames:v 1"
_JPEG, _PNG, _WEBP = (f"{_COVER} {args}" for args in ("-pix_fmt yuvj420p c.jpg", "c.png", "-c:v libwebp c.webp"))
_ATTACHED = "-attach {0} -metadata:s:t:0 mimetype={1} -metadata:s:t:0 filename={0}"

KINDS: list[Kind] = [
    *(kind(f"chapters.{name}", f"chapters and tags in {name}", chapters, f"@v @a {_META} {args}", quick=name == "mp4")
      for name, args in (
          ("mkv", "@h264 -c:a aac"), ("mp4", "@h264 -c:a aac"), ("mov", "@h264 -c:a aac"),
          ("webm", "-c:v libvpx -c:a libvorbis"), ("ogv", "-c:v libtheora -c:a libvorbis"), ("nut", "@h264 -c:a flac"),
          ("wmv", "-c:v wmv2 -c:a wmav2 -f asf"), ("avi", "-c:v mpeg4 -c:a libmp3lame"), ("flv", "@h264 -c:a aac"),
          ("ts", "@h264 -c:a aac"))),
    kind("chapters-overlap.mkv", "chapters that overlap", overlapping, f"@v @a {_META} @h264 -c:a aac"),
    kind("chapters-untitled.mp4", "chapters without titles", untitled, f"@v @a {_META} @h264 -c:a aac"),
    kind("chapters.m4b", "chapters of a book", chapters, "@a -i m.txt -map 0 -map_metadata 1 -map_chapters 1 -c:a aac -f ipod", sound_only=True),
    kind("tags.mp4", "tags and a place in MP4", f"{_F} -metadata title=Film -metadata artist=Me -metadata location=+48.2082+016.3738/ -metadata creation_time=2020-01-02T03:04:05Z -metadata:s:v:0 handler_name=Camera -metadata show=Series -metadata episode_id=7"),
    kind("tags-mdta.mov", "tags of QuickTime with any names", f"{_F} -movflags +use_metadata_tags -metadata com.apple.quicktime.make=Phone -metadata com.apple.quicktime.location.ISO6709=+48.2+016.3/"),
    kind("tags.mkv", "tags of any name in Matroska", f"{_F} -metadata title=Film -metadata MOOD=calm -metadata:s:v:0 title=Picture -metadata:s:a:0 SOURCE=tape"),
    kind("tags.avi", "tags in AVI", "@v @a -c:v mpeg4 -c:a libmp3lame -metadata title=Film -metadata IPRD=Thing -metadata:s:a:0 title=Sound"),
    kind("tags.flac", "tags and a cover in FLAC", _JPEG, "@a -i c.jpg -map 0 -map 1 -c:v copy -disposition:v attached_pic -metadata title=Song -metadata ALBUMARTIST=Me", sound_only=True),
    kind("tags.mp3", "tags and a cover in MP3", _JPEG, "@a -i c.jpg -map 0 -map 1 -c:v copy -metadata title=Song", sound_only=True),
    kind("cover-jpg.mp4", "JPEG cover in MP4", _JPEG, "@v @a -i c.jpg -map 0 -map 1 -map 2 -c:v:0 libx264 -preset ultrafast -pix_fmt:v:0 yuv420p -c:a aac -c:v:1 copy -disposition:v:1 attached_pic"),
    kind("cover-png.mp4", "PNG cover in MP4", _PNG, "@v @a -i c.png -map 0 -map 1 -map 2 -c:v:0 libx264 -preset ultrafast -pix_fmt:v:0 yuv420p -c:a aac -c:v:1 copy -disposition:v:1 attached_pic"),
    kind("cover-first.mp4", "cover before the picture", _PNG, "-i c.png @v @a -map 0 -map 1 -map 2 -c:v:0 copy -c:v:1 libx264 -preset ultrafast -pix_fmt:v:1 yuv420p -c:a aac -disposition:v:0 attached_pic"),
    kind("cover-jpg.mkv", "JPEG cover in Matroska", _JPEG, f"{_F} {_ATTACHED.format('c.jpg', 'image/jpeg')}"),
    kind("cover-png.mkv", "PNG cover in Matroska", _PNG, f"{_F} {_ATTACHED.format('c.png', 'image/png')}"),
    kind("cover-webp.mkv", "WebP cover in Matroska", _WEBP, f"{_F} {_ATTACHED.format('c.webp', 'image/webp')}"),
    kind("covers.mkv", "two covers", _JPEG, _PNG, f"{_F} -attach c.jpg -attach c.png -metadata:s:t:0 mimetype=image/jpeg -metadata:s:t:0 filename=cover.jpg -metadata:s:t:1 mimetype=image/png -metadata:s:t:1 filename=small_cover.png"),
    kind("attachments.mkv", "fonts and a text as attachments", files, f"{_F} -attach font.ttf -attach font.otf -attach notes.txt -metadata:s:t:0 mimetype=application/x-truetype-font -metadata:s:t:1 mimetype=application/vnd.ms-opentype -metadata:s:t:2 mimetype=text/plain", quick=True),
    kind("two-pictures.mkv", "two tracks of pictures, the second by default", "@v @v:s=64x48 @a @h264 -c:a aac -map 0 -map 1 -map 2 -disposition:v:0 0 -disposition:v:1 default"),
    kind("two-pictures.mp4", "two tracks of pictures", "@v @v:s=64x48 @a @h264 -c:a aac -map 0 -map 1 -map 2"),
    kind("small-first.mov", "a small track of pictures before the large one", "@v:s=32x32 @v @a @h264 -c:a aac -map 0 -map 1 -map 2"),
    kind("moving-jpeg.mp4", "moving JPEGs beside H.264", "@v @v:s=64x48 @a -map 0 -map 1 -map 2 -c:v:0 libx264 -preset ultrafast -pix_fmt:v:0 yuv420p -c:v:1 mjpeg -pix_fmt:v:1 yuvj420p -c:a aac"),
    kind("moving-jpeg-first.mkv", "moving JPEGs before H.264", "@v:s=64x48 @v @a -map 0 -map 1 -map 2 -c:v:1 libx264 -preset ultrafast -pix_fmt:v:1 yuv420p -c:v:0 mjpeg -pix_fmt:v:0 yuvj420p -c:a aac -disposition:v:0 0 -disposition:v:1 default"),
    kind("programs.ts", "two programs in one transport stream", "@v @a @v:s=64x48 @a -map 0 -map 1 -map 2 -map 3 @h264 -c:a aac -program title=One:st=0:st=1 -program title=Two:st=2:st=3", quick=True),
    kind("languages.ts", "tracks of sound in languages in TS", "@v @a:stereo -map 0 -map 1 -map 1 -map 1 @h264 -c:a ac3 -metadata:s:a:0 language=deu -metadata:s:a:1 language=eng -metadata:s:a:2 language=mul -disposition:a:1 visual_impaired+descriptions -disposition:a:2 hearing_impaired"),
    kind("dual-mono.ts", "two languages as left and right", "@v @a:stereo @h264 -c:a ac3 -metadata:s:a:0 language=jpn"),
]  # fmt: skip
