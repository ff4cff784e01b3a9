"""Frames of an evaluation as files: those of an earlier one are replaced, and nobody else's."""

from pathlib import Path

import numpy as np
import pytest

from instag.errors import BadArgument
from instag.evaluation.held_out import FramePair
from instag.evaluation.rendering_files import remove_marks, written


def write(folder: Path, *frames: int) -> None:
    picture = np.zeros((16, 16, 3), np.uint8)
    pairs = [FramePair(index=index, prediction=picture, truth=picture) for index in frames]
    speech = np.zeros(640 * len(frames), np.float32)
    for _ in written(pairs, folder, speech, {}):
        pass


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.png"))


def test_what_an_evaluation_wrote_is_replaced(tmp_path: Path) -> None:
    write(tmp_path, 3, 4, 5)
    write(tmp_path, 7)
    assert names(tmp_path / "truth") == names(tmp_path / "prediction") == ["00007.png"]


def test_somebodys_own_pictures_are_not(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "0001.png").write_bytes(b"mine")
    with pytest.raises(BadArgument, match=r"0001\.png: they would be lost"):
        write(tmp_path, 7)
    assert (tmp_path / "truth" / "0001.png").read_bytes() == b"mine"


def test_those_of_a_report_without_the_mark_are(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "00001.png").write_bytes(b"of an earlier version")
    (tmp_path / "metrics.json").write_text("{}")
    write(tmp_path, 7)
    assert names(tmp_path / "truth") == ["00007.png"]
    remove_marks(tmp_path)
    assert [path.name for path in (tmp_path / "truth").iterdir()] == ["00007.png"]
