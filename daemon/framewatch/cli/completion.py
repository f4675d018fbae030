"""What the shell offers for presets, jobs and folders: `framewatch --install-completion` switches it on.

A completion that fails offers nothing: a message would land in the line that the user types.

Shells compute what they are offered: zsh runs a command that a file's name holds between `$(` and `)`, also where it
is only shown. Anybody who can write to a share makes such names, so only harmless characters reach the shell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from framewatch.cli.options import load_configuration
from framewatch.errors import ConfigError
from framewatch.settings import Settings

Offer = str | tuple[str, str]
"""A word, or a word and what the shell shows beside it."""

_MOST_JOBS = 200
_SPECIAL = re.compile(r"[^\w ./:,+@%=\[\]-]")  # what means something to a shell, and what is invisible
_WORDS = {  # states of the jobs that a command is for; others are for those that have not ended
    "retry": ("failed", "cancelled"),
    "redo": ("done", "skipped"),
}
_UNFINISHED = ("running", "publishing", "held", "queued")


def _silent(
    offers: Callable[[typer.Context, str], Iterable[Offer]],
) -> Callable[[typer.Context, str], list[Offer]]:
    """Return the function that offers what begins with the word so far, and nothing after an error."""

    # Not wrapped by functools: typer looks at the signature.
    def _complete(ctx: typer.Context, incomplete: str) -> list[Offer]:
        try:
            return [_harmless(offer) for offer in offers(ctx, incomplete) if _fits(_word(offer), incomplete)]
        except Exception:  # noqa: BLE001 - see above
            return []

    return _complete


@_silent
def presets(ctx: typer.Context, incomplete: str) -> Iterator[Offer]:
    """Offer the names of presets, and files once a path is begun."""
    from framewatch.media.preset.library import SUFFIXES, PresetLibrary  # noqa: PLC0415 - only while completing

    if "/" in incomplete or incomplete.startswith("."):
        yield from _files(incomplete, SUFFIXES)
        return
    settings = _settings(ctx)
    folder = Path("presets") if settings is None else settings.presets_dir
    yield from PresetLibrary([folder]).by_name()


@_silent
def jobs(ctx: typer.Context, _: str) -> Iterator[Offer]:
    """Offer the ids of the jobs that the command is for, with their files."""
    from framewatch.domain import JobState  # noqa: PLC0415 - only while completing
    from framewatch.jobs.store.store import Store  # noqa: PLC0415

    settings = _settings(ctx)
    if settings is None or not settings.store_path.exists():
        return
    states = tuple(map(JobState, _WORDS.get(ctx.info_name or "", _UNFINISHED)))
    given = ctx.params.get("jobs") or ()
    with Store.open(settings.store_path, readonly=True) as store:
        for job in store.find(states, limit=_MOST_JOBS):
            if job.id not in given:
                yield job.id, f"{job.state}: {job.relative.name}"


@_silent
def folders(ctx: typer.Context, _: str) -> Iterator[Offer]:
    """Offer the names of the watch folders."""
    settings = _settings(ctx)
    for folder in settings.folders if settings else ():
        yield folder.name, str(folder.input)


def _settings(ctx: typer.Context) -> Settings | None:
    """Return the settings that the command would use; None where there is no valid configuration."""
    try:
        return load_configuration(ctx.params.get("config")).settings
    except ConfigError:
        return None


def _files(incomplete: str, suffixes: Iterable[str]) -> Iterator[str]:
    """Offer the folders, and the files with these endings, below the path that is begun."""
    head, slash, _ = incomplete.rpartition("/")
    for path in sorted(Path(f"{head}{slash}").expanduser().iterdir()):
        if path.is_dir():
            yield f"{head}{slash}{path.name}/"
        elif path.suffix in suffixes:
            yield f"{head}{slash}{path.name}"


def _fits(word: str, incomplete: str) -> bool:
    """Return whether a word may be offered: one with special characters would have to be quoted for each shell."""
    return word.startswith(incomplete) and not _SPECIAL.search(word.removeprefix(incomplete))


def _harmless(offer: Offer) -> Offer:
    return offer if isinstance(offer, str) else (offer[0], _SPECIAL.sub("_", offer[1]))


def _word(offer: Any) -> str:
    return offer if isinstance(offer, str) else str(offer[0])
