"""Every renderer that this machine has, against the oracle, on scenes that hypothesis draws."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instag.rendering.reference import ReferenceRenderer
from instag.rendering.registry import renderer_for
from instag.types import Rendering
from rendering.scenes import DEVICES, MOVING, pictures, ready, render, scene

each_device = pytest.mark.parametrize("device", DEVICES)


def steady(values: dict[str, torch.Tensor], width: int, height: int) -> torch.Tensor:
    """Pixels that do not hang on the rounding of a threshold: those that stay as they are when both
    thresholds move a little.

    What an alpha near LARGEST_ALPHA leaves is known ten times less well than the alpha itself.
    """
    with torch.no_grad():
        looks = [
            pictures(
                render(
                    ReferenceRenderer(
                        skip_under=(1 + change) / 255, finish_under=1e-4 * (1 + 10 * change)
                    ),
                    values,
                    width,
                    height,
                )
            )
            for change in (-3e-4, 0, 3e-4)
        ]
    return ((looks[0] - looks[1]).abs() + (looks[2] - looks[1]).abs()).amax(-1) == 0


def rendered(
    device: str, values: dict[str, torch.Tensor], width: int, height: int
) -> tuple[Rendering, dict[str, torch.Tensor]]:
    """The device's picture, and the values with gradients that it was made of."""
    fast = ready({name: value.to(device) for name, value in values.items()}, torch.float32)
    return render(renderer_for(device), fast, width, height), fast


def gradient_error(device: str) -> float:
    """gsplat is compiled with a fast exponential; behind nearly opaque splats what is left of the
    light is known less well."""
    return 1e-4 if device == "cpu" else 5e-4


def along(quats: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """What a gradient by unit quaternions says of their direction; renderers may normalise them
    once more, and their length is of no matter."""
    return gradient - (gradient * quats).sum(-1, keepdim=True) * quats


sizes = st.integers(1, 80)
scenes = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "frames": st.integers(1, 3),
        "count": st.sampled_from([0, 1, 2, 30, 120]),
        "colors": st.integers(0, 4),
        "detached": st.integers(0, 3),
        "width": sizes,
        "height": sizes,
    }
)


@each_device
@given(drawn=scenes)
def test_pictures_and_gradients_are_the_oracles(device: str, drawn: dict[str, int]):
    width, height = drawn["width"], drawn["height"]
    values = {name: value.float().double() for name, value in scene(**drawn).items()}
    exact = ready(values, torch.float64)
    expected, (seen, fast) = (
        render(ReferenceRenderer(), exact, width, height),
        rendered(device, values, width, height),
    )
    mask = steady(values, width, height)[..., None]
    assert ((pictures(seen).cpu() - pictures(expected)) * mask)[..., :-1].abs().amax() <= 1e-5
    assert (
        (seen.depths.cpu() - expected.depths) * expected.alphas * mask[..., 0]
    ).abs().amax() <= 1e-5
    radii = seen.radii.cpu().double()[expected.radii > 0], expected.radii[expected.radii > 0]
    # A GPU's are whole pixels, rounded up.
    torch.testing.assert_close(*radii, rtol=1e-5, atol=1e-3 + (device != "cpu"))
    if not drawn["count"]:
        return
    weights = (
        torch.randn(
            pictures(expected).shape,
            generator=torch.Generator().manual_seed(1),
            dtype=torch.float64,
        )
        * mask
    )
    for picture in (
        expected,
        seen,
    ):  # depth x alpha, because depth alone hardly changes where one splat is seen
        shares = torch.cat(
            [torch.ones_like(pictures(picture)[..., :-1]), picture.alphas[..., None]], -1
        )
        (pictures(picture) * shares * weights.to(shares)).sum().backward()
    pairs = {name: (exact[name].grad, fast[name].grad) for name in MOVING} | {
        "means2d": (expected.means2d.grad, seen.means2d.grad)
    }
    for name, (there, here) in pairs.items():
        if there is None or not there.numel():
            continue
        assert here is not None
        there, here = (
            along(values["quats"], gradient.cpu()) if name == "quats" else gradient.cpu()
            for gradient in (there, here)
        )
        assert (here - there).abs().amax() <= gradient_error(device) * there.abs().amax() + 2e-5, (
            name
        )


@each_device
def test_a_splat_over_many_tiles(device: str):
    values = scene(1, count=3, width=200, height=150)
    values["scales"] = torch.full_like(values["scales"], 0.1)
    values["opacities"] = torch.full_like(values["opacities"], 0.9)
    expected, (seen, _) = (
        render(ReferenceRenderer(), ready(values, torch.float64), 200, 150),
        rendered(device, values, 200, 150),
    )
    assert expected.alphas.amin() > 0
    torch.testing.assert_close(
        pictures(seen).cpu().double(), pictures(expected), rtol=1e-5, atol=1e-5
    )


@each_device
def test_hidden_splats_cost_nothing_but_change_nothing(device: str):
    """Behind 40 opaque walls everything is finished; the early end must give what the oracle
    gives."""
    values = scene(2, count=200, width=70, height=50)
    values["scales"] = values["scales"] * 8
    values["opacities"] = torch.full_like(values["opacities"], 0.95)
    exact, mask = ready(values, torch.float64), steady(values, 70, 50)[..., None]
    (pictures(render(ReferenceRenderer(), exact, 70, 50)) * mask).sum().backward()
    seen, fast = rendered(device, values, 70, 50)
    (pictures(seen) * mask.to(device)).sum().backward()
    for name in MOVING:
        there, here = exact[name].grad, fast[name].grad
        assert there is not None
        assert here is not None
        there, here = (
            along(values["quats"], gradient.cpu()) if name == "quats" else gradient.cpu()
            for gradient in (there, here)
        )
        assert (here - there).abs().amax() <= gradient_error(device) * there.abs().amax()


@each_device
def test_only_what_is_asked_for_gets_a_gradient(device: str):
    seen, values = rendered(device, scene(4), 40, 30)
    seen.detached.sum().backward()
    assert values["detached"].grad is not None
    assert values["detached"].grad.any()
    others = [values[name].grad for name in MOVING if name != "detached"]
    assert not any(gradient is not None and gradient.any() for gradient in others)


@each_device
def test_numbers_that_are_not_finite_are_not_seen(device: str):
    values = {name: value.float().to(device) for name, value in scene(5).items()}
    renderer = renderer_for(device)
    clean = render(renderer, values, 40, 30)
    for name, number in (
        ("means", torch.nan),
        ("means", torch.inf),
        ("scales", torch.nan),
        ("scales", torch.inf),
        ("opacities", torch.nan),
    ):
        broken = {
            key: torch.cat([value, value[:, :1]], 1)
            if key in MOVING and key != "viewmats"
            else value
            for key, value in values.items()
        }
        broken[name][:, -1] = number
        torch.testing.assert_close(pictures(render(renderer, broken, 40, 30)), pictures(clean))
