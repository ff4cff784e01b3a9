"""Front ends by name: made from their files, missed with clear words, alike in what they
promise."""

from pathlib import Path

import pytest
import torch

import frozen
import hub
from instag.assets import store
from instag.errors import AssetMissing, BadArgument
from instag.speech.ave import AudioVisualEncoder, Ave
from instag.speech.chunking import features, frame_count, silence
from instag.speech.deepspeech import DeepSpeech
from instag.speech.front_end import FrontEnd
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.lips.whisper_components import WhisperComponents
from instag.speech.mel import Mel
from instag.speech.registry import create, identity, require
from instag.speech.wav2vec2 import Wav2Vec


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where assets are looked for; nothing is there."""
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "assets"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    return tmp_path / "assets"


@pytest.fixture
def stocked(home: Path) -> Path:
    """All assets, small and random."""
    home.mkdir()
    frozen.write_graph(home / store.named("deepspeech").file, frozen.weights())
    torch.save(hub.state("wav2vec2", large=True), home / store.named("esperanto").file)
    torch.save(hub.state("hubert", large=True), home / store.named("hubert").file)
    torch.save(AudioVisualEncoder().state_dict(), home / store.named("ave").file)
    return home


ALL = {
    "mel": Mel,
    "whisper": WhisperComponents,
    "motion": LipCodeFrontEnd,
    "deepspeech": DeepSpeech,
    "esperanto": Wav2Vec,
    "hubert": Wav2Vec,
    "ave": Ave,
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("samples", [1, 641, 12_345])
def test_every_front_end_gives_a_window_a_frame(stocked: Path, name: str, samples: int) -> None:
    front_end = create(name)
    assert isinstance(front_end, ALL[name])
    assert front_end.name == name
    sound = torch.randn(samples, generator=torch.Generator().manual_seed(0)) * 0.1
    found = features(sound, front_end)
    assert found.shape == (frame_count(sound), front_end.channels, front_end.steps)
    assert found.dtype == torch.float32
    assert found.isfinite().all()
    require(name)


@pytest.mark.parametrize("name", ["mel", "whisper", "motion", "ave"])
@pytest.mark.parametrize("middle", range(48, 53))
def test_what_lies_beyond_its_reach_is_not_heard(stocked: Path, name: str, middle: int) -> None:
    front_end = create(name)
    sound = torch.randn(100 * 640, generator=torch.Generator().manual_seed(0)) * 0.1
    center = (middle + 0.5) / 25
    other = sound.clone()
    other[: round((center - front_end.lookback) * 16_000) - 1] = 0
    other[round((center + front_end.lookahead) * 16_000) + 1 :] = 0
    torch.testing.assert_close(
        front_end(other)[middle], front_end(sound)[middle], atol=1e-5, rtol=0
    )


def test_silence_is_finite_and_constant(stocked: Path) -> None:
    for name in ALL:
        heard = silence(create(name))
        assert heard.isfinite().all()
    assert (silence(Mel()) == -4).all()


@pytest.mark.parametrize("name", ["phones", "mel+phones"])
def test_removed_front_ends_say_what_to_do(name: str) -> None:
    for ask in (create, require, identity):
        with pytest.raises(BadArgument, match=r"removed.*instag adapt CLIP --speech motion"):
            ask(name)


@pytest.mark.parametrize("name", ["deepspeech", "esperanto", "hubert", "ave"])
def test_a_missing_file_is_named(name: str) -> None:
    asset = store.named(name)
    for ask in (create, require, identity):
        with pytest.raises(
            AssetMissing,
            match=rf"{asset.file} \([\d,]+ MiB to download\).*instag assets get {asset.name}",
        ):
            ask(name)


def test_unknown_names_are_told() -> None:
    with pytest.raises(BadArgument, match="motion, whisper, mel, deepspeech"):
        create("telepathy")
    with pytest.raises(AssetMissing, match="hf download someone/something --local-dir"):
        create("wav2vec2:someone/something")


def test_any_ctc_model_by_folder_or_name(tmp_path: Path, home: Path) -> None:
    folder = hub.write_folder(tmp_path / "mine")
    by_folder: FrontEnd = create(f"wav2vec2:{folder}")
    assert by_folder.channels == hub.LETTERS
    hub.write_folder(home / "someone" / "something")
    snapshot = (
        tmp_path
        / "nobody"
        / ".cache"
        / "huggingface"
        / "hub"
        / "models--someone--else"
        / "snapshots"
        / "abc"
    )
    hub.write_folder(snapshot, pickled=True)
    sound = torch.randn(6_400, generator=torch.Generator().manual_seed(0))
    for name in ("wav2vec2:someone/something", "wav2vec2:someone/else"):
        torch.testing.assert_close(features(sound, create(name)), features(sound, by_folder))
        assert identity(name).startswith(name)


def test_identity_changes_with_the_weights(stocked: Path) -> None:
    before = identity("ave"), identity("mel")
    torch.save(
        {name: value + 1 for name, value in AudioVisualEncoder().state_dict().items()},
        stocked / store.named("ave").file,
    )
    assert identity("ave") != before[0]
    assert (identity("mel"), identity("motion")) == ("mel 1", "motion 4")
