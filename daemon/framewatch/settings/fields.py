"""Value types of the daemon file that need more than a Python type: paths, names, patterns, lists."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, TypeAdapter, ValidationError

from framewatch.documents import FindingError, shown, suggestion
from framewatch.text import control_character
from framewatch.user_folders import expanded

NAME_FIELDS = ("stem", "preset", "ext")  # `framewatch.jobs.naming` fills them in
NOT_PORTABLE = '<>:"\\|?*'  # beside "/", which no file system allows; `framewatch.jobs.naming` replaces them
_BAD_VALUE = "config.bad_value"
_BAD_NAME = "config.bad_output_name"
_BYTES = TypeAdapter(ByteSize)
_MOST_BYTES = 2**63 - 1  # no file is larger


def absolute(path: Path, base: Path) -> Path:
    """Make `path` absolute and normal: `~` is the user's home, and relative paths start from `base`.

    `..` is resolved in the text, so that `in/../out` lies beside `in` even if `in` is a symbolic link.
    """
    return Path(os.path.normpath(base / (expanded(path) or path)))


def path_problem(value: str | Path) -> str | None:
    """Return why this text cannot be a path in the configuration; None if it can."""
    text = str(value)
    if not text.strip():
        return "the path is empty"
    if found := control_character(text):
        return f"the path contains the control character {found}"
    if expanded(Path(text)) is None:
        return f'there is no home folder for "{text}"'
    return None


def _path(value: Any) -> Any:
    if isinstance(value, str | Path) and (problem := path_problem(value)):
        raise FindingError(_BAD_VALUE, problem, "write the full path")
    return value


def _list(value: Any) -> Any:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise FindingError(_BAD_VALUE, "a list is expected here", "start each item with a dash")
    return tuple(value)


def _folder_list(value: Any) -> Any:
    if not (items := _list(value)):
        raise FindingError(_BAD_VALUE, "no folder is given", "name at least one folder to watch")
    return items


def _folder_name(value: str) -> str:
    if not re.fullmatch(FOLDER_NAME, value) or not value.strip("."):
        hint = "use letters, digits, '.', '_' and '-', at most 64"
        raise FindingError(_BAD_VALUE, f'"{shown(value)}" is not a valid folder name', hint)
    return value


def _pattern(value: str) -> str:
    if not value.strip("/ "):
        raise FindingError(_BAD_VALUE, "the pattern is empty", 'write one such as "*.bak" or "extras/*"')
    return value


def _preset(value: Any) -> Any:
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return dict(value)
    hint = "a name such as upscale-4k, a path to a YAML file, or a mapping of preset keys"
    raise FindingError(_BAD_VALUE, "a preset is expected here", hint)


def _count_or_auto(value: Any) -> Any:
    if isinstance(value, str) and value.isdecimal() and len(value) <= 2:  # from an environment variable
        return _count_or_auto(int(value))
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if value == "auto" or (is_number and 1 <= value <= 64):
        return value
    raise FindingError(_BAD_VALUE, f'"{shown(value)}" is not allowed here', "auto, or a number from 1 to 64")


def is_word(value: Any, word: str) -> bool:
    """Return whether a text is this word, and not a path; case does not matter, as for other choices."""
    return isinstance(value, str) and value.strip().lower() == word


def _program(value: Any) -> Any:
    return value if value == "system" else _path(value)


def _size(value: Any) -> Any:
    try:
        size = None if isinstance(value, bool) else _BYTES.validate_python(value)
    except (ValidationError, OverflowError):  # OverflowError: a number with hundreds of digits and a unit
        size = None
    if size is None or not 0 <= size <= _MOST_BYTES:
        hint = "write bytes, or a number with a unit, such as 50 MB or 1.5 GiB"
        raise FindingError(_BAD_VALUE, f'"{shown(value)}" is not the size of a file', hint)
    return size


def _file_mode(value: Any) -> Any:
    """Return the octal digits of a mode. YAML reads 0664 as a number, and 664 as another one."""
    hint = 'write octal digits in quotes, such as "0664"; the owner (6) must be able to read and write'
    if isinstance(value, str) and re.fullmatch(FILE_MODE, value):
        return value
    raise FindingError(_BAD_VALUE, f'"{shown(value)}" is not the mode of a file', hint)


def _replacement(value: str) -> str:
    if len(value) > 8 or not value.isprintable() or set(value) & {*NOT_PORTABLE, "/"} or value.strip(" ./") != value:
        hint = 'write a character that every file system allows, such as "_"; or "", to leave the others out'
        raise FindingError(_BAD_VALUE, f'"{shown(value)}" cannot be in a name', hint)
    return value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def name_template(template: str) -> str:
    """Check that a template makes plain file names, and return it.

    Raises:
        FindingError: it has unknown fields, formats, stray braces or slashes, or makes an empty or hidden name.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise FindingError(_BAD_NAME, f"this is not a name template: {error}", _FIELDS_HINT) from None
    for text, field, spec, conversion in parts:
        _check_name_part(text, field, bool(spec or conversion))
    if "/" in template or "\0" in template:
        raise FindingError(_BAD_NAME, "a file name is expected, not a path", "folders are set by `output`")
    if not template.strip() or template.startswith("."):
        raise FindingError(_BAD_NAME, "an output name cannot be empty or hidden", 'use "{stem}.{ext}"')
    if not template.isprintable():
        raise FindingError(_BAD_NAME, "a file name cannot contain control characters", _FIELDS_HINT)
    if template.endswith(".progress.json"):
        raise FindingError(_BAD_NAME, "this name is reserved for progress files", 'use "{stem}.{ext}"')
    return template


