"""The bundled perceptual distance: zero for equal pictures, more for worse ones, with a gradient
that mends them."""

import torch
from torch.nn.functional import avg_pool2d

from instag.ops.perceptual import (
    CHANNELS,
    PerceptualDistance,
    load_perceptual_distance,
    perceptual_distance_from,
    stored_form,
)


def painted(side: int = 64) -> torch.Tensor:
    """Soft stripes and an edge, in colour."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    waves = [0.5 + 0.3 * torch.sin(columns * each + rows * 0.2) for each in (0.3, 0.5, 0.9)]
    picture = torch.stack(waves, dim=-1)
    picture[rows > side // 2] *= 0.5
    return picture[None]


def blurred(picture: torch.Tensor, width: int) -> torch.Tensor:
    return avg_pool2d(
        picture.permute(0, 3, 1, 2), width, 1, width // 2, count_include_pad=False
    ).permute(0, 2, 3, 1)


def test_equal_pictures_do_not_differ():
    distance = load_perceptual_distance()
    assert distance(painted(), painted()).tolist() == [0]


def test_more_blur_differs_more():
    distance, true = load_perceptual_distance(), painted()
    found = [distance(blurred(true, width), true).item() for width in (3, 5, 9)]
    assert 0 < found[0] < found[1] < found[2] < 1.5


def test_it_is_the_same_both_ways():
    distance, true = load_perceptual_distance(), painted()
    there, back = distance(blurred(true, 5), true), distance(true, blurred(true, 5))
    torch.testing.assert_close(there, back)


def test_each_pair_is_compared_alone():
    distance = load_perceptual_distance()
    one, other = painted(), 1 - painted()
    together = distance(torch.cat([blurred(one, 5), blurred(other, 3)]), torch.cat([one, other]))
    alone = [distance(blurred(one, 5), one), distance(blurred(other, 3), other)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_its_gradient_sharpens_a_blurred_picture():
    distance, true = load_perceptual_distance(), painted()
    picture = blurred(true, 5).requires_grad_()
    before = distance(picture, true)
    before.sum().backward()
    assert picture.grad is not None
    step = 0.01 * picture.grad / picture.grad.abs().max()
    assert distance((picture - step).detach(), true) < before
    assert not any(parameter.requires_grad for parameter in distance.parameters())


def test_plain_pictures_have_a_finite_gradient():
    black = torch.zeros(1, 32, 32, 3, requires_grad=True)
    load_perceptual_distance()(black, torch.ones(1, 32, 32, 3)).sum().backward()
    assert black.grad is not None
    assert torch.isfinite(black.grad).all()


def test_the_smallest_patches_are_compared():
    assert load_perceptual_distance()(painted(32), 1 - painted(32)) > 0


def test_a_file_tells_the_size_of_its_network():
    generator = torch.Generator().manual_seed(0)
    network = PerceptualDistance((6, 5, 4, 3, 2), (3, 3, 3, 3, 2))
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.5
    again = perceptual_distance_from(stored_form(network))
    torch.testing.assert_close(
        again(painted(), 1 - painted()), network(painted(), 1 - painted()), rtol=0.02, atol=0
    )
    for name, value in network.state_dict().items():
        error = (again.state_dict()[name] - value).abs().max()
        assert error < 0.006 * value.abs().max(), name


def test_the_bundled_network_has_the_size_that_the_tool_makes():
    distance = load_perceptual_distance()
    assert tuple(layer.out_channels for layer in distance.layers) == CHANNELS
