"""Which preset a file takes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, get_args

import pytest

from framewatch.domain import MediaInfo
from framewatch.library.kinds import Kind
from framewatch.media.preset.only_if import DEMUXERS_OF, FileType
from framewatch.media.preset.preset import Preset
from framewatch.media.preset.selection import choose_preset, wanted_kinds
from framewatch.media.probe.safe_open import AUDIO_DEMUXERS, IMAGE_DEMUXERS, VIDEO_DEMUXERS
from framewatch.media.probe.structure.content import BY_CONTENT
from framewatch.media.rules.preset_rules import check_preset
from media_samples import audio, cover, media, video

CLIP = media(video(width=1920, height=1080), audio(), duration=90.0)  # the video lasts 2 s by its header
UPRIGHT = media(video(width=1920, height=1080, rotation=90))
IMAGE = media(cover(0).evolve(video=video(width=640, height=480).video), container="png_pipe", duration=0.0)
SONG = {"container": "mp3", "audio_codec": "mp3"}
EXTRA = "extra_encoder_args"
AUDIO_FILE = media(audio(0), container="mp3")


@pytest.mark.parametrize(
    ("only_if", "file", "matches"),
    [
        ({}, CLIP, True),
        ({"max_height": 1080}, CLIP, True),
        ({"max_height": 1079}, CLIP, False),
        ({"min_height": 1080}, CLIP, True),
        ({"min_height": 1081}, CLIP, False),
        ({"max_width": 1919}, CLIP, False),
        ({"min_width": 1920}, CLIP, True),
        ({"max_width": 1080}, UPRIGHT, True),
        ({"min_height": 1920}, UPRIGHT, True),
        ({"max_duration": 2}, CLIP, True),
        ({"max_duration": 1.9}, CLIP, False),
        ({"min_duration": "0:03"}, CLIP, False),
        ({"min_duration": "1:00:00"}, CLIP, False),
        ({"min_duration": 90}, AUDIO_FILE.evolve(duration=90.0), True),
        ({"max_fps": 24.9}, CLIP, False),
        ({"min_fps": 25, "max_fps": 25}, CLIP, True),
        ({"codecs": ["hevc", "h264"]}, CLIP, True),
        ({"codecs": "hevc"}, CLIP, False),
        ({"containers": ["mkv"]}, CLIP, True),
        ({"containers": ["webm", "mp4"]}, CLIP, True),
        ({"containers": ["mp4", "ts"]}, CLIP, False),
        ({"max_height": 480, "containers": "png"}, IMAGE, True),
        ({"max_height": 479}, IMAGE, False),
        ({"containers": ["y4m", "nut"]}, CLIP.evolve(container="yuv4mpegpipe"), True),
        ({"containers": "raw"}, CLIP.evolve(container="hevc"), True),
        ({"containers": "raw"}, CLIP.evolve(container="nut"), False),
        ({"containers": "heic"}, CLIP.evolve(container="mov,mp4,m4a,3gp,3g2,mj2"), True),
        ({"containers": "apng"}, IMAGE.evolve(container="apng"), True),
        ({"max_height": 480}, AUDIO_FILE, False),
        ({"codecs": ["h264"], "max_height": 720}, CLIP, False),
    ],
)
def test_a_file_matches_only_if_it_meets_every_condition(
    only_if: dict[str, Any], file: MediaInfo, matches: bool
) -> None:
    preset = Preset(only_if=only_if)
    assert choose_preset(preset, file).preset == (preset if matches else None)


def test_every_container_that_is_read_has_a_word_in_only_if() -> None:
    named = {demuxer for demuxers in DEMUXERS_OF.values() for demuxer in demuxers}
    assert named == {*VIDEO_DEMUXERS, *AUDIO_DEMUXERS, *IMAGE_DEMUXERS, *BY_CONTENT}
    assert set(DEMUXERS_OF) == set(get_args(FileType))


def test_the_first_matching_preset_is_chosen_with_reasons_against_the_others() -> None:
    last = Preset(processing_mode="copy", container="mkv")
    second = Preset(only_if={"codecs": ["av1"]}, else_=last)
    first = Preset(only_if={"max_height": 720, "max_fps": 20}, else_=second)
    found = choose_preset(first, CLIP)
    assert found.preset == last
    assert [reason.message for reason in found.reasons] == [
        "it is 1080 pixels high, more than max_height 720",
        "it has 25 frames per second, more than max_fps 20",
        "its video is h264, not av1",
    ]
    assert choose_preset(first, media(video(height=720, rate=Fraction(20)))).preset == first


@pytest.mark.parametrize(
    ("keys", "code", "where"),
    [
        ({"only_if": {"min_height": 5, "max_height": 4}}, "only_if.empty_range", "only_if.min_height"),
        ({"only_if": {"min_fps": 5, "max_fps": 4}}, "only_if.empty_range", "only_if.min_fps"),
        ({"else_": Preset()}, "else.without_only_if", "else"),
        ({"only_if": {}, "else_": Preset(container="webm")}, "container.video_codec", "else.video_codec"),
        ({"processing_mode": "copy", "extra_encoder_args": ["-g", "5"]}, "mode.copy_extra_args", EXTRA),
        (SONG | {"extra_encoder_args": ["-g", "5"]}, "extra_args.no_video", EXTRA),
    ],
)
def test_a_contradictory_preset_is_refused(keys: dict[str, Any], code: str, where: str) -> None:
    assert (code, where) in {(finding.code, finding.where) for finding in check_preset(Preset(**keys))}


@pytest.mark.parametrize(
    ("preset", "kinds"),
    [
        ({}, {Kind.VIDEO}),
        ({"container": "gif"}, {Kind.VIDEO}),
        ({"container": "png"}, {Kind.PICTURE}),
        (SONG, {Kind.SOUND, Kind.VIDEO}),
        ({"only_if": {"max_height": 480}, "else": {"container": "jpg"}}, {Kind.VIDEO, Kind.PICTURE}),
    ],
)
def test_a_preset_is_for_the_kinds_of_files_that_its_containers_are_made_of(
    preset: dict[str, Any], kinds: set[Kind]
) -> None:
    assert wanted_kinds(Preset.model_validate(preset)) == kinds
