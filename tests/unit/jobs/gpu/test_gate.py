from __future__ import annotations

from pathlib import Path

from framewatch.jobs.gpu.gate import _lock_folder


def test_the_folder_that_the_service_manager_made_is_used(tmp_path: Path) -> None:
    assert _lock_folder(tmp_path) == tmp_path


def test_a_link_in_its_place_is_not(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert _lock_folder(link) != link


def test_without_one_the_user_has_a_folder_among_those_of_all(tmp_path: Path) -> None:
    assert _lock_folder(tmp_path / "missing").name.startswith("framewatch-")
