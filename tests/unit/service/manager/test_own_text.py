"""framewatch knows its own units again, and notices when one was edited."""

from __future__ import annotations

import pytest

from framewatch.service.manager.own_text import has_mark, is_unchanged, marked

TEXTS = ["[Unit]\nDescription=x\n", '<?xml version="1.0"?>\n<plist/>\n', "# caf\udce9\n"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_marked_text_is_known_again_until_it_is_edited(text: str) -> None:
    own = marked(text)
    assert own.startswith(text.split("\n", maxsplit=1)[0]) == text.startswith("<?xml")
    assert is_unchanged(own)
    edited = own + "# mine\n"
    assert has_mark(edited)
    assert not is_unchanged(edited)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_without_the_mark_is_not_framewatchs_own(text: str) -> None:
    assert not has_mark(text)
    assert not is_unchanged(text)
