"""Every front end through a whole life: a clip's features, a head that learns with them, that head
speaking. Weights small and random."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import hub
from instag.assets import store
from instag.data.clip import Clip
from instag.errors import AssetMissing, BadArgument
from instag.models.avatar import Avatar
from instag.speech.registry import create
from instag.synthesis.options import SpeakOptions
from instag.synthesis.speak import frames
from instag.training import recipes
from instag.training.adapt import adapt
from instag.training.schedules import shortened
from shared_files import copied_clip
from tiny_weights import write_tiny_weights

TINY = replace(shortened(recipes.few(), 0.0005), size=64, face_splats=100, mouth_splats=50)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return copied_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=60)


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
        "whisper",
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


def test_an_avatar_of_a_removed_front_end_says_what_to_do(clip: Clip) -> None:
    avatar = adapt(clip, recipe=TINY, speech="mel")
    old = replace(avatar, info=replace(avatar.info, front_end="phones"))
    with pytest.raises(BadArgument, match="instag adapt CLIP --speech motion"):
        next(iter(frames(old, torch.zeros(640), SpeakOptions())))
