"""An output that takes its source's place, while others change files there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from framewatch.domain import Job, JobState, Journal
from framewatch.errors import ErrorRecord, Finding, Remedy
from framewatch.jobs.lifecycle import events as ev
from framewatch.jobs.lifecycle.errors import ImpossibleTransitionError
from framewatch.jobs.lifecycle.publishing_step import PlaceOutput
from framewatch.jobs.lifecycle.transitions import require_cancellable
from framewatch.jobs.publishing import publish
from framewatch.storage import rename
from framewatch.storage.swap.take_place import new_name
from publish_world import NAME, RESULT, SOURCE, STEM, World

Step = Callable[..., ev.Event]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, mode="replace", ending=".mkv")


def before_the_swap(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something when the source is secured, and the output is about to take its place."""
    real: Step = publish._STEPS[PlaceOutput]

    def step(*arguments: object) -> ev.Event:
        act()
        return real(*arguments)

    monkeypatch.setitem(publish._STEPS, PlaceOutput, step)  # type: ignore[arg-type]


def films(world: World) -> dict[str, bytes]:
    return {name: content for name, content in world.files().items() if not name.endswith(".json")}


def test_a_source_that_is_written_to_stays_and_has_no_second_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.job()
    before_the_swap(monkeypatch, lambda: world.source.open("ab").close() or world.source.write_bytes(b"more"))
    job = world.publish()
    assert (job.state, job.findings[0].code) == (JobState.FAILED, "source.changed")
    assert films(world) == {f"in/s1/{NAME}": b"more"}


@pytest.mark.parametrize("other", [b"another film", b"x" * len(RESULT)])
@pytest.mark.parametrize("stopped", [False, True])
def test_another_file_in_the_place_stays_and_so_does_the_source(
    world: World, monkeypatch: pytest.MonkeyPatch, other: bytes, stopped: bool
) -> None:
    def act() -> None:
        world.source.unlink()
        world.source.write_bytes(other)
        if stopped:  # between the two moves of an earlier attempt
            world.result.rename(world.source.with_name(new_name(job.id)))

    job = world.job()
    before_the_swap(monkeypatch, act)
    assert world.publish().state == JobState.FAILED
    assert films(world) == {f"in/s1/{NAME}": other, f"done/s1/{NAME}": SOURCE}


def test_another_file_that_comes_at_the_last_moment_is_put_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = rename.exchange

    def exchange(folder: int, one: str, other: str) -> bool:
        if not world.source.read_bytes().startswith(b"late"):
            world.source.unlink()
            world.source.write_bytes(b"late film")
        return real(folder, one, other)

    world.job()
    monkeypatch.setattr("framewatch.storage.swap.take_place.exchange", exchange)
    assert world.publish().state == JobState.FAILED
    assert films(world) == {f"in/s1/{NAME}": b"late film", f"done/s1/{NAME}": SOURCE}


def test_a_file_system_that_cannot_exchange_names_will_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.job()
    monkeypatch.setattr("framewatch.storage.swap.take_place.exchange", lambda *_: False)
    assert world.publish().state == JobState.DONE
    assert films(world) == {f"in/s1/{NAME}": RESULT, f"done/s1/{NAME}": SOURCE}


def test_a_job_that_fails_after_its_source_was_secured_leaves_it_in_failed_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.job()
    error = ErrorRecord((Finding("storage.denied", "no"),), Remedy.NONE)
    monkeypatch.setitem(publish._STEPS, PlaceOutput, lambda *_: ev.Broke(error))  # type: ignore[arg-type]
    job: Job = world.publish()
    assert job.state == JobState.FAILED
    assert films(world) == {f"failed/s1/{NAME}": SOURCE}


def test_the_output_and_its_source_are_known_from_then_on(world: World) -> None:
    world.job()
    journal = world.publish().journal
    assert journal.made is not None
    assert journal.made.made
    assert journal.made.identity.size == len(RESULT)
    assert journal.source_to == world.places.root("done").path / "s1" / NAME


def test_a_film_beside_the_source_is_not_replaced(tmp_path: Path) -> None:
    world = World(tmp_path, mode="replace", ending=".mp4")
    other = world.source.with_suffix(".mp4")
    other.write_bytes(b"another film")
    world.job()
    assert world.publish().state == JobState.DONE
    assert films(world) == {
        f"in/s1/{other.name}": b"another film",
        f"in/s1/{other.stem} (2).mp4": RESULT,
        f"done/s1/{NAME}": SOURCE,
    }


def test_a_job_whose_source_is_secured_cannot_be_cancelled(world: World) -> None:
    journal = Journal(result=world.result, output=world.source, source_to=world.source, source_secured=True)
    held = world.job(state=JobState.HELD, held_state=JobState.PUBLISHING, journal=journal)
    with pytest.raises(ImpossibleTransitionError):
        require_cancellable(held)
    require_cancellable(held.evolve(journal=journal.evolve(source_secured=False)))


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
def test_of_the_companions_only_checksums_go_with_the_source(tmp_path: Path, ending: str) -> None:
    companions = {f"{STEM}.srt": b"text", f"{NAME}.md5": b"sum"}
    world = World(tmp_path, companions=companions, mode="replace", ending=ending)
    world.job()
    assert world.publish().state == JobState.DONE
    assert films(world) == {
        f"in/s1/{STEM}{ending}": RESULT,
        f"in/s1/{STEM}.srt": b"text",
        f"done/s1/{NAME}": SOURCE,
        f"done/s1/{NAME}.md5": b"sum",
    }
