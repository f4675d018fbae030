"""Each container, written by ffmpeg: what it holds, in which packets, and that it passes verification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from framewatch.errors import RuleError
from framewatch.media.probe.probe import probe
from media_samples import ffmpeg, frames_of, look, plan_of, problems, render
from pgs import write_sup

FAST = {"preset": "ultrafast", "selected_subtitle_tracks": "none"}
TRANSPORT = [
    ("m2t", "mpeg2video", "mp2", "mpeg2video", "mp2"),
    ("m2t", "libx264", "aac", "h264", "aac"),
    ("m2t", "libx264", "ac3", "h264", "ac3"),
    ("m2t", "libx265", "mp3", "hevc", "mp3"),
    ("m2t", "libx264", "libopus", "h264", "opus"),
    ("m2t", "libx264", "copy", "h264", "aac"),
    ("mts", "libx264", "ac3", "h264", "ac3"),
    ("m2ts", "mpeg2video", "ac3", "mpeg2video", "ac3"),
    ("m2ts", "libx264", "pcm_bluray", "h264", "pcm_bluray"),
    ("m2ts", "libx265", "ac3", "hevc", "ac3"),
]
SOUND = [
    ("mp3", "mp3", "mp3", 1),
    ("m4a", "aac", "aac", 2),
    ("m4a", "alac", "alac", 2),
    ("wav", "pcm_s16le", "pcm_s16le", 1),
    ("flac", "flac", "flac", 1),
]
PACKET = {"m2t": 188, "mts": 192, "m2ts": 192}
CHAPTERS = "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One second with two languages, text subtitles, a chapter, tags, a font and a cover."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "s.srt").write_text("1\n00:00:00,100 --> 00:00:00,600\nHello\n")
    (folder / "c.txt").write_text(f";FFMETADATA1\ntitle=A film\nartist=Somebody\ncomment=secret\n{CHAPTERS}")
    (folder / "font.ttf").write_bytes(b"\0\1\0\0not really a font")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32", "-frames:v", 1, folder / "cover.png")
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1:r=48000",
        "-f", "lavfi", "-i", "sine=f=900:d=1:r=48000", "-i", folder / "s.srt", "-i", folder / "c.txt",
        "-map", 0, "-map", 1, "-map", 2, "-map", 3, "-map_metadata", 4, "-map_chapters", 4,
        "-pix_fmt", "yuv420p", "-c:v", "libx264", "-bf", 2, "-c:a", "aac", "-c:s", "srt",
        "-attach", folder / "font.ttf", "-metadata:s:t:0", "mimetype=application/x-truetype-font",
        "-attach", folder / "cover.png", "-metadata:s:t:1", "mimetype=image/png",
        "-metadata:s:t:1", "filename=cover.png", "-metadata:s:v:0", "title=The picture",
        "-metadata:s:a:0", "language=jpn", "-metadata:s:a:0", "title=Japanese", "-metadata:s:a:1", "language=eng",
        "-disposition:a:0", 0, "-disposition:a:1", "default", folder / "film.mkv",
    )  # fmt: skip
    return folder / "film.mkv"


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Audio, tags and a cover; no video."""
    folder = tmp_path_factory.mktemp("song")
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=32x32", "-frames:v", 1, folder / "cover.jpg")
    ffmpeg(
        "-f", "lavfi", "-i", "sine=d=1:r=44100", "-i", folder / "cover.jpg", "-map", 0, "-map", 1, "-c:v", "copy",
        "-disposition:v:0", "attached_pic", "-c:a", "libmp3lame", "-metadata", "title=A song", "-metadata",
        "artist=Somebody", folder / "song.mp3",
    )  # fmt: skip
    return folder / "song.mp3"


@pytest.mark.parametrize("mode", ["none", "esrgan-2x"])
@pytest.mark.parametrize(("container", "encoder", "sound", "video", "audio"), TRANSPORT)
def test_a_transport_stream_has_the_right_packet_size_and_codecs(
    container: str, encoder: str, sound: str, video: str, audio: str, mode: str, film: Path, tmp_path: Path
) -> None:
    preset_keys = FAST | {"container": container, "video_codec": encoder, "audio_codec": sound, "ml_upscale": mode}
    made = plan_of(film, **preset_keys)
    out = render(made, film, tmp_path)
    assert problems(made, film, out) == []
    found = look(out)
    assert [(stream.kind, stream.codec, stream.language) for stream in found.streams] == [
        ("video", video, ""), ("audio", audio, "jpn"), ("audio", audio, "eng"),
    ]  # fmt: skip
    assert len(frames_of(out)) == 25
    assert packet_size(out) == PACKET[container]


