"""DeepSpeech over small random weights: the network as a formula, its inputs by hand, pieces like
the whole, clear words about other files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from frozen import weights, write_graph
from instag.errors import AssetDamaged
from instag.speech.chunking import features
from instag.speech.deepspeech import (
    CELL,
    DeepSpeech,
    coefficients,
    in_context,
    load_frozen,
    spread_of,
)
from instag.speech.mfcc import mfcc
from instag.speech.onnx_network import OnnxNetwork


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    return write_graph(tmp_path / "output_graph.pb", weights())


def speech(seconds: float, seed: int = 0) -> torch.Tensor:
    time = torch.arange(round(seconds * 16_000)) / 16_000
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(seed))
    return (
        0.2
        * torch.sin(2 * torch.pi * (200 + 80 * torch.sin(3 * time)) * time)
        * (1 + torch.sin(17 * time))
        + 0.01 * noise
    )


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def formula(inputs: np.ndarray, found: dict[str, np.ndarray]) -> np.ndarray:
    """What TensorFlow computes: clipped layers, BasicLSTMCell both ways with forget bias 1, two
    layers."""

    def clipped(values: np.ndarray, number: int) -> np.ndarray:
        return np.clip(values @ found[f"h{number}"] + found[f"b{number}"], 0, 20)

    heard = clipped(clipped(clipped(inputs, 1), 2), 3)
    both = []
    for direction, order in (("fw", slice(None)), ("bw", slice(None, None, -1))):
        kernel, bias = (
            found[CELL.format(direction, "kernel")],
            found[CELL.format(direction, "bias")],
        )
        cell = hidden = np.zeros(len(bias) // 4)
        outputs = []
        for step in heard[order]:
            enters, candidate, forgets, leaves = np.split(
                np.concatenate([step, hidden]) @ kernel + bias, 4
            )
            cell = cell * sigmoid(forgets + 1) + sigmoid(enters) * np.tanh(candidate)
            hidden = np.tanh(cell) * sigmoid(leaves)
            outputs.append(hidden)
        both.append(np.stack(outputs)[order])
    return clipped(np.concatenate(both, axis=1), 5) @ found["h6"] + found["b6"]


def test_network_is_the_formula(graph: Path) -> None:
    inputs = torch.randn(40, 494, generator=torch.Generator().manual_seed(1))
    np.testing.assert_allclose(
        load_frozen(graph)(inputs).numpy(), formula(inputs.double().numpy(), weights()), atol=1e-4
    )


def test_inputs_are_the_published_recipe() -> None:
    waveform = speech(1.0)
    heard = coefficients(waveform)
    np.testing.assert_array_equal(heard, mfcc(waveform.numpy(), 26)[::2])
    inputs = in_context(heard)
    assert inputs.shape == (50, 494)
    np.testing.assert_array_equal(inputs[20].reshape(19, 26), heard[11:30])
    assert not inputs[0].reshape(19, 26)[:9].any()
    spread = spread_of(heard)
    assert spread.mean == pytest.approx(inputs.mean(), abs=1e-4)
    assert spread.deviation == pytest.approx(inputs.std(), rel=1e-5)


def test_mfcc_in_pieces_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    waveform = speech(5.0)[:-77]
    whole = coefficients(waveform)
    monkeypatch.setattr("instag.speech.deepspeech.CHUNK", 25 * 640)
    np.testing.assert_array_equal(coefficients(waveform), whole)


def test_windows_are_sixteen_steps_each_second_one(graph: Path) -> None:
    network = load_frozen(graph)
    waveform = speech(2.0)
    found = features(waveform, DeepSpeech(network))
    assert found.shape == (50, 29, 16)
    inputs = in_context(coefficients(waveform))
    logits = network(torch.from_numpy((inputs - inputs.mean()) / inputs.std()).float())
    torch.testing.assert_close(found[20], logits[32:48].T, atol=1e-4, rtol=0)
    assert not found[0, :, :8].any()
    assert not found[49, :, 10:].any()


def test_pieces_are_like_the_whole(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    front_end, waveform = DeepSpeech(load_frozen(graph)), speech(14.0)
    whole = features(waveform, front_end)
    monkeypatch.setattr(DeepSpeech, "piece", 50)
    torch.testing.assert_close(features(waveform, front_end), whole, atol=1e-4, rtol=0)


def test_other_graphs_are_refused(tmp_path: Path) -> None:
    found = weights()
    del found[CELL.format("bw", "bias")]
    with pytest.raises(
        AssetDamaged, match=r"bw/basic_lstm_cell/bias.*instag assets get deepspeech"
    ):
        load_frozen(write_graph(tmp_path / "later.pb", found))
    with pytest.raises(AssetDamaged, match="its h2 is 3x3, and should be 5x5"):
        load_frozen(
            write_graph(tmp_path / "odd.pb", weights() | {"h2": np.zeros((3, 3), np.float32)})
        )


def test_onnx_refuses_other_files(tmp_path: Path) -> None:
    (tmp_path / "deepspeech.onnx").write_bytes(b"nothing")
    with pytest.raises(AssetDamaged, match=r"deepspeech\.onnx"):
        OnnxNetwork(tmp_path / "deepspeech.onnx")
