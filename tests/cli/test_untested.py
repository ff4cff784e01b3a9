"""A run that was killed between the avatar's writing and its test goes on with the test."""

from pathlib import Path

from instag.cli.untested import untested


def test_only_an_avatar_that_the_run_has_written_goes_on(tmp_path: Path) -> None:
    avatar, clip = tmp_path / "me.avatar", tmp_path / "me.clip"
    note = untested(avatar, clip, ("few", 1))
    assert not note.goes_on()
    note.begin()
    assert not note.goes_on()
    avatar.write_bytes(b"new")
    assert note.goes_on()
    assert untested(avatar, clip, ("few", 1)).goes_on()
    assert not untested(avatar, clip, ("few", 2)).goes_on()
    note.end()
    assert not note.goes_on()


def test_an_avatar_that_was_there_before_does_not(tmp_path: Path) -> None:
    avatar = tmp_path / "me.avatar"
    avatar.write_bytes(b"old")
    note = untested(avatar, tmp_path / "me.clip", ())
    note.begin()
    assert not note.goes_on()
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "new").replace(avatar)
    assert note.goes_on()


def test_a_damaged_note_is_none(tmp_path: Path) -> None:
    note = untested(tmp_path / "me.avatar", tmp_path / "me.clip", ())
    note.begin()
    (tmp_path / "me.avatar").write_bytes(b"new")
    note.note.write_text("[")
    assert not note.goes_on()
