"""A network's input: a batch of one in the frame's order of channels, centred and scaled."""

import numpy as np
import torch

from instag.capture.networks.network_input import normalized, picture_of


def test_a_frame_keeps_its_levels_and_channels() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    picture = picture_of(frame)
    assert picture.dtype == torch.float32
    np.testing.assert_array_equal(picture[0].permute(1, 2, 0).numpy(), frame)


def test_its_own_mean_and_deviation_make_it_standard() -> None:
    picture = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(0)) * 255
    red, green, blue = picture[0].flatten(1)
    standard = normalized(
        picture,
        (red.mean().item(), green.mean().item(), blue.mean().item()),
        (red.std().item(), green.std().item(), blue.std().item()),
    )
    torch.testing.assert_close(standard.mean((0, 2, 3)), torch.zeros(3), rtol=0, atol=1e-4)
    torch.testing.assert_close(standard.std((0, 2, 3)), torch.ones(3), rtol=0, atol=1e-4)