def packet_size(path: Path) -> int:
    """Found by the sync bytes 0x47: packets of 188 bytes, or of 192 with a timestamp of 4 bytes before them."""
    data = path.read_bytes()
    fits = [size for size in (188, 192) if all(byte == 0x47 for byte in data[size - 188 :: size])]
    assert len(fits) == 1
    assert len(data) % fits[0] == 0
    return fits[0]


@pytest.mark.parametrize("mode", ["none", "esrgan-2x"])
@pytest.mark.parametrize(("container", "codec"), [("m2t", "dvb_subtitle"), ("m2ts", "hdmv_pgs_subtitle")])
def test_a_transport_stream_keeps_its_own_image_subtitles(
    container: str, codec: str, mode: str, film: Path, tmp_path: Path
) -> None:
    source, encoder = tmp_path / "s.mkv", "dvbsub" if codec == "dvb_subtitle" else "copy"
    ffmpeg("-i", film, "-i", write_sup(tmp_path / "s.sup", 0.2, 0.7), "-map", "0:v:0", "-map", "0:a", "-map", 1,
           "-c", "copy", "-c:s", encoder, source)  # fmt: skip
    made = plan_of(source, container=container, audio_codec="ac3", preset="ultrafast", ml_upscale=mode)
    out = render(made, source, tmp_path)
    assert problems(made, source, out) == []
    assert [stream.codec for stream in look(out).of("subtitle")] == [codec]


@pytest.mark.parametrize("container", ["m2t", "mts", "m2ts"])
def test_text_subtitles_are_dropped_with_a_warning_where_they_cannot_be_converted(container: str, film: Path) -> None:
    made = plan_of(film, container=container, audio_codec="ac3")
    assert made.of_kind("subtitle") == ()
    (finding,) = (each for each in made.warnings if each.code == "subtitle.not_held")
    assert "use container mkv" in finding.hint


@pytest.mark.parametrize("container", ["m2t", "m2ts"])
def test_copy_mode_copies_streams_into_a_transport_stream_unchanged(
    container: str, film: Path, tmp_path: Path
) -> None:
    source = tmp_path / "s.mkv"
    ffmpeg("-i", film, "-map", "0:v:0", "-map", "0:a", "-c:v", "copy", "-c:a", "ac3", source)
    made = plan_of(source, container=container, processing_mode="copy")
    out = render(made, source, tmp_path)
    assert problems(made, source, out) == []
    pixels = [[frame.to_ndarray().tobytes() for frame in frames_of(path)] for path in (source, out)]
    assert pixels[0] == pixels[1]


@pytest.mark.parametrize(("rate", "fits"), [("24000/1001", True), ("50", True), ("12", True), ("17", False)])
def test_mpeg2_accepts_exactly_the_rates_that_it_can_write(rate: str, fits: bool, tmp_path: Path) -> None:
    source = tmp_path / "s.mp4"
    ffmpeg("-f", "lavfi", "-i", f"testsrc=s=64x48:r={rate}", "-frames:v", 6, "-pix_fmt", "yuv420p", source)
    preset_keys = {"container": "m2t", "video_codec": "mpeg2video", "ml_upscale": "esrgan-2x"}
    if not fits:
        with pytest.raises(RuleError) as refused:
            plan_of(source, **preset_keys)
        assert refused.value.finding.code == "video.frame_rate"
        return
    made = plan_of(source, **preset_keys)
    assert problems(made, source, render(made, source, tmp_path)) == []


def test_mpeg2_is_finer_with_a_lower_crf(film: Path, tmp_path: Path) -> None:
    sizes = []
    for crf in (12, 40):
        made = plan_of(film, container="m2t", video_codec="mpeg2video", crf=crf, selected_subtitle_tracks="none",
                       selected_audio_tracks="none")  # fmt: skip
        sizes.append(render(made, film, tmp_path).stat().st_size)
    assert sizes[0] > 1.5 * sizes[1]


