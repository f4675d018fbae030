"""Codecs, layouts and times of sound."""

from __future__ import annotations

from kinds.kind import Kind, kind


def _codec(name: str, what: str, args: str, layout: str = "stereo:48000", quick: bool = False) -> Kind:
    return kind(name, f"sound: {what}", f"@v @a:{layout} @h264 {args}", quick=quick)


def _layout(layout: str, codec: str = "flac", file: str = "") -> Kind:
    name = layout.replace("(", "-").replace(")", "").replace(".", "")
    return _codec(file or f"layout-{name}.mkv", f"{layout} in {codec}", f"-c:a {codec}", f"{layout}:48000")


CODECS: list[Kind] = [
    _codec("ac3-51.mkv", "AC-3, 5.1", "-c:a ac3", "5.1:48000"),
    _codec("eac3.mp4", "E-AC-3, 5.1 in MP4", "-c:a eac3", "5.1:48000"),
    _codec("eac3.mkv", "E-AC-3", "-c:a eac3"),
    _codec("ac3.mp4", "AC-3 in MP4", "-c:a ac3"),
    _codec("dts.mkv", "DTS", "-c:a dca -strict -2", "5.1(side):48000", quick=True),
    _codec("dts.m2ts", "DTS in M2TS", "-c:a dca -strict -2 -mpegts_m2ts_mode 1", "5.1(side):48000"),
    _codec("dts.mp4", "DTS in MP4", "-c:a dca -strict -2 -f mp4", "5.1(side):48000"),
    _codec("truehd.mkv", "TrueHD", "-c:a truehd -strict -2", "5.1:48000"),
    _codec("truehd.m2ts", "TrueHD in M2TS", "-c:a truehd -strict -2 -mpegts_m2ts_mode 1", "5.1:48000"),
    _codec("truehd.mp4", "TrueHD in MP4", "-c:a truehd -strict -2", "5.1:48000"),
    _codec("mlp.mkv", "MLP", "-c:a mlp -strict -2"),
    _codec("mp2.mkv", "MP2", "-c:a mp2"),
    _codec("mp3.mp4", "MP3 in MP4", "-c:a libmp3lame"),
    _codec("flac.mp4", "FLAC in MP4", "-c:a flac -strict -2"),
    _codec("flac24.mkv", "FLAC, 24 bit and 96 kHz", "-c:a flac -sample_fmt s32 -bits_per_raw_sample 24", "stereo:96000"),
    _codec("alac.mp4", "ALAC", "-c:a alac"),
    _codec("opus.mp4", "Opus in MP4", "-c:a libopus"),
    _codec("opus-51.mkv", "Opus, 5.1", "-c:a libopus", "5.1:48000"),
    _codec("vorbis.mkv", "Vorbis", "-c:a libvorbis"),
    _codec("vorbis.mp4", "Vorbis in MP4", "-c:a libvorbis"),
    _codec("wavpack.mkv", "WavPack", "-c:a wavpack"),
    _codec("tta.mkv", "True Audio", "-c:a tta"),
    _codec("wma.mkv", "WMA 2 in Matroska", "-c:a wmav2"),
    _codec("pcm24.mkv", "PCM, 24 bit", "-c:a pcm_s24le"),
    _codec("pcm24be.mkv", "PCM, 24 bit, big-endian", "-c:a pcm_s24be"),
    _codec("pcm32f.mkv", "PCM, 32 bit floating point", "-c:a pcm_f32le"),
    _codec("pcm64f.mkv", "PCM, 64 bit floating point", "-c:a pcm_f64le"),
    _codec("pcm8.avi", "PCM, 8 bit", "-bf 0 -c:a pcm_u8"),
    _codec("pcm8s.mov", "PCM, 8 bit signed", "-c:a pcm_s8"),
    _codec("pcm32.mov", "PCM, 32 bit", "-c:a pcm_s32le"),
    _codec("pcm.mp4", "PCM in MP4", "-c:a pcm_s16le"),
    _codec("alaw.mov", "A-law", "-c:a pcm_alaw", "mono:8000"),
    _codec("mulaw.avi", "mu-law", "-bf 0 -c:a pcm_mulaw", "mono:8000"),
    _codec("ima-wav.avi", "ADPCM of Microsoft (IMA)", "-bf 0 -c:a adpcm_ima_wav"),
    _codec("ima-qt.mov", "ADPCM of QuickTime", "-c:a adpcm_ima_qt"),
    _codec("ms.avi", "ADPCM of Microsoft", "-bf 0 -c:a adpcm_ms"),
    _codec("g722.mkv", "G.722", "-c:a g722", "mono:16000"),
    _codec("g726.avi", "G.726", "-bf 0 -c:a g726", "mono:8000"),
    _codec("amr.mov", "AMR-NB in QuickTime", "-c:a libopencore_amrnb", "mono:8000"),
    _codec("s302m.ts", "SMPTE 302M", "-c:a s302m -strict -2"),
    _codec("bluray-pcm.m2ts", "PCM of Blu-ray, 7.1", "-c:a pcm_bluray -mpegts_m2ts_mode 1", "7.1:48000"),
    _codec("aac-51.mp4", "AAC, 5.1", "-c:a aac", "5.1:48000"),
    _codec("aac-71.mp4", "AAC, 7.1", "-c:a aac", "7.1:48000"),
    _codec("aac-8k.mp4", "AAC, 8 kHz", "-c:a aac", "mono:8000"),
    _codec("pcm-192k.mkv", "PCM, 192 kHz", "-c:a pcm_s24le", "stereo:192000"),
    _codec("pcm-11k.avi", "PCM, 11.025 kHz", "-bf 0 -c:a pcm_u8", "mono:11025"),
    _codec("flac-odd.mkv", "FLAC, 37.8 kHz", "-c:a flac", "mono:37800"),
]  # fmt: skip

