"""The network in 8 bits: close to float32, self-tested in 8 bits, and with a calibration that is checked."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from framewatch import resources
from framewatch.errors import EngineError, Finding, ModelMissingError
from framewatch.upscale.checks import selftest
from framewatch.upscale.engine import Session, SessionRequest
from framewatch.upscale.frames import pixels
from framewatch.upscale.frames.frame import Frame, FrameShape
from framewatch.upscale.network import reference, weights
from framewatch.upscale.network.int8 import channel_scaled, parse
from framewatch.upscale.network.network import Network
from framewatch.upscale.openvino.engine import OpenVinoEngine
from framewatch.upscale.selection import EngineChoice, open_session

CLIP = Path(__file__).parents[3] / "data" / "bbb-320x180.mp4"
SCALES = (2, 3, 4)
FAST = OpenVinoEngine(int8=True)  # whatever this machine's CPU has: the result is the same


@pytest.fixture(scope="module")
def fast() -> Network:
    return weights.load("esrgan-4x", precision="fast")


@pytest.fixture(scope="module")
def real_frames() -> list[Frame]:
    """Whole frames of the clip, none of which the ranges were taken from."""
    with av.open(str(CLIP)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [frames[number] for number in (10, 60, 97)]


def run(engine: OpenVinoEngine, network: Network, frame: Frame, scale: int) -> Frame:
    shape = FrameShape(frame.shape[1], frame.shape[0], frame.dtype.name)  # type: ignore[arg-type]
    with engine.open("CPU", SessionRequest(network, shape, scale)) as session:
        return session.run(frame)


@pytest.mark.parametrize("scale", SCALES)
def test_8_bits_are_at_least_40_db_from_float32_on_real_frames(
    fast: Network, real_frames: list[Frame], scale: int
) -> None:
    for frame in real_frames:
        exact = run(OpenVinoEngine("f32", int8=False), fast, frame, scale)
        assert 40 <= pixels.psnr(run(FAST, fast, frame, scale), exact) < 50  # a higher value would not be 8 bits


def test_8_bits_serve_16_bit_frames(fast: Network, real_frames: list[Frame]) -> None:
    frame = np.ascontiguousarray(real_frames[0][:96, :128].astype(np.uint16) * 257)
    exact = run(OpenVinoEngine("f32", int8=False), fast, frame, 2)
    assert pixels.psnr(run(FAST, fast, frame, 2), exact) >= 40


def test_the_numpy_reference_in_8_bits_agrees_with_openvino(fast: Network, real_frames: list[Frame]) -> None:
    frame = np.ascontiguousarray(real_frames[0][40:80, 40:100])
    theirs = pixels.quantise(reference.upscale(fast, frame / 255, 4), np.uint8)
    ours = run(OpenVinoEngine("f32", int8=True), fast, frame, 4)
    assert pixels.psnr(ours, theirs) >= 45  # some values fall to the other side of a rounding


def test_channel_scales_without_corrected_biases_change_nothing(fast: Network) -> None:
    uncorrected = tuple(
        replace(one, biases=layer.biases) for one, layer in zip(fast.int8, fast.layers[1:], strict=False)
    )
    image = np.random.default_rng(3).random((12, 14, 3))
    moved = replace(fast, layers=tuple(channel_scaled(fast.layers, uncorrected)), int8=())
    plain = replace(fast, int8=())
    difference = reference.upscale(moved, image, 4, np.float64) - reference.upscale(plain, image, 4, np.float64)
    assert abs(difference).max() < 1e-4


@pytest.mark.parametrize(("width", "height"), [(320, 180), (33, 17)])
def test_8_bits_pass_the_self_test(fast: Network, width: int, height: int) -> None:
    with FAST.open("CPU", SessionRequest(fast, FrameShape(width, height), 2)) as session:
        assert session.name == "openvino/int8"
        selftest.check(session, fast)


def test_wrong_biases_fail_the_self_test(fast: Network) -> None:
    first, second, *others = fast.int8
    wrong = replace(fast, int8=(first, replace(second, biases=second.biases * 0), *others))
    with (
        FAST.open("CPU", SessionRequest(wrong, FrameShape(320, 180), 2)) as session,
        pytest.raises(EngineError) as error,
    ):
        selftest.check(session, fast)
    assert error.value.finding.code == "engine.golden_mismatch"


class Bf16InName(Session):
    """An engine that was allowed 8 bits and claims not to use them."""

    def __init__(self, inner: Session) -> None:
        super().__init__("openvino/bf16", inner.shape, inner.scale, 1)
        self._inner = inner

    def _run(self, frame: Frame) -> Frame:
        return self._inner.run(frame)


def test_a_session_whose_name_does_not_say_8_bits_must_be_exact(fast: Network) -> None:
    with (
        FAST.open("CPU", SessionRequest(fast, FrameShape(320, 180), 2)) as session,
        pytest.raises(EngineError, match="40 are required"),
    ):
        selftest.check(Bf16InName(session), fast)


def test_a_cpu_that_is_not_faster_in_8_bits_computes_exactly(
    fast: Network, network: Network, real_frames: list[Frame]
) -> None:
    frame = np.ascontiguousarray(real_frames[0][:48, :64])
    slow = OpenVinoEngine(int8=False)
    warnings: list[Finding] = []
    request = SessionRequest(fast, FrameShape(64, 48), 2)
    with open_session(
        request, EngineChoice("openvino"), engines={"openvino": slow}, on_fallback=warnings.append
    ) as session:
        assert session.name in ("openvino/bf16", "openvino/f32")
        assert (session.run(frame) == run(slow, network, frame, 2)).all()
    assert not warnings
    assert "int8" not in slow.devices()[0].note
    assert "int8" in FAST.devices()[0].note


def test_exact_is_the_default_and_never_uses_8_bits(network: Network) -> None:
    assert not network.int8
    with FAST.open("CPU", SessionRequest(network, FrameShape(64, 48), 2)) as session:
        assert not session.name.endswith("int8")


# --- the calibration file -------------------------------------------------------------------------------------------


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(weights.ENVIRONMENT, str(tmp_path))
    return tmp_path


def calibration() -> Path:
    return resources.shipped("models") / weights.list_models()[0].int8_file


def test_a_calibration_that_differs_from_the_manifest_is_refused(own_folder: Path) -> None:
    shutil.copy(calibration(), own_folder)
    path = own_folder / calibration().name
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(ModelMissingError) as error:
        weights.load("esrgan-2x", precision="fast")
    assert error.value.finding.code == "models.corrupt"
    assert weights.verify_models()[0].finding == error.value.finding
    assert not weights.load("esrgan-2x").int8


def test_the_error_for_a_missing_calibration_names_it(monkeypatch: pytest.MonkeyPatch, own_folder: Path) -> None:
    (real,) = weights.list_models()
    monkeypatch.setattr(weights, "list_models", lambda: (replace(real, int8_file="gone.json"),))
    with pytest.raises(ModelMissingError, match=r"gone\.json.*precision") as error:
        weights.load("esrgan-2x", precision="fast")
    assert error.value.finding.code == "models.missing"


def test_a_model_without_a_calibration_is_exact_even_in_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    (real,) = weights.list_models()
    monkeypatch.setattr(weights, "list_models", lambda: (replace(real, int8_file=None, int8_sha256=None),))
    assert not weights.load("esrgan-2x", precision="fast").int8


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scales", [1.0] * 63),
        ("scales", [0.0] * 64),
        ("scales", [1e400] * 64),
        ("step", 0),
        ("zero", 256),
        ("zero", 1e400),
        ("zero", {}),
    ],
)
def test_a_calibration_with_a_value_out_of_range_is_refused(key: str, value: object) -> None:
    document = json.loads(calibration().read_bytes())
    document["layers"][3][key] = value
    with pytest.raises(ModelMissingError) as error:
        parse(json.dumps(document).encode(), "own.json", 64, 16)
    assert error.value.finding.code == "models.corrupt"


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"layers": []}', b"\xff", b'{"layers": [[]] }'])
def test_a_file_that_is_not_a_calibration_is_refused(raw: bytes) -> None:
    with pytest.raises(ModelMissingError, match="not a calibration"):
        parse(raw, "own.json", 64, 16)


def test_the_digest_of_fast_includes_the_calibration() -> None:
    assert weights.digest("fast") != weights.digest("exact") == weights.digest()
