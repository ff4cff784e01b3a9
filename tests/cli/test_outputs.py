"""Outputs that are inputs: what is read is never replaced, whatever it is called."""

from pathlib import Path

import numpy as np
import pytest

from instag.cli.options import refuse_existing
from instag.errors import BadArgument
from instag.media.wav import write_wav


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
