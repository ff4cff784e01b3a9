"""Names are shown, identifiers become paths; nothing else does."""

import pytest

from instag.app.names import checked_identifier, checked_name, file_name, new_identifier
from instag.errors import BadArgument, FileMissing


def test_identifiers_are_new_and_pass() -> None:
    made = {new_identifier() for _ in range(50)}
    assert len(made) == 50
    assert all(checked_identifier(each) == each for each in made)


@pytest.mark.parametrize(
    "text", ["", "..", "../../etc/passwd", "0" * 15, "0" * 17, "A" * 16, "0" * 16 + "\n", "é" * 16]
)
def test_nothing_else_becomes_a_path(text: str) -> None:
    with pytest.raises(FileMissing):
        checked_identifier(text)


def test_names_are_one_line() -> None:
    assert checked_name("  Ada \n Lovelace ") == "Ada Lovelace"
    assert checked_name("../../Ada") == "../../Ada"
    for text in ("علی\u200cرضا", "क्\u200dष", "\U0001f468\u200d\U0001f469\u200d\U0001f467"):
        assert checked_name(text) == text
    for text in ("", "   ", "\u200d", "a" * 81, "a\x00b", "‮evil"):
        with pytest.raises(BadArgument, match="letters"):
            checked_name(text)


def test_files_are_named_as_every_system_allows() -> None:
    assert file_name("Zoë", ".avatar") == "Zoë.avatar"
    assert file_name('../a\\b:c"', ".avatar") == "_a_b_c_.avatar"
    assert file_name("...", ".avatar") == "avatar.avatar"
