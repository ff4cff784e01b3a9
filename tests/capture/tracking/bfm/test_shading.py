"""Light and texture: harmonics are what Lambert's law says, and both are found from colours."""

import math

import torch

from instag.capture.tracking.bfm.shading import ambient, fit_light, fit_texture, harmonics

GENERATOR = torch.Generator().manual_seed(0)


def sphere(count: int) -> torch.Tensor:
    return torch.nn.functional.normalize(
        torch.randn(count, 3, generator=GENERATOR).double(), dim=-1
    )


def test_the_same_light_from_everywhere_is_the_same_everywhere() -> None:
    basis = harmonics(sphere(50)) @ ambient(1, torch.zeros(1).double())[0]
    torch.testing.assert_close(basis, torch.full_like(basis, 0.8 * math.sqrt(math.pi) / 2))


def test_a_lamp_is_received_as_the_cosine() -> None:
    """A lamp straight ahead: its harmonics up to degree 2 give max(0, cos) to a few hundredths
    (Ramamoorthi and Hanrahan, figure 2)."""
    normals, ahead = sphere(4000), torch.tensor([[0.0, 0.0, 1.0]]).double()
    degree = torch.tensor([math.pi, *[2 * math.pi / 3] * 3, *[math.pi / 4] * 5]).double()
    lamp = (harmonics(ahead) / degree)[
        0
    ]  # the harmonics themselves, as received divides out what a matt surface takes
    basis = harmonics(normals) @ lamp
    assert (basis - normals[:, 2].clamp_min(0)).abs().max() < 0.1


def test_light_and_texture_are_found() -> None:
    normals = sphere(400)
    normals[:, 2] = normals[:, 2].abs()
    received = harmonics(normals).expand(3, -1, -1)
    mean, basis = (
        torch.rand(400, 3, generator=GENERATOR).double() * 0.5 + 0.3,
        torch.randn(400, 5, 3, generator=GENERATOR).double() * 0.05,
    )
    texture = torch.tensor([1.0, -0.5, 0.3, 0.0, 2.0]).double()
    light = ambient(3, mean) + 0.05 * torch.randn(3, 9, 3, generator=GENERATOR).double()
    colors = (mean + torch.einsum("ptc,t->pc", basis, texture)) * (received @ light)
    sure = torch.full((3, 400), 1e4).double()
    torch.testing.assert_close(
        fit_texture(mean, basis, received @ light, colors, sure), texture, rtol=0, atol=0.01
    )
    found = fit_light(mean + torch.einsum("ptc,t->pc", basis, texture), received, colors, sure)
    torch.testing.assert_close(received @ found, received @ light, rtol=0, atol=1e-3)