def _check_name_part(text: str, field: str | None, formatted: bool) -> None:
    if "{" in text or "}" in text:  # "{{" in the template
        raise FindingError(_BAD_NAME, "braces are for fields only", _FIELDS_HINT)
    if field is None:
        return
    if field not in NAME_FIELDS:
        hint = suggestion(field, NAME_FIELDS) or _FIELDS_HINT
        raise FindingError(_BAD_NAME, f"unknown field {{{shown(field)}}}", hint)
    if formatted:
        raise FindingError(_BAD_NAME, f"{{{field}}} takes no format", f"write {{{field}}} alone")


_FIELDS_HINT = f"the fields are {', '.join(f'{{{name}}}' for name in NAME_FIELDS)}"


def _done(value: Any) -> Any:
    """Tell the word `keep` from a path: a folder of this name is written `./keep`."""
    return "keep" if is_word(value, "keep") else _path(value)


def _failed(value: Any) -> Any:
    """Refuse the word that only `done` takes: it would be a folder beside the configuration."""
    if is_word(value, "keep"):
        hint = (
            "with `done: keep`, failed sources stay as well: remove failed; a folder of this name is written ./keep"
        )
        raise FindingError(_BAD_VALUE, '"keep" is a value of `done` alone', hint)
    return _path(value)


DEFAULT_NAME = "{stem}.{ext}"


def folder_conflict(data: Mapping[str, Any]) -> FindingError | None:
    """Return the error for keys of a folder that contradict each other; None if there are none."""
    if is_word(data.get("done"), "keep"):
        why = "`done: keep` leaves everything in the input as it is"
        limits = ("keep_done_days", "keep_failed_days", "max_done_gb", "max_failed_gb")
        refused = {"replace": data.get("replace") is True, "companions": data.get("companions") == "move"}
        refused |= {key: data.get(key) is not None for key in limits}
    elif data.get("replace") is True:
        why = "with `replace`, each output takes the place and the name of its source"
        elsewhere = data.get("output") is not None and Path(data["output"]) != Path(data["input"])
        refused = {"output": elsewhere, "output_name": data.get("output_name") not in (None, DEFAULT_NAME)}
        refused["replace_characters"] = data.get("replace_characters") is not None
    else:
        return None
    key = next((key for key, is_refused in refused.items() if is_refused), None)
    return FindingError("config.conflict", f"{key} cannot be used here: {why}", f"remove {key}") if key else None


FILE_MODE = "0?6[0246]{2}"  # the owner reads and writes, and nobody executes
FOLDER_NAME = r"[A-Za-z0-9._-]{1,64}"

ConfigPath = Annotated[Path, BeforeValidator(_path)]
FileMode = Annotated[str, BeforeValidator(_file_mode), Field(json_schema_extra={"pattern": f"^{FILE_MODE}$"})]
Replacement = Annotated[str, AfterValidator(_replacement)]
ProgramPath = Annotated[Literal["system"] | Path, BeforeValidator(_program)]
DoneFolder = Annotated[Literal["keep"] | Path, BeforeValidator(_done)]
FailedFolder = Annotated[Path | None, BeforeValidator(_failed)]
FileSize = Annotated[ByteSize, BeforeValidator(_size)]
FolderName = Annotated[str, AfterValidator(_folder_name), Field(json_schema_extra={"pattern": f"^{FOLDER_NAME}$"})]
Patterns = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], BeforeValidator(_list)]
PresetSpec = Annotated[str | dict[str, Any] | None, BeforeValidator(_preset)]
OutputName = Annotated[str, AfterValidator(name_template)]
Amount = Annotated[float | None, Field(allow_inf_nan=False)]  # None: without a limit
Seconds = Annotated[float, Field(allow_inf_nan=False)]
CountOrAuto = Annotated[Literal["auto"] | Annotated[int, Field(ge=1, le=64)], BeforeValidator(_count_or_auto)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]
PrecisionName = Literal["exact", "fast"]
OrderName = Literal["arrival", "name", "oldest", "newest", "smallest", "largest", "shortest"]
EngineName = Literal["auto", "cuda", "openvino", "ncnn", "identity"]
NonEmpty = BeforeValidator(_folder_list)
