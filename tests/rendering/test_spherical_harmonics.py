"""Spherical harmonics against scipy's, and the short ways of low degrees against the long one."""

import numpy as np
import pytest
import torch
from scipy.special import sph_harm_y

from instag.rendering import spherical_harmonics


def test_the_basis_is_that_of_real_harmonics():
    """Up to sign (the Condon-Shortley phase, which 3DGS keeps) each function is sqrt(2) Re or Im of
    Y, and all are orthonormal."""
    directions = torch.nn.functional.normalize(
        torch.randn(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), dim=-1
    )
    values = spherical_harmonics._basis(directions, 16).numpy()
    x, y, z = directions.numpy().T
    theta, phi = np.arccos(z), np.arctan2(y, x)
    column = 0
    for degree in (1, 2, 3):
        for order in range(-degree, degree + 1):
            y_complex = sph_harm_y(degree, abs(order), theta, phi)
            expected = (
                y_complex.real
                if order == 0
                else np.sqrt(2) * (y_complex.imag if order < 0 else y_complex.real)
            )
            np.testing.assert_allclose(values[:, column], expected, atol=1e-9)
            column += 1


@pytest.mark.parametrize("count", [1, 4, 9])
def test_a_low_degree_is_a_high_one_with_zeros(count: int):
    random = torch.Generator().manual_seed(count)
    directions = torch.nn.functional.normalize(torch.randn(2, 20, 3, generator=random), dim=-1)
    coefficients = torch.randn(20, count, 3, generator=random)
    padded = torch.cat([coefficients, torch.zeros(20, 16 - count, 3)], 1)
    torch.testing.assert_close(
        spherical_harmonics.colors(coefficients, directions),
        spherical_harmonics.colors(padded, directions),
    )
    batched = coefficients.expand(2, -1, -1, -1)
    torch.testing.assert_close(
        spherical_harmonics.colors(batched, directions),
        spherical_harmonics.colors(padded, directions),
    )


def test_a_plain_colour_looks_the_same_from_everywhere():
    rgb = torch.rand(5, 3)
    directions = torch.nn.functional.normalize(torch.randn(3, 5, 3), dim=-1)
    torch.testing.assert_close(
        spherical_harmonics.colors(((rgb - 0.5) / spherical_harmonics.SH_C0)[:, None], directions),
        rgb.expand(3, -1, -1),
    )
    assert spherical_harmonics.colors(torch.full((5, 4, 3), -9.0), directions).amin() >= 0


def test_directions_point_from_the_camera_to_the_splats():
    viewmats = torch.eye(4)[None].clone()
    viewmats[0, :3, 3] = torch.tensor([0.0, 0.0, 2.0])  # the camera stands at z = -2
    torch.testing.assert_close(
        spherical_harmonics.directions(torch.tensor([[[0.0, 0, 0], [1, 0, -2]]]), viewmats),
        torch.tensor([[[0.0, 0, 1], [1, 0, 0]]]),
    )
