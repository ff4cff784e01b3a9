"""One boundary: whatever a parser raises becomes one line with the file and what to do."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from instag.errors import AssetDamaged, FileMissing, NewerFormat, NotAnArtefact
from instag.runtime.untrusted import (
    check_array,
    check_rotations,
    check_tensors,
    parsing,
    read_text,
    real_number,
    whole_number,
    words,
)


@pytest.mark.parametrize(
    "raised",
    [
        ValueError("a\nb"),
        KeyError("size"),
        IndexError(),
        ZeroDivisionError(),
        RecursionError(),
        MemoryError(),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "no"),
        OSError(5, "Input/output error"),
        ValueError("x" * 10_000),
        ValueError("\x1b[31mred"),
    ],
)
def test_whatever_is_raised_becomes_one_line(raised: Exception) -> None:
    with pytest.raises(NotAnArtefact) as told, parsing("a.clip", "a clip", "Make it again."):
        raise raised
    message = str(told.value)
    assert message.startswith("a.clip is damaged, or is not a clip (")
    assert message.endswith("). Make it again.")
    assert message.isprintable()
    assert len(message) < 500


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "me.avatar")
    with (
        pytest.raises(NotAnArtefact, match="is a pipe or a device"),
        parsing(tmp_path / "me.avatar", "an avatar", "Make it again."),
    ):
        (tmp_path / "me.avatar").read_bytes()


def test_own_errors_pass_and_others_can_be_asked_for() -> None:
    with pytest.raises(NewerFormat), parsing("a", "b", "c"):
        raise NewerFormat("newer")
    with pytest.raises(AssetDamaged), parsing("a", "b", "c", error=AssetDamaged):
        raise ValueError
    with pytest.raises(FileMissing, match="may not be read"), parsing("a", "b", "c"):
        raise PermissionError(13, "no")
    with pytest.raises(KeyboardInterrupt), parsing("a", "b", "c"):
        raise KeyboardInterrupt


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e9])
def test_one_bad_number_among_many_is_found(value: float) -> None:
    array = np.zeros((5_000_001, 1), np.float32)
    check_array("it", array, (None, 1))
    array[-1] = value
    with pytest.raises(ValueError, match="it holds"):
        check_array("it", array, (None, 1))
    with pytest.raises(ValueError, match="x holds"):
        check_tensors({"x": torch.from_numpy(array)})


def test_shapes_and_kinds_are_checked() -> None:
    with pytest.raises(ValueError, match="it is 2 x 3, not any x 4"):
        check_array("it", np.zeros((2, 3)), (None, 4))
    with pytest.raises(ValueError, match="type int64"):
        check_array("it", np.zeros(3, np.int64), (3,))
    with pytest.raises(ValueError, match="lacks b"):
        check_tensors({"a": torch.zeros(1)}, {"a": (1,), "b": (1,)})
    with pytest.raises(ValueError, match="not known"):
        check_tensors({"a": torch.zeros(1), "c": torch.zeros(1)}, {"a": (1,)})


def test_mirrors_and_scales_are_no_rotations() -> None:
    turns = np.tile(np.eye(3), (3, 1, 1))
    check_rotations("the pose", turns)
    for spoiled in (-np.eye(3), 2 * np.eye(3), np.zeros((3, 3))):
        with pytest.raises(ValueError, match="of frame 1"):
            check_rotations("the pose", np.stack([np.eye(3), spoiled, np.eye(3)]))


@pytest.mark.parametrize("value", [True, 1.0, "1", None, 11, -1, float("nan")])
def test_whole_numbers(value: object) -> None:
    assert whole_number("it", 10, 0, 10) == 10
    with pytest.raises(ValueError, match="it is"):
        whole_number("it", value, 0, 10)


def test_numbers_and_words() -> None:
    assert real_number("it", 3, 0, 10) == 3.0
    for value in (float("nan"), float("inf"), "3", True):
        with pytest.raises(ValueError, match="it is"):
            real_number("it", value, 0, 10)
    for value in ("a\0b", 5, "x" * 5000):
        with pytest.raises(ValueError, match="not a line"):
            words("it", value)


def test_text_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfabc")
    assert read_text(path) == "abc"
    with pytest.raises(ValueError, match=r"a\.txt has more"):
        read_text(path, 3)


def test_what_was_not_measured_may_be_nan_where_a_reader_says_so() -> None:
    some = np.array([[0.5, np.nan]], np.float32)
    assert check_array("it", some, (1, 2), unknown=True) is some
    with pytest.raises(ValueError, match="not finite"):
        check_array("it", some, (1, 2))
    with pytest.raises(ValueError, match="it holds"):
        check_array("it", np.array([[np.inf, 0.0]], np.float32), (1, 2), unknown=True)
