"""Preset documents with seeded mutations of bytes, tokens and YAML nodes. The same seed makes the same document."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PRESETS = Path(__file__).parents[2] / "config" / "presets"

_HAND_WRITTEN = (
    "ml_upscale: esrgan-2x\nfps: 24000/1001\nstart_time: 1:30\nend_time: 0:02:00.5\ncrf: 18\n",
    "only_if: {min_width: 100, max_fps: 30, codecs: [h264, hevc], containers: [mp4, mkv], max_duration: 10:00}\n"
    "else: {extends: default, crf: 20, else: {container: mkv}}\n",
    "video_codec: libx265\nextra_encoder_args: [-tune, animation, -x265-params, 'aq-mode=3:psy-rd=1']\n"
    "selected_audio_tracks: [1, 2]\nselected_subtitle_tracks: none\n",
    "subtitle_burn_path: a.srt\nsubtitle_font_color: '#FFFFFF'\nsubtitle_font_size: 24\ncrop: {x: 2, width: 100}\n",
    "metadata: {mode: replace, title: a title, date: 2024-05-01, comment: 'é ü'}\nrotation: 90\ndeinterlace: on\n",
    '{"id": "x", "name": "y", "config": {"container": "mp4", "videoCodec": "libx264", "crf": "23", "fps": "25"}}',
    "base: &b {crf: 20}\n<<: *b\naudio_compressor: {threshold: -20.5, ratio: 2}\naudio_limiter: true\n",
)
# What parsers and the code behind them stumble over.
_HOSTILE_SCALARS = (
    "!!bool abc", "!!int ''", "!!float ''", "!!null x", "!!timestamp abc", "2024-99-99", "2024-02-30 25:61:61",
    "!!binary '=x='", "!!set {a, b}", "!!omap [a]", "!!python/object:os.system x", "!!str [a]", "!!map [a]", "!a b",
    "1e999999999", "'1e999999999'", "1.0e+999999999", "9" * 6000, "0x" + "f" * 5000, "0" * 5000 + "7",
    "0b" + "1" * 5000,
    ":".join(["59"] * 2000), "1" + ":59" * 2000 + ".5", "0x_", "0b_", "+", "-", ".", "-.", "1_", "_1", "1/0", "1/3",
    "'" + "9" * 5000 + "/" + "7" * 5000 + "'", ".inf", "-.inf", ".nan", "'nan'", "'inf'", "'infinity'", "1e400",
    '"\\ud800"', '"\\udfff\\ud800"', '"\\ud83d\\ude00"', '"\\0"', '"a\\0.srt"', '"\\x1b[2J"', '"\\UFFFFFFFF"',
    '"\\uFFFE"', '"\\x7f\\x85\\u2028"', "'\u202e'", "'" + "x" * 30_000 + "'", "'" + "A" * 30_000 + "'",
    "/etc/shadow", "../../x", "~nosuchuser/x", "~", "file:///etc/passwd", "'a b;c|d'", "a" * 5000 + ".yaml",
    "*b", "&b b", "&b [*b]", "&b {<<: *b}", "{<<: [1, 2]}", "{<<: x}", "<<", "=", "{[a]: b}", "{{a: b}: c}",
    "{? [a, b] : c}", "{null: 1, true: 2, 3: 4}", "[" * 200 + "]" * 200, "{a: " * 100 + "1" + "}" * 100, "[", "}",
    "| \n", "> \n", "?", "%YAML 9.9", "%TAG ! x", "---", "...", "@", "`", "\t", "''", '""', "on", "off", "yes",
    "[" + "x," * 3000 + "]", "{" + ",".join(f"k{n}: {n}" for n in range(3000)) + "}", "1", "-1", "0", "0.1", "9e9",
)  # fmt: skip
_TOKENS = (*"[]{},:?-&*!|>'\"%@`#\n\t ", "<<: ", "!!", "---\n", "...\n", "\r", "\0", "\ufeff", "\u2028")
_LONGEST = 200_000  # bytes, below the limit of a document


def fuzz_preset(seed: int) -> bytes:
    """Return a document that is almost a preset. Most of them are wrong, and some are hostile."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    text = chance.choice(_sources())
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        mutate = chance.choice(
            (_replace_value, _swap_values, _swap_values, _insert_token, _mutate_nodes, _repeat, _add_key)
        )
        text = mutate(text, chance)[:_LONGEST]
    content = text.encode("utf-8", "surrogatepass")
    return _mutate_bytes(content, chance) if chance.random() < 0.2 else content


@cache
def _sources() -> tuple[str, ...]:
    shipped = (path.read_text(encoding="utf-8") for path in sorted(PRESETS.glob("*.yaml")))
    return (*shipped, *_HAND_WRITTEN)


def _replace_value(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    number = chance.randrange(len(lines))
    key, colon, _ = lines[number].partition(":")
    value = chance.choice(_HOSTILE_SCALARS)
    lines[number] = f"{key}: {value}" if colon else value
    return "\n".join(lines)


def _swap_values(text: str, chance: random.Random) -> str:
    """Give a key the value of another key, or a number."""
    lines = text.split("\n")
    number, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    key, colon, _ = lines[number].partition(":")
    value = chance.choice(
        (lines[other].partition(":")[2], *(str(chance.randrange(-100, 10 ** chance.randrange(1, 15))),) * 2)
    )
    lines[number] = f"{key}: {value}" if colon else lines[number]
    return "\n".join(lines)


def _insert_token(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice((*_TOKENS, *_HOSTILE_SCALARS)) + text[at:]


def _repeat(text: str, chance: random.Random) -> str:
    start = chance.randrange(len(text) + 1)
    piece = text[start : start + chance.randrange(1, 40)]
    return text[:start] + piece * chance.choice((2, 3, 50, 1000)) + text[start:]


def _add_key(text: str, chance: random.Random) -> str:
    keys = (
        "fps",
        "extends",
        "else",
        "only_if",
        "metadata",
        "crop",
        "startTime",
        "subtitle_burn_path",
        "crf",
        "codecs",
    )
    key = chance.choice((*keys, *_HOSTILE_SCALARS))
    return f"{text}\n{key}: {chance.choice(_HOSTILE_SCALARS)}\n"


def _mutate_nodes(text: str, chance: random.Random) -> str:
    """Replace, remove or nest a value of the parsed document, where it can still be parsed."""
    try:
        data = yaml.safe_load(text)
        places = list(_places(data))
        holder, key = chance.choice(places)
        other_holder, other_key = chance.choice(places)
        holder[key] = chance.choice(
            (other_holder[other_key], [holder[key]], {"x": holder[key]}, None, True, -1, 1e300, "", [], {}, 10**30)
        )
        return yaml.safe_dump(data, allow_unicode=chance.random() < 0.5, default_flow_style=chance.random() < 0.5)
    except Exception:  # noqa: BLE001 - the text has mutations already, which PyYAML may fail on in any way
        return text


def _places(data: Any) -> Any:
    """Yield each place of a value as its container and key."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(pairs):
        yield data, key
        yield from _places(value)


def _mutate_bytes(content: bytes, chance: random.Random) -> bytes:
    mutable = bytearray(content)
    for _ in range(chance.choice((1, 2, 8, 40))):
        if not mutable:
            break
        at = chance.randrange(len(mutable))
        action = chance.randrange(4)
        if action == 0:
            mutable[at] = chance.randrange(256)
        elif action == 1:
            del mutable[at : at + chance.randrange(1, 20)]
        elif action == 2:
            mutable[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 6)))
        else:
            mutable[at] ^= 1 << chance.randrange(8)
    return bytes(mutable)
