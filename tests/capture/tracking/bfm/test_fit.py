"""The equations of a fit: derivatives are those of the projection, and a step ends where the truth
is."""

from dataclasses import replace

import torch

from capture.tracking.bfm import faces
from instag.capture.tracking.bfm.fit import (
    CoefficientPrior,
    Fit,
    apply_step,
    jacobian_of_frames,
    jacobian_of_shared,
    project,
    vertex_positions,
)
from instag.capture.tracking.bfm.outline import Outline

SIZE = 128
FACE = faces.model()
TRUTH = faces.truth(FACE, 3, SIZE, 300.0)
POINTS = FACE.shape.at(torch.arange(0, len(FACE.shape.mean), 97))
CENTER = faces.center_of(SIZE)


def test_own_derivatives_are_the_projections() -> None:
    seen = project(POINTS, TRUTH, CENTER)
    expected = jacobian_of_frames(POINTS, TRUTH, seen)
    for unknown in range(expected.shape[-1]):
        step = torch.zeros(3, expected.shape[-1], dtype=torch.float64)
        step[:, unknown] = 1e-5
        slope = (
            project(POINTS, apply_step(TRUTH, step), CENTER).pixels
            - project(POINTS, apply_step(TRUTH, -step), CENTER).pixels
        ) / 2e-5
        torch.testing.assert_close(expected[..., unknown], slope, rtol=1e-4, atol=1e-4)


def test_shared_derivatives_are_the_projections() -> None:
    seen = project(POINTS, TRUTH, CENTER)
    expected = jacobian_of_shared(POINTS, TRUTH, seen)
    for unknown in range(expected.shape[-1] - 1):
        shifted = [
            replace(TRUTH, identity=TRUTH.identity + sign * 1e-5 * torch.eye(12).double()[unknown])
            for sign in (1, -1)
        ]
        slope = (
            project(POINTS, shifted[0], CENTER).pixels - project(POINTS, shifted[1], CENTER).pixels
        ) / 2e-5
        torch.testing.assert_close(expected[..., unknown], slope, rtol=1e-4, atol=1e-4)
    zoomed = [
        project(POINTS, replace(TRUTH, focal=TRUTH.focal * (1 + sign * 1e-5)), CENTER).pixels
        for sign in (1, -1)
    ]
    torch.testing.assert_close(
        expected[..., -1], (zoomed[0] - zoomed[1]) / 2e-5, rtol=1e-4, atol=1e-4
    )


def test_points_of_each_frame_are_those_of_all() -> None:
    rows = torch.tensor([[1, 5], [7, 1], [2, 2]])
    fit_frames = vertex_positions(
        FACE.shape.at(torch.arange(10)), TRUTH.identity, TRUTH.expressions
    )
    torch.testing.assert_close(
        vertex_positions(FACE.shape.at(rows), TRUTH.identity, TRUTH.expressions),
        fit_frames.gather(1, rows[..., None].expand(-1, -1, 3)),
    )


def test_no_numbers_are_the_mean_face() -> None:
    none = torch.zeros(12).double(), torch.zeros(2, 8).double()
    torch.testing.assert_close(vertex_positions(POINTS, *none), POINTS.mean.expand(2, -1, -1))


def test_the_jaw_is_where_the_face_ends() -> None:
    """Turning the face lets other vertices be the outline, and none of the candidates lies farther
    out."""
    outline = Outline.of(FACE, SIZE)
    pixels = outline.landmarks(TRUTH, CENTER)[1].pixels
    candidates = project(outline.points, TRUTH, CENTER).pixels[:, 68:, 0]
    left, right = candidates[:, :40].reshape(3, 8, 5), candidates[:, 40:].reshape(3, 8, 5)
    torch.testing.assert_close(pixels[:, :8, 0], left.amin(-1))
    torch.testing.assert_close(pixels[:, 9:17, 0], right.amax(-1))


def test_energy_is_lowest_at_the_truth() -> None:
    outline, prior = (
        Outline.of(FACE, SIZE),
        CoefficientPrior(expression=1e-3, identity=1e-3, focal=300.0, log_focal=1.0),
    )
    seen, found = outline.landmarks(TRUTH, CENTER)[1].pixels, torch.ones(3).double()

    def energy(fit: Fit) -> float:
        return outline.energy(fit, seen, found, prior, CENTER)

    assert energy(TRUTH) < energy(replace(TRUTH, translations=TRUTH.translations + 0.01))
    assert energy(TRUTH) < energy(replace(TRUTH, focal=330.0))
    assert outline.measurements(TRUTH, seen, found, CENTER).gradient.abs().max() < 1e-9
