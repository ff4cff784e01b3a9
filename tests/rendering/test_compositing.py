"""Compositing: layers over layers, back to front."""

import pytest
import torch

from instag.rendering.compositing import LayerPicture, compose, composite_uint8, dilate, over


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


@pytest.mark.parametrize("dilation", [0, 5])
@pytest.mark.parametrize("size", [(1, 1), (37, 53)])
def test_one_pass_has_the_bits_of_the_composition(size, dilation):
    random = torch.Generator().manual_seed(1)
    both = [torch.rand(3, *size, generator=random).mul(1.5).sub(0.25).clamp(0, 1) for _ in range(2)]
    face, mouth = (
        LayerPicture(
            colors=torch.rand(3, *size, 3, generator=random) * 1.2 * alphas[..., None],
            alphas=alphas,
        )
        for alphas in both
    )
    behind = torch.randint(0, 256, (3, *size, 3), generator=random, dtype=torch.uint8)
    expected = (
        compose(face, mouth, behind.float() / 255, dilation=dilation)
        .mul(255)
        .round()
        .clamp(0, 255)
        .byte()
    )
    assert torch.equal(composite_uint8(face, mouth, behind, dilation=dilation), expected)


def test_the_torch_way_has_them_too():
    """Doubles take it, as a GPU does."""
    random = torch.Generator().manual_seed(2)
    face, mouth = (torch.rand(2, 9, 7, 3, generator=random) for _ in range(2))
    alphas = torch.rand(2, 9, 7, generator=random)
    behind = torch.randint(0, 256, (2, 9, 7, 3), generator=random, dtype=torch.uint8)
    fast, slow = (
        composite_uint8(
            LayerPicture(colors=face.to(dtype), alphas=alphas.to(dtype)),
            LayerPicture(colors=mouth.to(dtype), alphas=alphas.to(dtype)),
            behind,
        )
        for dtype in (torch.float32, torch.float64)
    )
    assert (fast.int() - slow.int()).abs().max() <= 1


def test_where_nothing_is_painted_the_bytes_behind_stay():
    behind = (
        torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1).expand(-1, -1, -1, 3).contiguous()
    )
    nothing = LayerPicture(colors=torch.zeros(1, 16, 16, 3), alphas=torch.zeros(1, 16, 16))
    assert torch.equal(composite_uint8(nothing, nothing, behind), behind)
