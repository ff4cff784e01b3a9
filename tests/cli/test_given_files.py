"""Files in the wrong place are named for what they are, with the command that was meant."""

import errno
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from instag.cli import given_files
from instag.cli.given_files import kind_of, refuse_avatar
from instag.errors import FileMissing
from instag.evaluation import metrics_files
from instag.models.prior import BUNDLED
from instag.training.adapt_plan import NO_PRIOR

ARTEFACTS = Path(__file__).parents[1] / "artefacts"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ARTEFACTS / "audio.avatar", "me.avatar")
    shutil.copy(ARTEFACTS / "lip_codes.prior", "my.prior")
    shutil.copytree(ARTEFACTS / "speaker.clip", "me.clip")
    shutil.copy("me.clip/speech.wav", "a.wav")
    cv2.imwrite("photo.jpg", np.zeros((40, 40, 3), np.uint8))
    cv2.imwrite("photo.webp", np.zeros((40, 40, 3), np.uint8))
    Path("words.txt").write_text("Guten Tag, sagte er. " * 300 + "é")
    return tmp_path


def test_kinds(here: Path) -> None:
    kinds = {path.name: kind_of(path) for path in here.iterdir()}
    assert kinds == {
        "me.avatar": "avatar",
        "my.prior": "prior",
        "me.clip": "clip",
        "a.wav": "",
        "photo.jpg": "photo",
        "photo.webp": "photo",
        "words.txt": "text",
    }
    assert kind_of(here / "nothing") == kind_of(here) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_pipe_is_not_waited_for(here: Path, run: Callable) -> None:
    os.mkfifo("pipe")
    assert kind_of(Path("pipe")) == ""
    for line in ("speak me.avatar pipe -o o.mp4", "speak pipe a.wav -o o.mp4"):
        result = run(*line.split())
        assert result.exit_code in (1, 2)
        assert result.stderr.startswith("error: ")


CASES = {
    "speak me.avatar me.clip -o o.mp4": "the clip's own: me.clip/speech.wav",
    "speak me.avatar photo.jpg -o o.mp4": "photo.jpg is a photo and has no sound",
    "speak me.avatar words.txt -o o.mp4": "espeak-ng -f words.txt -w words.wav",
    "speak me.avatar my.prior -o o.mp4": "my.prior is a prior",
    "speak me.clip a.wav -o o.mp4": "instag adapt me.clip -o me.avatar",
    "speak a.wav me.avatar -o o.mp4": "The avatar comes first: instag speak me.avatar a.wav -o",
    "evaluate me.clip me.avatar -o r": "The avatar comes first: instag evaluate me.avatar me.clip",
    "evaluate me.avatar a.wav -o r": "a.wav is a file, not a clip",
    "create photo.webp -o x.avatar": "video of some seconds in which one person speaks",
    "create me.clip -o x.avatar": "instag adapt me.clip -o me.avatar",
    "create me.avatar -o x.avatar": "instag speak me.avatar SOUND",
    "prepare words.txt -o x.clip": "words.txt is a text",
    "adapt me.avatar -o x.avatar": "beside avatars that `create` made: me.clip",
    "adapt a.wav -o x.avatar": "instag prepare a.wav -o a.clip",
    "inspect photo.jpg": "photo.jpg is a photo, not a clip",
    "split me.avatar": "beside avatars that `create` made: me.clip",
    "export-clip my.prior x": "my.prior is a prior, not a clip",
    "import-clip me.clip -o x.clip": "me.clip is a clip already",
    "import-prior my.prior my.prior -o x.prior": "instag adapt CLIP --prior my.prior",
    "compare me.clip me.avatar": "instag evaluate AVATAR me.clip -o report",
    "features me.clip -o x.npy": "the clip's own: me.clip/speech.wav",
    "evaluate --pred me.avatar --truth a.wav -o r": "instag evaluate me.avatar me.clip",
    "adapt me.clip -o x.avatar --prior me.avatar": "Leave --prior out for the bundled one",
    "adapt me.clip -o x.avatar --prior me.clip": "instag pretrain me.clip CLIP... -o my.prior",
    "speak me.avatar a.wav -o out.avi": "a video is written as .mp4",
    "create a.wav -o out.mp4": "an avatar is written there",
    "create a.wav -o x.clip": "Give -o x.avatar",
    "adapt me.clip -o X.MP4": "an avatar is written there",
    "prepare a.wav -o out.mp4": "a clip is written there",
    "prepare a.wav -o x.avatar": "Give -o x.clip",
    "pretrain me.clip -o x.avatar": "Give -o x.prior",
}


@pytest.mark.parametrize("line", CASES)
def test_what_was_meant_is_said(run: Callable, here: Path, line: str) -> None:
    result = run(*line.split())
    assert result.exit_code in (1, 2)
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert CASES[line] in result.stderr
    assert not {"x.avatar", "x.clip", "o.mp4", "r"} & {path.name for path in here.iterdir()}


def test_names_that_are_known_without_libraries_are_those_of_the_libraries() -> None:
    assert given_files.METRICS == metrics_files.TABLE
    assert given_files.PRIOR_NAMES == (BUNDLED, NO_PRIOR)


def test_a_file_in_a_closed_folder_is_not_said_to_be_missing(tmp_path, monkeypatch):
    def closed(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "lstat", closed)
    with pytest.raises(FileMissing, match="is closed to you"):
        refuse_avatar(tmp_path / "me.avatar")
