"""Whether a probed file is a video or an image. Pure."""

from __future__ import annotations

from av.codec.codec import Codec, UnknownCodecError

from framewatch.domain import MediaInfo, Stream
from framewatch.errors import MediaError
from framewatch.media.probe.safe_open import AUDIO_DEMUXERS
from framewatch.media.probe.truncation import COPY_AGAIN_HINT

_CAMERA_RAW = {"prores_raw": "ProRes RAW", "aprn": "ProRes RAW", "aprh": "ProRes RAW HQ", "braw": "Blackmagic RAW"}
_ENCRYPTED = ("encv", "drmi")  # names in MP4 and MOV of what says nothing about its codec


def is_image(info: MediaInfo) -> bool:
    """Return whether a file is a still image: it has nothing but images in it, and is no audio file with a cover."""
    only_images = bool(info.streams) and all(stream.cover for stream in info.streams)
    return only_images and info.container not in AUDIO_DEMUXERS


def require_video(info: MediaInfo) -> Stream:
    """Return the main video of a file.

    Raises:
        MediaError: `media.picture`, `media.no_video`, `media.unsupported`, `media.protected`, `media.no_decoder` or
            `media.corrupt`.
    """
    main = info.main_video
    if main is None and is_image(info):
        message = "this is a still image, not a video"
        raise MediaError(message, code="media.picture", hint="put videos into this folder")
    if main is None:
        found = "there is no video in this file" if info.of_kind("audio") else "this file has neither video nor audio"
        raise MediaError(found, code="media.no_video", hint="put videos into this folder")
    if (name := _CAMERA_RAW.get(main.codec)) is not None:
        message = f"this video is {name}, the data of a camera's sensor, which is not a picture yet"
        hint = "develop it with the camera's or an editing program, for example to ProRes 422"
        raise MediaError(message, code="media.unsupported", hint=hint)
    if main.video is None and main.codec in _ENCRYPTED:
        message = f"this video is encrypted (DRM, {main.codec}) and cannot be decoded"
        raise MediaError(message, code="media.protected", hint="a file without copy protection is needed")
    if main.video is None and _has_decoder(main.codec):
        message = f"this video ({main.codec}) is damaged: nothing in it says how large its frames are"
        raise MediaError(message, code="media.corrupt", hint=COPY_AGAIN_HINT)
    if main.video is None:
        message = f"there is no decoder for this video ({main.codec})"
        raise MediaError(message, code="media.no_decoder", hint="convert it to H.264, HEVC, VP9 or AV1 first")
    return main


def _has_decoder(codec: str) -> bool:
    try:
        Codec(codec, "r")
    except UnknownCodecError:
        return False
    return True
