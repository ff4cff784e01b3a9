"""Compositing: layers over layers, back to front."""

import torch

from instag.rendering.compositing import LayerPicture, compose, dilate, over


def test_opaque_hides_and_clear_shows():
    front, back = torch.rand(1, 2, 3, 3), torch.rand(1, 2, 3, 3)
    torch.testing.assert_close(over(front, torch.ones(1, 2, 3), back), front)
    torch.testing.assert_close(over(torch.zeros_like(front), torch.zeros(1, 2, 3), back), back)


def test_over_is_associative():
    layers = [
        (torch.rand(1, 4, 4, 3) * alpha[..., None], alpha) for alpha in torch.rand(3, 1, 4, 4)
    ]
    (a, alpha_a), (b, alpha_b), (c, _) = layers
    joined = over(a, alpha_a, b), alpha_a + (1 - alpha_a) * alpha_b
    torch.testing.assert_close(over(*joined, c), over(a, alpha_a, over(b, alpha_b, c)))


def test_face_over_mouth_over_background():
    def plain(*rgb: float) -> torch.Tensor:
        return torch.tensor(rgb, dtype=torch.float32).expand(1, 5, 5, len(rgb))

    half = torch.full((1, 5, 5), 0.5)
    seen = compose(
        LayerPicture(colors=plain(0.5, 0, 0), alphas=half),
        LayerPicture(colors=plain(0, 0.5, 0), alphas=half),
        plain(0, 0, 0.5),
    )
    torch.testing.assert_close(seen, plain(0.5, 0.25, 0.125))


def test_dilation_widens_by_half_its_window():
    alphas = torch.zeros(1, 30, 40)
    alphas[0, 15, 20] = 0.7
    expected = torch.zeros(1, 30, 40)
    expected[0, 9:22, 14:27] = 0.7
    assert torch.equal(dilate(alphas, 13), expected)
