"""Every front end through a whole life: a clip's features, a head that learns with them, that head
speaking. Weights small and random."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import hub
from instag.assets import store
from instag.data.clip import Clip
from instag.errors import AssetMissing
from instag.models.avatar import Avatar
from instag.speech.registry import create
from instag.synthesis.synthesizer import SpeakOptions, frames
from instag.synthetic import write_clip
from instag.training import recipes
from instag.training.adapt import adapt
from instag.training.schedules import shortened
from tiny_weights import write_tiny_weights

TINY = replace(shortened(recipes.few(), 0.002), size=64, face_splats=100, mouth_splats=50)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return write_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=50, size=64)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    write_tiny_weights(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "mel",
        "motion",
        "phones",
        "mel+phones",
        "deepspeech",
        "esperanto",
        "hubert",
        "ave",
        "wav2vec2:",
    ],
)
def test_learns_and_speaks(clip: Clip, tmp_path: Path, name: str) -> None:
    name = f"wav2vec2:{hub.write_folder(tmp_path / 'letters')}" if name == "wav2vec2:" else name
    adapt(clip, tmp_path / "me.avatar", recipe=TINY, speech=name)
    avatar = Avatar.open(tmp_path / "me.avatar")
    assert avatar.info.front_end == name
    assert avatar.conditioning == create(name).conditioning
    assert avatar.head.face.field.speech.level.isfinite().all()
    sound = torch.randn(12 * 640, generator=torch.Generator().manual_seed(0)) * 0.1
    assert len(list(frames(avatar, sound, SpeakOptions()))) == 12


def test_speaking_misses_the_weights(clip: Clip, tmp_path: Path, home: Path) -> None:
    avatar = adapt(clip, recipe=TINY, speech="ave")
    (home / store.named("ave").file).unlink()
    with pytest.raises(AssetMissing, match="instag assets get ave"):
        next(iter(frames(avatar, torch.zeros(640), SpeakOptions())))
