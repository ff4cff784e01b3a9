"""Every front end through a whole life: a clip's features, a head that learns with them, that head speaking. Weights small and random."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import frozen
import hub
from instag import assets
from instag.clip import Clip
from instag.errors import AssetMissing
from instag.models.avatar import Avatar
from instag.speaking import Manner, frames
from instag.speech.ave import AudioVisualEncoder
from instag.speech.front_ends import create
from instag.synthetic import write_clip
from instag.training import recipes
from instag.training.adapt import adapt
from instag.training.schedule import shortened

TINY = replace(shortened(recipes.few(), 0.002), size=64, face_splats=100, mouth_splats=50)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return write_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=50, size=64)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(assets.VARIABLE, str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    frozen.write_graph(tmp_path / assets.named("deepspeech").file, frozen.weights())
    torch.save(hub.state("wav2vec2", large=True), tmp_path / assets.named("esperanto").file)
    torch.save(hub.state("hubert", large=True), tmp_path / assets.named("hubert").file)
    torch.save(AudioVisualEncoder().state_dict(), tmp_path / assets.named("ave").file)
    return tmp_path


@pytest.mark.parametrize("name", ["motion", "phones", "mel+phones", "deepspeech", "esperanto", "hubert", "ave"])
def test_learns_and_speaks(clip: Clip, tmp_path: Path, name: str) -> None:
    adapt(clip, tmp_path / "me.avatar", recipe=TINY, speech=name)
    avatar = Avatar.open(tmp_path / "me.avatar")
    assert avatar.info.front_end == name
    assert avatar.info.speech_channels == create(name).channels
    assert avatar.head.face.field.speech.level.isfinite().all()
    sound = torch.randn(12 * 640, generator=torch.Generator().manual_seed(0)) * 0.1
    assert len(list(frames(avatar, sound, Manner()))) == 12


def test_speaking_misses_the_weights(clip: Clip, tmp_path: Path, home: Path) -> None:
    avatar = adapt(clip, recipe=TINY, speech="ave")
    (home / assets.named("ave").file).unlink()
    with pytest.raises(AssetMissing, match="instag assets get ave"):
        next(iter(frames(avatar, torch.zeros(640), Manner())))
