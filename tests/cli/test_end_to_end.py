"""From a clip to a speaking video through the command line, on a head so small that it takes
seconds."""

import json
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from instag.cli.commands.adapt import plan_line
from instag.data.splits import split
from instag.media.reader import probe
from instag.training import recipes
from instag.training.adapt_plan import AdaptPlan
from instag.training.schedules import shortened
from shared_files import copied_clip


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `--recipe draft` a few steps, at 64x64."""
    small = replace(shortened(recipes.draft(), 0.003), size=64, face_splats=200, mouth_splats=100)
    monkeypatch.setitem(recipes.RECIPES, "draft", lambda **_: small)


def say(path: Path, *, seconds: float) -> Path:
    """A sound file with a rate that nothing else here has."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 22_050, 0, "NONE", ""))
        file.writeframes(
            (np.sin(np.arange(round(seconds * 22_050)) * 0.05) * 9_000).astype("<i2").tobytes()
        )
    return path


def test_adapt_tests_itself_and_speak_keeps_the_length(
    run: Callable, tiny: None, tmp_path: Path
) -> None:
    clip, avatar, spoken = tmp_path / "me.clip", tmp_path / "me.avatar", tmp_path / "out.mp4"
    copied_clip(clip, frames=76)

    result = run("adapt", clip, "-o", avatar, "--recipe", "draft", "--n-views", "50", "--json")
    values = json.loads(result.stdout)
    assert result.exit_code == 0
    assert values["held_out"]["frames"] == 26
    assert "Learning from 2 s, testing on the last 1 s.\n" in result.stderr
    assert 5 < values["held_out"]["psnr_full"] < 60
    assert avatar.is_file()

    assert run("speak", avatar, say(tmp_path / "hum.wav", seconds=1.3), "-o", spoken).exit_code == 0
    made = probe(spoken)
    assert made.has_sound
    assert (made.width, made.height) == (64, 64)
    assert made.seconds == pytest.approx(1.3, abs=0.05)

    raw = run("speak", avatar, tmp_path / "hum.wav", "-o", "-")
    assert raw.exit_code == 0
    assert len(raw.stdout_bytes) == 33 * 64 * 64 * 3
    assert "64 x 64" in raw.stderr
    raw = run("speak", avatar, tmp_path / "hum.wav", "-o", "-", "--json")
    assert len(raw.stdout_bytes) == 33 * 64 * 64 * 3
    assert json.loads(raw.stderr.splitlines()[-1])["size"] == 64

    folder = run("speak", avatar, tmp_path / "hum.wav", "-o", tmp_path / "frames")
    assert folder.exit_code == 0
    assert len(list((tmp_path / "frames").glob("*.png"))) == 33
    assert (tmp_path / "frames" / "sound.wav").is_file()
    again = run("speak", avatar, tmp_path / "hum.wav", "-o", tmp_path / "frames")
    assert again.exit_code == 2
    assert "new folder" in again.stderr


def test_without_a_number_a_fifth_is_held_back_and_long_videos_are_chosen_from(
    run: Callable, tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied_clip(tmp_path / "me.clip", frames=150)
    small = replace(recipes.RECIPES["draft"](), pictures=30)
    monkeypatch.setitem(recipes.RECIPES, "draft", lambda **_: small)
    result = run("adapt", tmp_path / "me.clip", "-o", tmp_path / "me.avatar", "--recipe", "draft")
    assert (
        "Learning from 4.8 s (of its pictures, the 30 that tell most), testing on the last 1.2 s."
        in result.stderr
    )
    assert "On frames that it was not taught" in result.stdout


def test_seconds_that_nobody_uses_are_said() -> None:
    frames = split(500, n_views=125)
    plan = AdaptPlan(
        recipe=recipes.few(),
        front_end="mel",
        prior=None,
        frames=frames,
        frame_count=500,
        seed=0,
    )
    line = "Learning from 5 s, testing on the last 12 s; 3 s are not used."
    assert plan_line(plan) == line
    whole = split(500, n_views=125, all_for_train=True)
    assert plan_line(replace(plan, frames=whole)) == "Learning from 20 s, testing on none."
