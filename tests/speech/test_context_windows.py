"""Speech windows."""

import torch

from instag.speech.windows import windows


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
