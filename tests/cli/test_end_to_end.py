"""From a clip to a speaking video through the command line, on a head so small that it takes
seconds."""

import json
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from instag.media.reader import probe
from instag.synthetic import write_clip
from instag.training import recipes
from instag.training.schedules import shortened


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
    write_clip(clip, frames=76, size=64)

    result = run("adapt", clip, "-o", avatar, "--recipe", "draft", "--n-views", "50", "--json")
    values = json.loads(result.stdout)
    assert result.exit_code == 0
    assert values["held_out"]["frames"] == 26
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
