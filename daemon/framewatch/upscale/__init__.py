"""Pixels in, pixels out: the network, the engines that run it, tiles, and the choice of an engine.

Nothing here knows of video files, jobs or settings. A worker opens a session (`selection`, `engine`) and feeds it:

    request = SessionRequest(load("esrgan-2x"), FrameShape(1920, 1080), scale=2, concurrency=2)
    with open_session(request) as session:
        for frame in session.upscale(frames): ...

An engine's runtime (torch, openvino, ncnn) is imported when that engine is first asked for, so that this package can
be imported with numpy alone. It uses dataclasses and not pydantic, for the same reason.
"""
