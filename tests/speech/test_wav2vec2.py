"""Wav2Vec 2.0 and HuBERT over small weights: the numbers that transformers 4.57 computes, pieces
like the whole, clear words about other files."""

from pathlib import Path

import pytest
import torch

import hub
from instag.errors import AssetDamaged, AssetMissing
from instag.speech.chunking import features
from instag.speech.wav2vec2 import Wav2Vec, scale_of
from instag.speech.wav2vec_files import load_wav2vec

LOGITS = {
    True: [-0.6914378, -0.1554387, 0.8902213, -0.8274825, -0.1178855, 1.0787599, -0.9296388],
    False: [-0.0753047, -1.7686998, 1.6238681, 0.2126494, -1.6877384, 1.3685023, 0.2522132],
}
"""Of step 20, as Wav2Vec2ForCTC and HubertForCTC give them; large models and base models."""
HIDDEN = {
    True: [-0.8533210, -0.5687983, 1.0266038, 1.0975434, -2.1579614],
    False: [0.9930742, -0.9850633, 0.7240214, -1.3186579, 0.9228061],
}
"""The first five numbers of the last hidden state of step 30."""


def waveform(samples: int = 16_000) -> torch.Tensor:
    time = torch.arange(samples)
    made = torch.sin(time * 0.05) * torch.cos(time * 0.0011) + 0.1 * torch.sin(time.float() ** 1.3)
    return (made - made.mean()) / made.std()


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert"])
@pytest.mark.parametrize("large", [True, False])
def test_numbers_of_transformers(tmp_path: Path, kind: str, large: bool) -> None:
    folder = hub.write_folder(tmp_path, kind, large=large)
    spelled, heard = (
        load_wav2vec(folder, letters=letters).network(waveform()) for letters in (True, False)
    )
    assert spelled.shape == (49, hub.LETTERS)
    assert heard.shape == (49, hub.HIDDEN)
    torch.testing.assert_close(spelled[20], torch.tensor(LOGITS[large]), atol=1e-5, rtol=0)
    torch.testing.assert_close(heard[30, :5], torch.tensor(HIDDEN[large]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("large", [True, False])
def test_transformers_agrees(tmp_path: Path, large: bool) -> None:
    transformers = pytest.importorskip("transformers")
    folder = hub.write_folder(tmp_path, large=large)
    theirs = transformers.Wav2Vec2ForCTC.from_pretrained(folder).eval()
    with torch.no_grad():
        wanted = theirs(waveform()[None]).logits[0]
    torch.testing.assert_close(
        load_wav2vec(folder, letters=True).network(waveform()), wanted, atol=1e-5, rtol=0
    )


def test_pickled_weights_are_read_as_well(tmp_path: Path) -> None:
    one, other = (
        hub.write_folder(tmp_path / "one"),
        hub.write_folder(tmp_path / "other", pickled=True),
    )
    torch.testing.assert_close(
        load_wav2vec(other, letters=True).network(waveform()),
        load_wav2vec(one, letters=True).network(waveform()),
    )


def test_newer_names_of_the_normalised_weight(tmp_path: Path) -> None:
    tensors = hub.state("wav2vec2", large=True)
    position = "wav2vec2.encoder.pos_conv_embed.conv."
    for number, name in enumerate(("weight_g", "weight_v")):
        tensors[f"{position}parametrizations.weight.original{number}"] = tensors.pop(
            position + name
        )
    folder = hub.write_folder(tmp_path, pickled=True)
    torch.save(tensors, folder / "pytorch_model.bin")
    torch.testing.assert_close(
        load_wav2vec(folder, letters=True).network(waveform())[20],
        torch.tensor(LOGITS[True]),
        atol=1e-5,
        rtol=0,
    )


def test_a_file_of_weights_alone_tells_its_shape(tmp_path: Path) -> None:
    tensors = {
        name.replace("wav2vec2.", ""): value
        for name, value in hub.state("wav2vec2", large=True).items()
    }
    torch.save(tensors, tmp_path / "weights.bin")
    model = load_wav2vec(tmp_path / "weights.bin", letters=False)
    assert (model.channels, model.normalised) == (hub.HIDDEN, True)
    assert len(model.network.encoder.layers) == hub.LAYERS


@pytest.mark.parametrize("samples", [1, 640, 641, 16_000])
def test_two_steps_a_frame_in_windows_of_sixteen(tmp_path: Path, samples: int) -> None:
    front_end = Wav2Vec("hubert", load_wav2vec(hub.write_folder(tmp_path), letters=False))
    found = features(waveform(16_000)[:samples], front_end)
    assert found.shape == (-(-samples // 640), hub.HIDDEN, 16)
    assert not found[0, :, :8].any()
    if samples == 16_000:
        level = scale_of(waveform())
        steps = front_end.model.network(
            torch.nn.functional.pad((waveform() - level[0]) / level[1], (0, 80))
        )
        assert len(steps) == 50
        torch.testing.assert_close(found[12], steps[16:32].T)


def test_loudness_does_not_matter(tmp_path: Path) -> None:
    front_end = Wav2Vec("hubert", load_wav2vec(hub.write_folder(tmp_path), letters=False))
    torch.testing.assert_close(
        features(waveform() * 0.2 + 0.1, front_end),
        features(waveform(), front_end),
        atol=1e-3,
        rtol=0,
    )


def test_pieces_are_like_the_whole_where_nothing_hears_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attention hears all that it is given, so it is switched off here."""
    model = load_wav2vec(hub.write_folder(tmp_path), letters=True)
    for number in range(hub.LAYERS):
        model.network.get_parameter(f"encoder.layers.{number}.attention.out_proj.weight").zero_()
    front_end, sound = Wav2Vec("test", model), waveform(9 * 16_000 + 333)
    whole = features(sound, front_end)
    monkeypatch.setattr(Wav2Vec, "piece", 50)
    torch.testing.assert_close(features(sound, front_end), whole, atol=1e-4, rtol=0)


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        AssetMissing, match=r"empty holds neither model\.safetensors nor pytorch_model\.bin"
    ):
        load_wav2vec(tmp_path / "empty", letters=True)
    with pytest.raises(AssetDamaged, match="no CTC layer"):
        load_wav2vec(hub.write_folder(tmp_path / "deaf", letters=False), letters=True)
    folder = hub.write_folder(tmp_path / "part", pickled=True)
    tensors = hub.state("wav2vec2", large=True)
    torch.save({**tensors, "lm_head.bias": torch.zeros(3)}, folder / "pytorch_model.bin")
    with pytest.raises(AssetDamaged, match=r"lm_head\.bias is 3, and should be 7"):
        load_wav2vec(folder, letters=True)
    del tensors["wav2vec2.encoder.layers.1.attention.k_proj.bias"]
    torch.save(tensors, folder / "pytorch_model.bin")
    with pytest.raises(AssetDamaged, match=r"no encoder\.layers\.1\.attention\.k_proj\.bias"):
        load_wav2vec(folder, letters=True)
    torch.save({"other": torch.zeros(1)}, folder / "pytorch_model.bin")
    with pytest.raises(AssetDamaged, match="no wav2vec"):
        load_wav2vec(folder, letters=False)
    (folder / "pytorch_model.bin").write_bytes(b"<html>")
    with pytest.raises(AssetDamaged, match="damaged"):
        load_wav2vec(folder, letters=False)
