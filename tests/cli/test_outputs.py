"""Outputs that are inputs: what is read is never replaced, whatever it is called."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from instag.cli.options import refuse_existing
from instag.errors import BadArgument
from instag.media.wav import write_wav
from instag.runtime.write_errors import check_writable

ARTEFACTS = Path(__file__).parents[1] / "artefacts"


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize(
    "words", [("features", "IN", "-o", "OUT"), ("create", "IN", "-o", "OUT"), ("features", "NPY")]
)
def test_an_input_is_not_replaced(run, tmp_path: Path, words: tuple[str, ...], link: bool) -> None:
    given, table, out = (tmp_path / name for name in ("in.wav", "in.npy", "in.wav"))
    write_wav(given, np.zeros(16_000, np.int16))
    np.save(table, np.zeros((4, 16, 29), np.float32))
    if link:
        out = tmp_path / "out"
        out.symlink_to(given)
    before = given.read_bytes(), table.read_bytes()
    names = {"IN": given, "OUT": out, "NPY": table}
    result = run(*(names.get(word, word) for word in words), "--overwrite")
    assert result.exit_code == 2
    assert "is read here, and would be lost. Give another -o." in result.stderr
    assert (given.read_bytes(), table.read_bytes()) == before


def test_other_outputs_are_replaced_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    refuse_existing(tmp_path / "a", True, tmp_path / "b", None, tmp_path / "nowhere")
    with pytest.raises(BadArgument, match="exists already"):
        refuse_existing(tmp_path / "a", False, tmp_path / "b")


def test_a_question_ends_an_error_as_it_is(run) -> None:
    result = run("creat", "me.mp4")
    assert "Did you mean 'create'? See: " in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize(
    "words",
    [
        ("speak", "AVATAR", "SOUND", "-o", "circle"),
        ("speak", "AVATAR", "SOUND", "-o", "circle.mp4"),
        ("speak", "AVATAR", "SOUND", "-o", "nowhere/out"),
        ("speak", "AVATAR", "SOUND", "-o", "file/out.mp4"),
        ("speak", "AVATAR", "SOUND", "-o", "circle/out.mp4"),
        ("speak", "AVATAR", "SOUND", "-o", "/proc/out.mp4"),
        ("speak", "AVATAR", "SOUND", "-o", "n" * 300),
        ("evaluate", "AVATAR", "CLIP", "-o", "circle"),
        ("evaluate", "AVATAR", "CLIP", "-o", "file"),
        ("adapt", "CLIP", "-o", "file/me.avatar"),
        ("prepare", "SOUND", "-o", "circle"),
        ("import-clip", "CLIP", "-o", "circle"),
        ("export-clip", "CLIP", "circle"),
    ],
)
def test_an_output_that_cannot_be_made_is_refused_before_the_work(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """A speech of an hour was heard first, and a head learned."""
    monkeypatch.chdir(tmp_path)
    Path("circle").symlink_to("circle")
    Path("circle.mp4").symlink_to("circle.mp4")
    Path("nowhere").symlink_to("no such folder")
    Path("file").touch()
    write_wav(Path("in.wav"), np.zeros(16_000, np.int16))
    folder = tmp_path / "new.clip"
    before = sorted(tmp_path.iterdir())
    shutil.copytree(ARTEFACTS / "speaker.clip", folder)
    names = {"AVATAR": ARTEFACTS / "lip_codes.avatar", "SOUND": "in.wav", "CLIP": folder}
    monkeypatch.setattr("instag.models.avatar.Avatar.open", _too_late)
    monkeypatch.setattr("instag.data.clip.Clip.open", _too_late)
    result = run(*(names.get(word, word) for word in words))
    assert result.exit_code in (1, 2)
    assert "cannot be written" in result.stderr or "is a file" in result.stderr
    assert sorted(tmp_path.iterdir()) == sorted([*before, folder])


def _too_late(*_: object) -> None:
    raise AssertionError("the work has begun")


def test_a_link_in_the_place_of_a_new_folder_is_refused(run, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    write_wav(tmp_path / "in.wav", np.zeros(16_000, np.int16))
    result = run(
        "speak", ARTEFACTS / "lip_codes.avatar", tmp_path / "in.wav", "-o", tmp_path / "out"
    )
    assert result.exit_code == 2
    assert "exists already. Give the name of a new folder." in result.stderr


def test_what_can_be_written_is(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "folder" / "out.mp4")
    (tmp_path / "old").write_text("kept")
    check_writable(tmp_path / "old")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
