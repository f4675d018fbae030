"""Each output is compared with its input: faults are found, and the network's own output is never one."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_engines import BT709, Fault, FaultAfter, FaultyEngine, PlanesEngine, PlanesFault
from framewatch.errors import EngineError, Finding, Remedy, WrongPixelsError
from framewatch.upscale.checks.output_check import SAMPLES, OutputCheck
from framewatch.upscale.engine import Session, SessionRequest
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network.network import Network
from framewatch.upscale.openvino.engine import OpenVinoEngine
from framewatch.upscale.selection import EngineChoice, open_session

CLIP = Path(__file__).parents[3] / "data" / "bbb-320x180.mp4"
SIDE = 24  # of a square frame for hostile patterns


def black(output: Frame) -> Frame:
    return np.zeros_like(output)


def green(output: Frame) -> Frame:
    return np.ascontiguousarray(output * np.array([0, 1, 0], output.dtype))


def swapped(output: Frame) -> Frame:
    return np.ascontiguousarray(output[..., ::-1])


def shifted(output: Frame) -> Frame:
    return np.roll(output, output.shape[1] // 8, axis=1)


def upside_down(output: Frame) -> Frame:
    return np.ascontiguousarray(output[::-1])


def one_tile_black(output: Frame) -> Frame:
    output = output.copy()
    output[-output.shape[0] // 2 :, -output.shape[1] // 3 :] = 0
    return output


def two_tiles_swapped(output: Frame) -> Frame:
    half, third = output.shape[0] // 2, output.shape[1] // 3
    output = output.copy()
    first, second = output[:half, :third].copy(), output[half : 2 * half, 2 * third : 3 * third].copy()
    output[:half, :third], output[half : 2 * half, 2 * third : 3 * third] = second, first
    return output


FAULTS = [black, green, swapped, shifted, upside_down, one_tile_black, two_tiles_swapped]


def deep(frame: Frame) -> Frame:
    return frame.astype(np.uint16) * 257


def check_for(frame: Frame, scale: int) -> OutputCheck:
    return OutputCheck(FrameShape(frame.shape[1], frame.shape[0], frame.dtype.name), scale)  # type: ignore[arg-type]


def upscaled(network: Network, frame: Frame, scale: int) -> Frame:
    shape = FrameShape(frame.shape[1], frame.shape[0], frame.dtype.name)  # type: ignore[arg-type]
    with OpenVinoEngine().open("CPU", SessionRequest(network, shape, scale)) as session:
        return session.run(frame)


@pytest.mark.parametrize(("scale", "depth"), [(2, 8), (2, 16), (3, 8), (4, 16)])
def test_every_fault_is_found_in_real_frames_and_the_correct_output_passes(
    network: Network, clip_frames: list[Frame], scale: int, depth: int
) -> None:
    frames = [deep(frame) if depth == 16 else frame for frame in clip_frames]
    outputs = [upscaled(network, frame, scale) for frame in frames]
    for frame, output, other in zip(frames, outputs, reversed(outputs), strict=True):
        check = check_for(frame, scale)
        assert check.compare(frame, output).score < 0.6
        found = {fault.__name__: check.compare(frame, fault(output)).score for fault in FAULTS}
        found["stale"] = check.compare(frame, other).score
        assert {name: score for name, score in found.items() if score < 1.1} == {}


@pytest.fixture(scope="module")
def hostile_session(network: Network) -> Session:
    return OpenVinoEngine().open("CPU", SessionRequest(network, FrameShape(SIDE, SIDE), 2))


@settings(max_examples=60)
@given(
    tall=st.integers(1, 9),
    wide=st.integers(1, 9),
    seed=st.integers(0, 2**32),
    levels=st.sampled_from([(0, 255), (0, 40), (200, 255), (0, 128, 255), tuple(range(256))]),
)
def test_the_networks_own_output_passes_for_any_pattern(
    hostile_session: Session, tall: int, wide: int, seed: int, levels: tuple[int, ...]
) -> None:
    """Patterns as small as a pixel, in every colour, are those whose averages the network changes most."""
    tile = np.random.default_rng(seed).choice(np.array(levels, np.uint8), (tall, wide, 3))
    frame = np.ascontiguousarray(np.tile(tile, (SIDE, SIDE, 1))[:SIDE, :SIDE])
    assert check_for(frame, 2).compare(frame, hostile_session.run(frame)).score < 1


@pytest.mark.parametrize("colours", [((255, 0, 0), (0, 192, 255)), ((135, 104, 102), (245, 0, 171))])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_worst_known_patterns_pass(network: Network, scale: int, colours: tuple[tuple[int, ...], ...]) -> None:
    """Rows of two colours; the second pair is the worst that a search by small steps has found."""
    frame = np.ascontiguousarray(np.tile(np.array(colours, np.uint8)[:, None], (32, 64, 1)))
    check, output = check_for(frame, scale), upscaled(network, frame, scale)
    assert max(check.compare(frame, output).score for _ in range(4)) < 0.9


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (5, 90), (16, 16), (33, 17)])
@pytest.mark.parametrize("level", [0, 255])
def test_tiny_and_odd_frames_pass_and_their_faults_do_not(
    network: Network, size: tuple[int, int], level: int
) -> None:
    frame = np.full((size[1], size[0], 3), level, np.uint8)
    output = upscaled(network, frame, 3)
    assert check_for(frame, 3).compare(frame, output).passed
    assert not check_for(frame, 3).compare(frame, 255 - output).passed


def test_the_sample_grid_does_not_coincide_with_a_periodic_pattern(network: Network) -> None:
    """Dark points on every third pixel: the network closes them, and only their neighbours explain that."""
    frame = np.full((66, 66, 3), 255, np.uint8)
    frame[::3, ::3] = 0
    output = upscaled(network, frame, 2)
    times = 54  # from 18 pixels inside on, everything repeats with the pattern
    large = np.ascontiguousarray(np.tile(frame[18:42, 18:42], (times, times, 1)))
    right = np.ascontiguousarray(np.tile(output[36:84, 36:84], (times, times, 1)))
    assert large.shape[0] * large.shape[1] > 81 * SAMPLES  # so that there is one sample in 9 pixels or fewer
    check = check_for(large, 2)
    assert max(check.compare(large, right).score for _ in range(4)) < 0.7


def test_other_pixels_are_compared_from_frame_to_frame() -> None:
    """A single wrong line of a large frame is seen sooner or later."""
    frame = np.full((720, 1280, 3), 200, np.uint8)
    output = frame.repeat(2, axis=0).repeat(2, axis=1)
    output[700:702] = 0
    check = check_for(frame, 2)
    assert len({check.compare(frame, output).score for _ in range(12)}) > 1


# --- YUV planes ----------------------------------------------------------------------------------------------------


def score_of_planes(network: Network, frame: Frame, fault: PlanesFault = lambda planes: planes) -> float:
    """The score of a frame of 320x180 at 2x."""
    shape = FrameShape.of_planes(320, 180, BT709)
    with PlanesEngine(OpenVinoEngine("f32"), fault).open("CPU", SessionRequest(network, shape, 2)) as session:
        output = session.run(frame)
    return OutputCheck(shape, 2).compare(frame, output).score


def test_planes_of_the_network_pass_and_their_faults_do_not(network: Network) -> None:
    with av.open(str(CLIP)) as container:
        frame = list(container.decode(video=0))[40].to_ndarray()
    assert score_of_planes(network, frame) < 0.5
    faults: dict[str, PlanesFault] = {
        "chroma swapped": lambda planes: (planes[0], planes[2], planes[1]),
        "all zero": lambda planes: (planes[0] * 0, planes[1] * 0, planes[2] * 0),
    }
    for name, fault in faults.items():
        assert score_of_planes(network, frame, fault) > 1.5, name


def test_planes_with_colours_outside_rgb_pass(network: Network) -> None:
    """Noise in planes has such colours everywhere; they are clamped, which also changes luma."""
    random = np.random.default_rng(3)
    blocks = random.integers(0, 256, (34, 40), np.uint8).repeat(8, 0).repeat(8, 1)[:270]
    assert score_of_planes(network, np.ascontiguousarray(blocks)) < 0.8


# --- in a session --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [black, two_tiles_swapped, lambda output: output[:-2]])
def test_an_engine_that_fails_after_its_self_test_is_stopped_at_that_frame(
    network: Network, clip_frames: list[Frame], fault: Fault
) -> None:
    frame = clip_frames[0]
    engines = {"openvino": FaultyEngine("openvino", FaultAfter(4, fault))}
    passed: list[Frame] = []
    with open_session(SessionRequest(network, FrameShape(120, 72), 2), engines=engines) as session:
        with pytest.raises(WrongPixelsError) as caught:
            passed.extend(session.upscale([frame] * 10))
        assert session.engine == "openvino"
    assert len(passed) <= 3  # the first was the self-test's
    assert caught.value.finding.code == "engine.wrong_pixels"
    assert caught.value.remedy == Remedy.RETRY
    assert "openvino began to return wrong pixels" in caught.value.finding.message
    assert caught.value.finding.hint


def test_a_distrusted_engine_is_skipped_and_named_with_its_reason_when_none_is_left(network: Network) -> None:
    warnings: list[Finding] = []
    with pytest.raises(EngineError) as caught:
        open_session(
            SessionRequest(network, FrameShape(72, 56), 2),
            EngineChoice(distrusted={"openvino": "it returned a black frame"}),
            engines={"openvino": OpenVinoEngine()},
            on_fallback=warnings.append,
        )
    assert "openvino: it returned a black frame" in caught.value.finding.message
    assert warnings == []
