"""The CPU renderer against the oracle, on scenes that hypothesis draws."""

import gc
import warnings
import weakref

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from instag.rendering.cpu import CpuRenderer
from instag.rendering.torch_oracle import TorchOracle
from rendering.scenes import MOVING, pictures, ready, render, scene


def steady(values: dict[str, torch.Tensor], width: int, height: int) -> torch.Tensor:
    """Pixels that do not hang on the rounding of a threshold: those that stay as they are when both thresholds move a little."""
    with torch.no_grad():
        looks = [
            pictures(render(TorchOracle(skip_under=(1 + change) / 255, finish_under=1e-4 * (1 + change)), values, width, height)) for change in (-3e-4, 0, 3e-4)
        ]
    return ((looks[0] - looks[1]).abs() + (looks[2] - looks[1]).abs()).amax(-1) == 0


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


@given(scenes)
def test_pictures_and_gradients_are_the_oracles(drawn: dict[str, int]):
    width, height = drawn["width"], drawn["height"]
    values = {name: value.float().double() for name, value in scene(**drawn).items()}
    exact, fast = ready(values, torch.float64), ready(values, torch.float32)
    expected, painted = render(TorchOracle(), exact, width, height), render(CpuRenderer(), fast, width, height)
    mask = steady(values, width, height)[..., None]
    assert ((pictures(painted) - pictures(expected)) * mask)[..., :-1].abs().amax() <= 1e-5
    assert ((painted.depths - expected.depths) * expected.alphas * mask[..., 0]).abs().amax() <= 1e-5
    torch.testing.assert_close(painted.radii.double(), expected.radii, rtol=1e-5, atol=1e-3)
    if not drawn["count"]:
        return
    weights = torch.randn(pictures(expected).shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * mask
    for seen in (expected, painted):  # depth x alpha, because depth alone hardly changes where one splat is seen
        shares = torch.cat([torch.ones_like(pictures(seen)[..., :-1]), seen.alphas[..., None]], -1)
        (pictures(seen) * shares * weights.to(shares.dtype)).sum().backward()
    pairs = {name: (exact[name].grad, fast[name].grad) for name in MOVING} | {"means2d": (expected.means2d.grad, painted.means2d.grad)}
    for name, (there, here) in pairs.items():
        if there is None or not there.numel():
            continue
        assert here is not None
        assert (here - there).abs().amax() <= 1e-4 * there.abs().amax() + 1e-6, name


def test_a_splat_over_many_tiles():
    values = scene(1, count=3, width=200, height=150)
    values["scales"] = torch.full_like(values["scales"], 0.1)
    values["opacities"] = torch.full_like(values["opacities"], 0.9)
    expected, painted = (
        render(renderer, ready(values, dtype), 200, 150) for renderer, dtype in ((TorchOracle(), torch.float64), (CpuRenderer(), torch.float32))
    )
    assert expected.alphas.amin() > 0
    torch.testing.assert_close(pictures(painted).double(), pictures(expected), rtol=1e-5, atol=1e-5)


def test_hidden_splats_cost_nothing_but_change_nothing():
    """Behind 40 opaque walls everything is finished; the early end must give what the oracle gives."""
    values = scene(2, count=200, width=70, height=50)
    values["scales"] = values["scales"] * 8
    values["opacities"] = torch.full_like(values["opacities"], 0.95)
    exact, fast = ready(values, torch.float64), ready(values, torch.float32)
    mask = steady(values, 70, 50)[..., None]
    (pictures(render(TorchOracle(), exact, 70, 50)) * mask).sum().backward()
    (pictures(render(CpuRenderer(), fast, 70, 50)) * mask).sum().backward()
    for name in MOVING:
        there, here = exact[name].grad, fast[name].grad
        assert there is not None
        assert here is not None
        assert (here - there).abs().amax() <= 1e-4 * there.abs().amax()


def test_the_same_bits_on_one_core_and_on_two():
    def gradients(threads: int) -> list[torch.Tensor]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        values = ready(scene(3, frames=2, count=500, width=100, height=70), torch.float32)
        seen = render(CpuRenderer(), values, 100, 70)
        pictures(seen).square().sum().backward()
        torch.set_num_threads(before)
        return [pictures(seen), *(values[name].grad for name in MOVING)]  # pyright: ignore[reportReturnType]

    first, second, third = gradients(1), gradients(2), gradients(2)
    assert all(torch.equal(a, b) and torch.equal(b, c) for a, b, c in zip(first, second, third, strict=True))


def test_only_what_is_asked_for_gets_a_gradient():
    values = ready(scene(4), torch.float32)
    render(CpuRenderer(), values, 40, 30).detached.sum().backward()
    assert values["detached"].grad is not None
    assert values["detached"].grad.any()
    assert not any(values[name].grad.any() for name in MOVING if name != "detached")  # pyright: ignore[reportOptionalMemberAccess]


def test_numbers_that_are_not_finite_are_not_seen():
    values = {name: value.float() for name, value in scene(5).items()}
    clean = render(CpuRenderer(), values, 40, 30)
    for name, number in (("means", torch.nan), ("means", torch.inf), ("scales", torch.nan), ("scales", torch.inf), ("opacities", torch.nan)):
        broken = {key: torch.cat([value, value[:, :1]], 1) if key in MOVING and key != "viewmats" else value for key, value in values.items()}
        broken[name][:, -1] = number
        torch.testing.assert_close(pictures(render(CpuRenderer(), broken, 40, 30)), pictures(clean))


def test_nothing_is_kept_once_a_picture_is_forgotten():
    seen = render(CpuRenderer(), ready(scene(6), torch.float32), 40, 30)
    trace = weakref.ref(seen.colors)
    gc.disable()
    del seen
    gone = trace() is None
    gc.enable()
    assert gone


@pytest.mark.parametrize("shape", [(1, 1), (64, 16), (65, 17), (16, 64)])
def test_no_warning_reaches_the_user(shape: tuple[int, int]):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        render(CpuRenderer(), {name: value.float() for name, value in scene(7).items()}, *shape)
