"""A speaker adapter: its file, its map of the aperture, lips that never cross, sharpened motion."""

import torch

from instag.speech.lips.adapter import (
    SpeakerAdapter,
    default_speaker_adapter,
    piecewise_linear,
    uncross_lips,
    unsharp,
)
from instag.speech.lips.network import (
    CODES,
    load_lip_model,
)

MODEL = load_lip_model()


def test_lips_never_cross() -> None:
    code = torch.randn(200, CODES, generator=torch.Generator().manual_seed(0))
    apart = uncross_lips(code, MODEL.aperture, 0.01)
    assert (apart @ MODEL.aperture >= -0.0101).all()
    open_already = code @ MODEL.aperture > 0
    torch.testing.assert_close(apart[open_already], code[open_already])


def test_pairs_are_joined_by_straight_lines() -> None:
    pairs = torch.tensor([[0.0, -1.0], [1.0, 1.0], [3.0, 2.0]])
    torch.testing.assert_close(
        piecewise_linear(torch.tensor([-2.0, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0]), pairs),
        torch.tensor([-3.0, -1.0, 0.0, 1.0, 1.5, 2.0, 4.0]),
    )
    torch.testing.assert_close(
        piecewise_linear(torch.tensor([-2.0, 0.0, 2.0]), torch.zeros(1, 2)),
        torch.tensor([-2.0, 0.0, 2.0]),
    )


def test_an_adapter_is_stored_as_tensors() -> None:
    adapter = default_speaker_adapter(MODEL)
    again = SpeakerAdapter.of_state(
        {name: value for name, value in adapter.state().items() if name != "seen"}
    )
    torch.testing.assert_close(again.weights, adapter.weights)
    assert again.rest_aperture == adapter.rest_aperture


def test_what_stands_still_is_not_sharpened_and_what_moves_is() -> None:
    still, quick = torch.full((9, CODES), 0.3), torch.zeros(9, CODES)
    quick[4] = 1.0
    torch.testing.assert_close(unsharp(still), still)
    assert unsharp(quick)[4, 0] > 1.5
    assert unsharp(quick)[3, 0] < 0
    torch.testing.assert_close(unsharp(quick).sum(0), quick.sum(0))
    assert unsharp(torch.ones(1, CODES)).shape == (1, CODES)
