"""`instag evaluate` and `instag compare` as a shell sees them."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.talk import avatar_of, evaluation, faceless, perfect, unlearned
from instag.cli.evaluation_summary import short_form
from instag.data.clip import Clip
from instag.evaluation.metrics_files import save_metrics
from instag.media.reader import read_frames, read_sound
from shared_files import shared_clip


@pytest.fixture
def files() -> tuple[Path, Path]:
    return unlearned()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Twelve pictures, and the same with noise."""
    random, made = np.random.default_rng(0), tmp_path_factory.mktemp("pictures")
    for name, noise in (("a", 20), ("b", 0)):
        (made / name).mkdir()
        for index in range(12):
            picture = np.full((40, 48, 3), 60 + 10 * index) + random.integers(
                0, noise + 1, (40, 48, 3)
            )
            cv2.imwrite(str(made / name / f"{index:03d}.png"), picture.astype(np.uint8))
    return made / "a", made / "b"


def test_an_avatar_is_judged_on_what_it_was_not_taught(
    run: Callable, files, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("instag.evaluation.speed.SPOKEN_S", 0.2)
    result = run("evaluate", *files, "-o", tmp_path / "report", "--json", "--quiet")
    values = json.loads(result.stdout)
    assert result.exit_code == 0
    assert values["report"] == str(tmp_path / "report" / "report.html")
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "metrics.json",
        "metrics.csv",
        "report.html",
        "prediction",
        "prediction.mp4",
        "truth",
        "truth.mp4",
    }
    for name, picture in (("prediction", None), ("truth", Clip.open(files[1]).frame(9))):
        shown = [path.name for path in sorted((tmp_path / "report" / name).iterdir())]
        assert shown == [f"{index:05d}.png" for index in range(8, 20)]
        assert sum(1 for _ in read_frames(tmp_path / "report" / f"{name}.mp4")) == 12
        assert len(read_sound(tmp_path / "report" / f"{name}.mp4")) == 12 * 640
        if picture is not None:
            kept = cv2.imread(str(tmp_path / "report" / name / "00009.png"))
            assert kept is not None
            np.testing.assert_array_equal(cv2.cvtColor(kept, cv2.COLOR_BGR2RGB), picture)
    assert 3 < values["psnr_full"] < 60
    assert values["lmd"] is None, (
        "no face is found in 64 x 64 pixels of random Gaussians: not measured, which is no zero"
    )


def test_videos_are_judged_in_two_sentences(run: Callable, folders, tmp_path) -> None:
    result = run("evaluate", "--pred", folders[0], "--truth", folders[1], "-o", tmp_path / "report")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("12 frames, 48x40, whole picture: PSNR 2")
    assert lines[1].startswith("Lips: not measured: ")
    assert lines[2] == str(tmp_path / "report" / "report.html")


