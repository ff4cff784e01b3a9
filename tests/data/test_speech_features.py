"""A clip's features: computed once for its sound, again for other sound or weights, taken from the
original's files where they lie."""

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bare_clip import bare_info
from instag.assets import store
from instag.data import speech_features
from instag.data.clip import Clip
from instag.data.features_path import check_features, stored_name
from instag.data.speech_features import clip_features, features_of_silence
from instag.errors import AssetMissing, BadArgument, NotAnArtefact
from instag.speech.ave import AudioVisualEncoder
from instag.speech.chunking import silence
from instag.speech.registry import create

FRAMES = 30


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "assets"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    return tmp_path / "assets"


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    made = Clip(
        folder=tmp_path / "me.clip",
        info=bare_info(FRAMES),
    )
    made.folder.mkdir()
    made.save_speech(voice(0))
    return made


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the front ends whose features were computed."""
    names: list[str] = []
    create = speech_features.create

    def counted(name: str, **settings: Any):
        names.append(name)
        return create(name, **settings)

    monkeypatch.setattr(speech_features, "create", counted)
    return names


def voice(seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(FRAMES * 640) * 0.1).astype(np.float32)


def test_computed_once(clip: Clip, made: list[str]) -> None:
    first = np.array(clip_features(clip, "mel"))
    assert first.shape == (FRAMES, 80, 16)
    np.testing.assert_array_equal(clip_features(clip, "mel"), first)
    assert made == ["mel"]
    assert json.loads((clip.folder / "features" / "mel.json").read_text())["front_end"] == "mel 1"


def test_other_sound_other_features(clip: Clip, made: list[str]) -> None:
    first = np.array(clip_features(clip, "mel"))
    clip.save_speech(voice(1))
    assert np.abs(clip_features(clip, "mel") - first).max() > 0.1
    assert made == ["mel", "mel"]


def test_a_note_that_is_damaged_is_no_note(clip: Clip, made: list[str]) -> None:
    clip_features(clip, "mel")
    (clip.folder / "features" / "mel.json").write_text("{")
    clip_features(clip, "mel")
    assert made == ["mel", "mel"]


def test_weights_are_missed_only_where_nothing_is_kept(
    clip: Clip, home: Path, made: list[str]
) -> None:
    with pytest.raises(AssetMissing, match="instag assets get ave"):
        clip_features(clip, "ave")
    home.mkdir()
    path = home / store.named("ave").file
    torch.save(AudioVisualEncoder().state_dict(), path)
    first = np.array(clip_features(clip, "ave"))
    path.unlink()
    np.testing.assert_array_equal(clip_features(clip, "ave"), first)
    torch.save({name: value * 2 for name, value in AudioVisualEncoder().state_dict().items()}, path)
    assert np.abs(clip_features(clip, "ave") - first).max() > 0
    assert made == ["ave", "ave", "ave"]


@pytest.mark.parametrize("folder", ["", "features"])
def test_the_originals_features_are_used(clip: Clip, made: list[str], folder: str) -> None:
    stored = np.random.default_rng(0).standard_normal((FRAMES - 1, 16, 29))
    (clip.folder / folder).mkdir(exist_ok=True)
    np.save(clip.folder / folder / "aud.npy", stored)
    found = clip_features(clip, "deepspeech")
    assert found.shape == (FRAMES, 29, 16)
    np.testing.assert_allclose(found[-1], found[-2])
    assert made == []


def test_features_put_there_by_hand_are_taken(clip: Clip, made: list[str]) -> None:
    stored = np.random.default_rng(0).standard_normal((FRAMES + 3, 44, 16)).astype(np.float32)
    clip.save_features("esperanto", stored)
    np.testing.assert_array_equal(clip_features(clip, "esperanto"), stored[:FRAMES])
    clip.save_features("esperanto", stored[:10])
    with pytest.raises(NotAnArtefact, match=r"10 frames, and the clip has 30.*delete the file"):
        clip_features(clip, "esperanto")
    assert made == []


def test_fresh_features_are_the_sounds(clip: Clip, made: list[str]) -> None:
    clip.save_features("mel", np.zeros((FRAMES, 80, 16), np.float32))
    assert not clip_features(clip, "mel").any()
    assert clip_features(clip, "mel", fresh=True).any()
    assert clip_features(clip, "mel").any()
    assert made == ["mel"]
    np.save(clip.folder / "aud.npy", np.ones((FRAMES, 16, 29)))
    assert clip_features(clip, "deepspeech", fresh=True).all()


@pytest.mark.parametrize("name", ["mel", "whisper"])
def test_silence_is_what_the_front_end_hears_in_it(clip: Clip, name: str) -> None:
    found = np.array(clip_features(clip, name))
    np.testing.assert_array_equal(
        features_of_silence(name, found, clip.speech()), silence(create(name)).numpy()
    )


def test_the_quietest_frame_is_silence_where_the_weights_are_missing(clip: Clip) -> None:
    sound = voice(0)
    sound[20 * 640 : 21 * 640] *= 1e-3
    clip.save_speech(sound)
    found = np.random.default_rng(0).standard_normal((FRAMES, 44, 16)).astype(np.float32)
    np.testing.assert_array_equal(features_of_silence("esperanto", found, clip.speech()), found[20])


def test_without_sound(clip: Clip) -> None:
    (clip.folder / "speech.wav").unlink()
    with pytest.raises(NotAnArtefact, match="--from-stage sound"):
        clip_features(clip, "mel")


def test_names_as_files() -> None:
    assert stored_name("mel") == "mel"
    assert stored_name("wav2vec2:someone/some_thing-2") == "wav2vec2-someone-some_thing-2"


def test_what_can_not_be_had_is_said_at_once(clip: Clip) -> None:
    check_features(clip.folder, "whisper")
    with pytest.raises(AssetMissing, match="instag assets get hubert"):
        check_features(clip.folder, "hubert")
    with pytest.raises(BadArgument, match="telepathy"):
        check_features(clip.folder / "new.clip", "telepathy")
    np.save(clip.folder / "aud_hu.npy", np.zeros((FRAMES, 2, 1024), np.float32))
    check_features(clip.folder, "hubert")


def test_a_clip_that_can_not_be_written_to_is_heard_all_the_same(clip, monkeypatch):
    def refused(self: Clip, name: str, values: np.ndarray) -> None:
        raise PermissionError(errno.EACCES, "read-only")

    expected = np.array(clip_features(clip, "mel"))
    for path in (clip.folder / "features").iterdir():
        path.unlink()
    monkeypatch.setattr(Clip, "save_features", refused)
    assert np.array_equal(clip_features(clip, "mel"), expected)
    assert not list((clip.folder / "features").iterdir())


def test_features_that_a_killed_run_left_are_not_taken_for_given_ones(clip, monkeypatch):
    def killed(self: Clip, name: str, values: np.ndarray) -> None:
        save(self, name, values)
        raise KeyboardInterrupt

    save = Clip.save_features
    monkeypatch.setattr(Clip, "save_features", killed)
    with pytest.raises(KeyboardInterrupt):
        clip_features(clip, "mel")
    monkeypatch.undo()
    before = np.array(clip_features(clip, "mel"))
    clip.save_speech(clip.speech()[::-1])
    assert not np.array_equal(clip_features(clip, "mel"), before)
