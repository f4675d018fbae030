"""Of what kind a probed file is. Pure."""

from __future__ import annotations

from framewatch.domain import MediaInfo, Stream
from framewatch.errors import MediaError
from framewatch.media.probe.safe_open import AUDIO_DEMUXERS, PICTURE_DEMUXERS


def is_picture(info: MediaInfo) -> bool:
    """Whether a file is a still picture: a container for pictures, or nothing in it but one."""
    containers = (*PICTURE_DEMUXERS, "gif", "apng")
    only_stills = all(stream.cover for stream in info.streams)
    return (
        bool(info.streams) and only_stills and (info.container in containers or info.container not in AUDIO_DEMUXERS)
    )


def require_video(info: MediaInfo) -> Stream:
    """The video that a preset for video works on.

    Raises:
        MediaError: `media.picture`, `media.no_video` or `media.no_decoder`.
    """
    main = info.main_video
    if main is None and is_picture(info):
        message = "this is a still picture, not a video"
        raise MediaError(message, code="media.picture", hint="put videos into this folder")
    if main is None:
        message = "there is no video in this file" if info.of_kind("audio") else "there is nothing to see here"
        raise MediaError(message, code="media.no_video", hint="put videos into this folder")
    if main.video is None:
        message = f"there is no decoder for this video ({main.codec})"
        raise MediaError(message, code="media.no_decoder", hint="convert it to H.264, HEVC, VP9 or AV1 first")
    return main