REFUSED = {
    "nothing": ([], "Give an avatar and its clip"),
    "an avatar alone": (["AVATAR"], "Give an avatar and its clip"),
    "both": (
        ["AVATAR", "CLIP", "--pred", "A", "--truth", "B"],
        "either AVATAR and CLIP, or --pred and --truth",
    ),
    "only pred": (["--pred", "A"], "--pred and --truth belong together"),
    "only truth": (["--truth", "A"], "--pred and --truth belong together"),
    "one table": (
        ["AVATAR", "CLIP", "--au-pred", "x.csv"],
        "--au-pred and --au-truth belong together",
    ),
    "no frames": (
        ["AVATAR", "CLIP", "--frames", "ten"],
        "--frames ten: give the first and the last frame",
    ),
    "frames backward": (["AVATAR", "CLIP", "--frames", "9:3"], "--frames 9:3"),
    "half of frames": (["AVATAR", "CLIP", "--frames", "3:"], "--frames 3:"),
    "frames beyond": (["AVATAR", "CLIP", "--frames", "5:40"], "Frames 5 to 40 are not all in"),
    "align": (
        ["--pred", "A", "--truth", "B", "--align", "dtw"],
        "--align dtw: choose equal or shorter",
    ),
    "no such avatar": (["NOWHERE", "CLIP"], "There is no file"),
    "no such video": (["--pred", "NOWHERE", "--truth", "B"], "There is no file or folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_judged_is_said(run: Callable, files, folders, tmp_path, case: str) -> None:
    names = {
        "AVATAR": files[0],
        "CLIP": files[1],
        "A": folders[0],
        "B": folders[1],
        "NOWHERE": tmp_path / "nowhere",
    }
    arguments, sentence = REFUSED[case]
    result = run(
        "evaluate",
        *(names.get(argument, argument) for argument in arguments),
        "-o",
        tmp_path / "report",
        "--quiet",
    )
    assert result.exit_code in (1, 2)
    assert result.stderr.startswith("error: ")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "report").exists()


def test_the_clip_of_another_video_is_refused(run: Callable, files, tmp_path) -> None:
    other = shared_clip(seed=1, frames=55).folder
    result = run("evaluate", files[0], other, "-o", tmp_path / "report", "--quiet")
    assert result.exit_code == 2
    assert "learned from synthetic speaker 0" in result.stderr
    assert "Give the clip of the same video" in result.stderr


def test_an_avatar_that_was_taught_everything_is_refused(run: Callable, files, tmp_path) -> None:
    avatar_of(Clip.open(files[1]), taught=20).save(tmp_path / "all.avatar")
    result = run(
        "evaluate", tmp_path / "all.avatar", files[1], "-o", tmp_path / "report", "--quiet"
    )
    assert result.exit_code == 2
    assert "--frames FIRST:LAST" in result.stderr


def test_a_file_in_the_place_of_the_report_is_kept(run: Callable, files, tmp_path) -> None:
    (tmp_path / "mine").write_text("mine")
    assert "is a file" in run("evaluate", *files, "-o", tmp_path / "mine").stderr
    assert (tmp_path / "mine").read_text() == "mine"


def test_reports_are_put_side_by_side(run: Callable, tmp_path) -> None:
    for name, measured in (("first", perfect()), ("a-very-long-name-of-a-report", faceless())):
        save_metrics(evaluation(measured).metrics, tmp_path / name)
    result = run(
        "compare",
        tmp_path / "first",
        tmp_path / "a-very-long-name-of-a-report",
        "-o",
        tmp_path / "both.html",
    )
    assert result.exit_code == 0
    head, *rows, page = result.stdout.splitlines()
    assert head.split() == ["first", "a-very-long-name-of-a-report"]
    assert len({len(line) for line in (head, *rows)}) == 1
    assert "not measured" in rows[-1]
    assert page == str(tmp_path / "both.html")
    assert (tmp_path / "both.html").is_file()


@pytest.mark.parametrize(
    "content, sentence",
    [
        (None, "holds no metrics.json"),
        ("{", "is damaged"),
        ('{"format_version": 99, "about": {}}', "newer instag"),
    ],
)
def test_reports_that_can_not_be_read_are_told(
    run: Callable, tmp_path, content: str | None, sentence: str
) -> None:
    save_metrics(evaluation(faceless()).metrics, tmp_path / "first")
    (tmp_path / "second").mkdir()
    if content is not None:
        (tmp_path / "second" / "metrics.json").write_text(content)
    result = run("compare", tmp_path / "first", tmp_path / "second", "-o", tmp_path / "both.html")
    assert result.exit_code in (1, 2)
    assert sentence in result.stderr
    assert not (tmp_path / "both.html").exists()


def test_one_report_is_too_few(run: Callable, tmp_path) -> None:
    save_metrics(evaluation(faceless()).metrics, tmp_path / "first")
    assert "two or more" in run("compare", tmp_path / "first", "-o", tmp_path / "both.html").stderr


@pytest.mark.parametrize("measured", [perfect, faceless])
def test_two_sentences_say_what_was_measured(measured) -> None:
    likeness, lips = short_form(evaluation(measured()))
    assert "LPIPS not measured" in likeness
    assert ("correlation 1.00 (lag of the best fit: 0 frames)" in lips) == (measured is perfect)
    assert ("not measured" in lips) == (measured is faceless)
