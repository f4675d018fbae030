"""`precision: fast` through the installed command."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from clips import make_clip
from framewatch.upscale import host
from framewatch.upscale.frames import pixels
from harness import FAST_PRESET, Harness, framewatch

EXPECTED = ("openvino/int8",) if host.int8_is_faster() else ("openvino/bf16", "openvino/f32")


def pictures(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.slow
def test_a_folder_is_upscaled_fast_where_the_configuration_says_so(harness: Harness, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4")
    exact = tmp_path / "exact.mp4"
    preset = tmp_path / "own.yaml"
    preset.write_text(json.dumps(FAST_PRESET | {"crf": 1}))
    framewatch("upscale", source, "--preset", preset, "-o", exact, "--engine", "openvino")
    folder = harness.folder(preset=FAST_PRESET | {"crf": 1})
    harness.settings |= {"engine": "openvino", "precision": "fast"}
    harness.write()
    (folder / "a.mp4").write_bytes(source.read_bytes())
    harness.once()
    made = folder.parent / "out" / "a.mp4"
    assert json.loads(made.with_name("a.mp4.progress.json").read_text())["engine"] in EXPECTED
    assert pixels.psnr(pictures(made), pictures(exact)) >= 30  # hard edges everywhere, and 64x48


def test_one_file_is_upscaled_fast_on_request(tmp_path: Path) -> None:
    source, output = make_clip(tmp_path / "a.mp4"), tmp_path / "big.mp4"
    preset = tmp_path / "own.yaml"
    preset.write_text(json.dumps(FAST_PRESET))
    arguments = ("upscale", source, "--preset", preset, "-o", output, "--engine", "openvino", "--json", "--precision")
    refused = framewatch(*arguments, "quick")
    assert refused.returncode == 2
    assert "exact or fast" in refused.stderr
    assert json.loads(framewatch(*arguments, "fast").stdout)["engine"] in EXPECTED


def test_doctor_says_whether_fast_helps_on_this_cpu(harness: Harness) -> None:
    harness.folder()
    harness.settings |= {"engine": "ncnn", "precision": "fast"}
    harness.write()
    checks = json.loads(framewatch("doctor", "--config", harness.config, "--json").stdout)["checks"]
    said = next(check["said"] for check in checks if check["name"] == "engine")
    assert "precision fast changes nothing here" in said
