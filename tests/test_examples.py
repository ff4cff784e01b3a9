"""The examples run, on a synthetic speaker and at a tiny size."""

import runpy
import shutil
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instag.evaluation.metrics_files import load_metrics
from instag.media.reader import probe
from instag.media.writer import write_video
from instag.synthetic import Speaker, perform, recording
from instag.training import recipes
from instag.training.schedules import shortened

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name: str) -> Callable[..., Any]:
    """The example's main function."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]


@pytest.fixture(scope="module")
def tiny() -> Any:
    """Makes the recipe `draft` a few steps, at 64x64."""
    small = replace(shortened(recipes.draft(), 0.003), size=64, face_splats=200, mouth_splats=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.RECIPES, "draft", lambda **_: small)
        yield


@pytest.fixture(scope="module")
def files(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a video, a sound, and what the first example makes of the video."""
    folder = tmp_path_factory.mktemp("examples")
    performance = perform(Speaker(0, size=192), recording(), seconds=2.4, size=192)
    sound = (0.2 * np.sin(np.arange(38_400) * 0.05)).astype(np.float32)
    write_video(folder / "me.mp4", performance.pictures(), sound=(sound, 16_000))
    with wave.open(str(folder / "speech.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((sound[:16_000] * 32_767).astype("<i2").tobytes())
    example("00_create")(
        str(folder / "me.mp4"), str(folder / "me.avatar"), recipe="draft", size=128
    )
    return folder


def test_create_writes_avatar_and_clip(files: Path) -> None:
    assert (files / "me.avatar").is_file()
    assert (files / "me.clip" / "clip.json").is_file()


def test_speak_writes_two_videos(files: Path) -> None:
    made = example("01_speak")(
        str(files / "me.avatar"), str(files / "speech.wav"), str(files / "said")
    )
    assert [round(probe(path).seconds, 1) for path in made] == [1.0, 1.0]


def test_step_by_step_uses_what_is_done_already(files: Path, capsys: Any) -> None:
    arguments = (files / "me.mp4", files / "me.clip", files / "again.avatar")
    example("02_step_by_step")(*map(str, arguments), size=128)
    assert "60 frames of 128 x 128 pixels" in capsys.readouterr().out
    assert (files / "again.avatar").is_file()


def test_evaluate_and_compare_writes_three_pages(tiny: Any, tmp_path: Path) -> None:
    from evaluation.talk import unlearned

    avatar, clip = unlearned()
    other = tmp_path / "other.avatar"
    shutil.copyfile(avatar, other)
    page = example("03_evaluate_and_compare")(
        str(clip), str(avatar), str(other), str(tmp_path / "reports")
    )
    assert page.is_file()
    assert load_metrics(tmp_path / "reports" / "other").row("psnr_full") is not None


def test_live_shows_a_frame_for_each_40_ms(files: Path) -> None:
    assert example("04_live")(str(files / "me.avatar"), str(files / "speech.wav")) == 25


def test_every_example_is_run_here() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    text = Path(__file__).read_text()
    assert names
    assert all(f'"{name}"' in text for name in names)