# --- audio only --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("container", "encoder", "codec", "tracks"), SOUND)
def test_the_audio_of_a_film_is_extracted(
    container: str, encoder: str, codec: str, tracks: int, film: Path, tmp_path: Path
) -> None:
    made = plan_of(film, container=container, audio_codec=encoder)
    out = render(made, film, tmp_path)
    assert problems(made, film, out) == []
    found = look(out)
    assert [stream.codec for stream in found.of("audio")] == [codec] * tracks
    assert [stream.codec for stream in found.streams if stream.cover] == ([] if container == "wav" else ["png"])
    assert found.title == "A film"
    assert found.chapters == (["One"] if container in {"mp3", "m4a"} else [])
    assert (made.kind, made.mode) == ("audio", "transcode")


@pytest.mark.parametrize(("container", "encoder", "codec", "tracks"), SOUND)
def test_a_song_is_converted_with_its_cover_and_tags(
    container: str, encoder: str, codec: str, tracks: int, song: Path, tmp_path: Path
) -> None:
    made = plan_of(song, container=container, audio_codec=encoder)
    out = render(made, song, tmp_path)
    assert problems(made, song, out) == []
    found = look(out)
    assert [stream.codec for stream in found.of("audio")] == [codec]
    assert [stream.codec for stream in found.streams if stream.cover] == ([] if container == "wav" else ["mjpeg"])
    with av.open(str(out)) as container_made:
        tags = {key.lower(): value for key, value in container_made.metadata.items()}
    assert (tags["title"], tags["artist"]) == ("A song", "Somebody")


@pytest.mark.parametrize(
    ("container", "encoder", "codec"),
    [
        ("mp3", "libmp3lame", "mp3"), ("m4a", "libmp3lame", "mp3"), ("m4a", "aac", "aac"), ("m4a", "alac", "alac"),
        ("m4a", "ac3", "ac3"), ("m4a", "eac3", "eac3"), ("wav", "pcm_s24le", "pcm_s24le"),
        ("wav", "pcm_f32le", "pcm_f32le"), ("wav", "pcm_mulaw", "pcm_mulaw"), ("flac", "flac", "flac"),
    ],
)  # fmt: skip
def test_audio_is_copied_out_of_a_film_unchanged(
    container: str, encoder: str, codec: str, film: Path, tmp_path: Path
) -> None:
    source = tmp_path / "s.mkv"
    ffmpeg("-i", film, "-map", "0:v:0", "-map", "0:a:0", "-c:v", "copy", "-c:a", encoder, source)
    made = plan_of(source, container=container, processing_mode="copy")
    out = render(made, source, tmp_path)
    assert problems(made, source, out) == []
    assert [stream.codec for stream in look(out).streams if stream.kind != "data"] == [codec]
    assert made.mode == "copy"


def test_a_container_for_one_track_gets_the_default_one(film: Path) -> None:
    made = plan_of(film, container="mp3", audio_codec="mp3")
    assert [track.language for track in made.of_kind("audio")] == ["eng"]
    assert [warning.code for warning in made.warnings if warning.code.startswith("streams.sec")] == [
        "streams.second_audio"
    ]
    chosen = plan_of(film, container="mp3", audio_codec="mp3", selected_audio_tracks=[1])
    assert [track.language for track in chosen.of_kind("audio")] == ["jpn"]


def test_an_m4a_states_its_brand(film: Path, tmp_path: Path) -> None:
    out = render(plan_of(film, container="m4a"), film, tmp_path)
    assert out.read_bytes()[4:12] == b"ftypM4A "


def test_tags_that_ogg_stores_in_the_stream_are_kept(tmp_path: Path) -> None:
    source = tmp_path / "s.ogg"
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "libvorbis", "-metadata", "title=A song", source)
    made = plan_of(source, container="mp3", audio_codec="mp3")
    assert look(render(made, source, tmp_path)).title == "A song"


def test_a_film_without_audio_is_refused_by_an_audio_container(tmp_path: Path) -> None:
    source = tmp_path / "s.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:d=0.2", "-pix_fmt", "yuv420p", source)
    with pytest.raises(RuleError) as refused:
        plan_of(source, container="mp3", audio_codec="mp3")
    assert [finding.code for finding in refused.value.findings] == ["media.no_audio"]


