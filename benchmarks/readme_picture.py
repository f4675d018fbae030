"""Make the picture of the README: one frame before and after, each with a zoomed crop.

    python -m benchmarks.readme_picture                          # writes docs/images/before-after.png
    python -m benchmarks.readme_picture --font /path/to/font.ttf # where fontconfig finds no sans-serif font

The left column is the source scaled by Lanczos, as a video player shows it. The right column is the same frame
upscaled 4x by the installed `framewatch` command. The crops are shown at the pixels of the 4x output.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

ROOT = Path(__file__).parents[1]
CLIP = ROOT / "tests" / "data" / "bbb-320x180.mp4"
PICTURE = ROOT / "docs" / "images" / "before-after.png"
SCALE = 4
WIDTH, HEIGHT = 400, 225  # of each of the four panels
BAR, GAP = 26, 6  # height of a label, space between columns
PRESET = f"ml_upscale: esrgan-{SCALE}x\ncontainer: png\n"


def run(argv: Sequence[str | Path]) -> None:
    subprocess.run([str(part) for part in argv], check=True)


def ffmpeg(*argv: str | Path) -> None:
    run([imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *argv])


def upscaled(frame: Path, folder: Path) -> Path:
    """The frame as the real engine enlarges it: PNG in, PNG out, so that no encoder changes it."""
    preset, output = folder / "preset.yaml", folder / "upscaled.png"
    preset.write_text(PRESET)
    run([sys.executable, "-m", "framewatch", "upscale", frame, "--preset", preset, "-o", output])
    return output


def label(text: str, font: str) -> str:
    style = f"{font}:fontsize=15:fontcolor=white:x=(w-text_w)/2:y=({BAR}-text_h)/2"
    return f"pad=iw:ih+{BAR}:0:{BAR}:0x202020,drawtext=text='{text}':{style}"


def column(name: str, texts: tuple[str, str], corner: tuple[int, int], font: str) -> str:
    """The filters that make one column from a stream at the size of the output: the whole frame over the crop."""
    x, y = corner
    return (
        f"[{name}]split[{name}_1][{name}_2];"
        f"[{name}_1]scale={WIDTH}:{HEIGHT}:flags=lanczos,{label(texts[0], font)}[{name}_whole];"
        f"[{name}_2]crop={WIDTH}:{HEIGHT}:{x * SCALE}:{y * SCALE},{label(texts[1], font)}[{name}_crop];"
        f"[{name}_whole][{name}_crop]vstack"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frame", type=int, default=20, help="number of the clip's frame")
    parser.add_argument("--crop", type=int, nargs=2, default=(78, 0), metavar=("X", "Y"), help="in source pixels")
    parser.add_argument("--font", type=Path, help="a TrueType font for the labels")
    parser.add_argument("--output", type=Path, default=PICTURE)
    options = parser.parse_args()
    font = f"fontfile={options.font}" if options.font else "font=sans-serif"
    corner = (options.crop[0], options.crop[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        frame = folder / "frame.png"
        ffmpeg("-i", CLIP, "-vf", f"select=eq(n\\,{options.frame})", "-frames:v", "1", "-update", "1", frame)
        after = upscaled(frame, folder)
        graph = (
            f"[0:v]scale=iw*{SCALE}:ih*{SCALE}:flags=lanczos[before];[1:v]format=rgb24[after];"
            f"{column('before', ('Before (source, scaled by Lanczos)', 'Before, detail'), corner, font)},"
            f"pad=iw+{GAP}:ih:0:0:white[left];"
            f"{column('after', (f'After (framewatch, {SCALE}x)', 'After, detail'), corner, font)}[right];"
            "[left][right]hstack,format=rgb24"
        )
        options.output.parent.mkdir(parents=True, exist_ok=True)
        encoder = ["-frames:v", "1", "-update", "1", "-pred", "mixed", "-compression_level", "9"]
        ffmpeg("-i", frame, "-i", after, "-filter_complex", graph, *encoder, options.output)


if __name__ == "__main__":
    main()
