"""Windows of sixteen steps, two steps a frame; and those of the frames around a frame."""

import pytest
import torch

from instag.speech.windows import fit_to_steps, windows, windows_at_50_hz


def test_frame_t_hears_steps_around_2t() -> None:
    sequence = torch.arange(1.0, 41.0)[:, None].expand(-1, 3)
    found = windows_at_50_hz(sequence, 20)
    assert found.shape == (20, 3, 16)
    assert found[10, 0].tolist() == list(range(13, 29))
    assert found[0, 0].tolist() == [0.0] * 8 + list(range(1, 9))
    assert found[19, 0].tolist() == [*range(31, 41), *[0.0] * 6]


@pytest.mark.parametrize("steps", [1, 2, 39, 41, 90])
def test_any_length(steps: int) -> None:
    assert windows_at_50_hz(torch.ones(steps, 2), 20).shape == (20, 2, 16)


def test_held() -> None:
    sequence = torch.tensor([[1.0], [2.0]])
    assert fit_to_steps(sequence, 4)[:, 0].tolist() == [1, 2, 2, 2]
    assert fit_to_steps(sequence, 1)[:, 0].tolist() == [1]


def test_frame_sees_four_before_and_three_after():
    features = torch.arange(20.0)[:, None, None].expand(20, 2, 3)
    assert windows(features, torch.tensor([10]))[0, :, 0, 0].tolist() == [
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
    ]


def test_outside_is_zero():
    features = torch.ones(5, 2, 3)
    seen = windows(features, torch.tensor([0, 4, 99]))
    assert seen[0, :, 0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert seen[1, :, 0, 0].tolist() == [1, 1, 1, 1, 1, 0, 0, 0]
    assert not seen[2].any()
