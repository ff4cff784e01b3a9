"""Frames of several people rendered in one call are those of each alone."""

import torch

from instag.models.gaussians import random_gaussians
from instag.rendering.reference import ReferenceRenderer
from instag.training.multi_person import cat_conditions, padded, part_of, render_people
from instag.types import Camera, Condition


def camera(frames: int) -> Camera:
    views = torch.eye(4).repeat(frames, 1, 1)
    views[:, 2, 3] = 0.6
    K = torch.tensor([[40.0, 0, 12], [0, 40, 12], [0, 0, 1]]).repeat(frames, 1, 1)
    return Camera(viewmats=views, Ks=K, width=24, height=24)


def test_people_together_are_people_one_by_one() -> None:
    draw, renderer = torch.Generator().manual_seed(0), ReferenceRenderer()
    sets = [random_gaussians(count, 1, draw) for count in (30, 50)]

    def rendered(chosen: list) -> torch.Tensor:
        still = [None] * len(chosen)
        cameras = [camera(2) for _ in chosen]
        return render_people(chosen, still, cameras, renderer, degree=1).colors

    together = rendered(sets)
    alone = torch.cat([rendered([each]) for each in sets])
    assert together.std() > 0
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)


def test_further_splats_are_seen_by_nobody() -> None:
    splats = random_gaussians(5, 0, torch.Generator().manual_seed(0)).splats(None, 2)
    more = padded(splats, 8)
    assert more.means.shape == (2, 8, 3)
    assert (more.opacities[:, 5:] == 0).all()
    assert padded(splats, 5) is splats


def test_density_control_reads_a_persons_share() -> None:
    draw = torch.Generator().manual_seed(0)
    sets = [random_gaussians(count, 0, draw) for count in (6, 9)]
    both = render_people(sets, [None, None], [camera(2)] * 2, ReferenceRenderer(), degree=0)
    both.means2d.retain_grad()
    both.colors.sum().backward()
    part = part_of(both, slice(0, 2), 6, weight=2.0)
    assert part.means2d.shape == (2, 6, 2)
    assert part.means2d.grad is not None
    assert both.means2d.grad is not None
    torch.testing.assert_close(part.means2d.grad, 2 * both.means2d.grad[:2, :6])


def test_conditions_keep_their_order() -> None:
    parts = [
        Condition(speech=torch.full((1, 8, 12, 1), value), expression=torch.full((1, 6), value))
        for value in (1.0, 2.0)
    ]
    assert cat_conditions(parts).expression[:, 0].tolist() == [1.0, 2.0]