LAYOUTS: list[Kind] = [
    _layout("mono", "pcm_s16le"),
    _codec("layout-left.mov", "only a left channel", "-c:a pcm_s16le", "FL:48000"),
    *(_layout(each) for each in ("2.1", "3.0", "quad", "5.0", "5.0(side)", "5.1(side)", "6.1", "7.1")),
    *(_layout(each, "pcm_s16le") for each in ("3c", "6c")),
    *(
        _layout(each, "pcm_s16le", f"layout-{each.replace('(', '-').replace(')', '').replace('.', '')}.mov")
        for each in ("3.1", "4.1", "6.0", "6.1(back)", "7.1(wide)", "octagonal", "5.1.2", "5.1.4", "7.1.4", "22.2")
    ),
    _layout("hexagonal", "pcm_s24le", "layout-hexagonal.mov"),
    _layout("downmix", "pcm_s16le", "layout-downmix.mov"),
]

_T = "@v @a:stereo"
TIMES: list[Kind] = [
    kind("sound-late.mkv", "sound that begins 0.3 s late", "@v -itsoffset 0.3 @a:stereo @h264 -c:a aac"),
    kind("sound-late.mp4", "sound that begins 0.3 s late, in MP4", "@v -itsoffset 0.3 @a:stereo @h264 -c:a aac"),
    kind("sound-late.ts", "sound that begins 0.3 s late, in TS", "@v -itsoffset 0.3 @a:stereo @h264 -c:a ac3"),
    kind("sound-first.mkv", "pictures that begin 0.3 s late", "-itsoffset 0.3 @v @a:stereo @h264 -c:a aac"),
    kind("sound-first.mp4", "pictures that begin 0.3 s late, in MP4", "-itsoffset 0.3 @v @a:stereo @h264 -c:a aac"),
    kind("sound-short.mkv", "sound of half the length", f"{_T} @h264 -c:a flac -af atrim=end=0.4"),
    kind("sound-long.mkv", "sound of twice the length", f"{_T} @h264 -c:a flac -af apad=whole_dur=1.6"),
    kind("sound-gap.mkv", "a gap of 0.3 s in the sound", f"{_T} @h264 -c:a flac -af aselect=not(between(t\\,0.2\\,0.5))".replace("(", "\\(").replace(")", "\\)").replace("\\,", "\\\\,")),
    kind("silent.mp4", "no sound", "@v @h264"),
    kind("tracks.mkv", "eight tracks of sound in languages", f"{_T} @h264 -c:a aac -map 0 " + "-map 1 " * 8
         + " ".join(f"-metadata:s:a:{n} language={code} -metadata:s:a:{n} title=Track{n}"
                    for n, code in enumerate(("jpn", "eng", "ger", "fre", "spa", "chi", "rus", "und")))
         + " -disposition:a:1 default -disposition:a:2 comment -disposition:a:3 visual_impaired -disposition:a:4 original -disposition:a:5 dub -disposition:a:6 hearing_impaired", quick=True),
    kind("tracks.mp4", "three tracks of sound in MP4", f"{_T} @h264 -c:a aac -map 0 -map 1 -map 1 -map 1 -metadata:s:a:0 language=jpn -metadata:s:a:1 language=eng -metadata:s:a:2 language=deu -disposition:a:1 default"),
    kind("codecs.mkv", "tracks of different codecs", f"{_T} @h264 -map 0 -map 1 -map 1 -map 1 -map 1 -c:a:0 aac -c:a:1 ac3 -c:a:2 flac -c:a:3 libopus"),
]  # fmt: skip

FILES: list[Kind] = [
    kind(f"sound.{name}", f"only sound: {what}", f"@a:stereo:44100 {args}", sound_only=True, quick=name == "wav")
    for name, what, args in (
        ("wav", "PCM in WAV", ""), ("w64", "Wave64", ""), ("aiff", "AIFF", ""), ("caf", "CAF", "-c:a alac"),
        ("flac", "FLAC", ""), ("mp3", "MP3", ""), ("m4a", "AAC in M4A", "-c:a aac"), ("m4b", "book", "-c:a aac -f ipod"),
        ("aac", "AAC in ADTS", ""), ("ac3", "AC-3", "-ar 48000"), ("eac3", "E-AC-3", "-ar 48000"),
        ("dts", "DTS", "-c:a dca -strict -2 -ar 48000"), ("oga", "Vorbis in Ogg", "-c:a libvorbis"),
        ("opus", "Opus in Ogg", "-c:a libopus"), ("mka", "Matroska", "-c:a flac"), ("wma", "WMA", "-c:a wmav2 -f asf"),
        ("wv", "WavPack", ""), ("tta", "True Audio", ""), ("au", "Sun AU", ""), ("amr", "AMR-NB", "-ar 8000 -ac 1"),
        ("thd", "TrueHD", "-c:a truehd -strict -2 -f truehd"), ("voc", "VOC", "-ac 1 -c:a pcm_u8"),
        ("mp2", "MP2", ""),
    )
]  # fmt: skip

KINDS = [*CODECS, *LAYOUTS, *TIMES, *FILES]