def test_verification_finds_truncated_audio_and_an_unexpected_video(film: Path, tmp_path: Path) -> None:
    made = plan_of(film, container="m4a")
    short, seen = tmp_path / "short.m4a", tmp_path / "seen.m4a"
    ffmpeg("-i", render(made, film, tmp_path), "-map", "0:a", "-t", 0.5, "-c", "copy", "-f", "mp4", short)
    ffmpeg("-i", film, "-map", "0:v:0", "-map", "0:a", "-c", "copy", "-f", "mp4", seen)
    assert "verify.audio" in [finding.code for finding in problems(made, film, short)]
    assert "verify.streams" in [finding.code for finding in problems(made, film, seen)]


# --- metadata -----------------------------------------------------------------------------------------------

NAMED = {"title": "Mine", "artist": "Me", "album": "Ours", "genre": "Test", "date": "2024", "comment": "Hello"}
WAYS = [
    {"container": "mkv"},
    {"container": "mkv", "ml_upscale": "esrgan-2x"},
    {"container": "mp4", "ml_upscale": "esrgan-2x"},
    {"container": "mp4", "processing_mode": "copy", "selected_subtitle_tracks": "none"},
    {"container": "m4a"},
    {"container": "mp3", "audio_codec": "mp3"},
    {"container": "flac", "audio_codec": "flac"},
]


def tags_of(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        return {key.lower(): value for key, value in container.metadata.items()}


def track_tags(path: Path) -> set[str]:
    with av.open(str(path)) as container:
        kinds = [stream for stream in container.streams if stream.type in ("video", "audio", "subtitle")]
        return {value for stream in kinds for value in stream.metadata.values()}


@pytest.mark.parametrize("way", WAYS, ids=[" ".join(way.values()) for way in WAYS])
@pytest.mark.parametrize("mode", ["preserve", "clean", "replace"])
def test_tags_are_preserved_cleaned_or_replaced(mode: str, way: Any, film: Path, tmp_path: Path) -> None:
    preset_keys = {"preset": "ultrafast"} | way
    given = {} if mode == "clean" else NAMED if mode == "replace" else {"title": "Mine"}
    made = plan_of(film, **preset_keys, metadata={"mode": mode} | given)
    out = render(made, film, tmp_path)
    assert problems(made, film, out) == []
    tags, tracks, chapters = tags_of(out), track_tags(out), look(out).chapters
    if mode == "preserve":
        assert (tags["title"], tags["artist"], tags["comment"]) == ("Mine", "Somebody", "secret")
        assert chapters == ([] if way["container"] == "flac" else ["One"])
    elif mode == "clean":
        assert not set(tags) & set(NAMED)
        assert not tracks & {"The picture", "Japanese", "jpn", "eng"}
        assert chapters == []
    else:
        assert {key: tags.get(key) for key in NAMED} == NAMED
        assert chapters == ([] if way["container"] == "flac" else ["One"])


def test_a_font_keeps_its_name_when_metadata_is_cleaned(film: Path, tmp_path: Path) -> None:
    out = render(plan_of(film, container="mkv", metadata={"mode": "clean"}, preset="ultrafast"), film, tmp_path)
    with av.open(str(out)) as container:
        (font,) = [stream for stream in container.streams if stream.type == "attachment"]
        assert font.metadata["filename"] == "font.ttf"
    assert [stream.codec for stream in probe(out).streams if stream.cover] == ["png"]


def test_replacing_metadata_keeps_the_titles_of_tracks(film: Path, tmp_path: Path) -> None:
    out = render(plan_of(film, container="mkv", metadata={"mode": "replace"}, preset="ultrafast"), film, tmp_path)
    assert {"The picture", "Japanese", "jpn", "eng"} <= track_tags(out)
    assert not set(tags_of(out)) & set(NAMED)


@pytest.mark.parametrize(("container", "codec"), [("flac", "flac"), ("wav", "pcm_s16le"), ("m2t", "aac")])
def test_chapters_that_the_container_cannot_hold_are_a_warning(container: str, codec: str, film: Path) -> None:
    made = plan_of(film, container=container, audio_codec=codec, selected_subtitle_tracks="none")
    assert "streams.chapters_dropped" in [warning.code for warning in made.warnings]
    assert not made.expected.chapters


def test_tags_given_where_all_is_cleaned_are_told_of(film: Path) -> None:
    made = plan_of(film, container="mkv", metadata={"mode": "clean", "title": "Mine"})
    assert "metadata.unused" in [warning.code for warning in made.warnings]
