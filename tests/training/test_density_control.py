"""Density control: what has a large gradient multiplies, what is faint, hind or green goes."""

from dataclasses import replace

import pytest
import torch

from instag.models.gaussians import random_gaussians
from instag.rendering.spherical_harmonics import SH_C0
from instag.training.density_control import (
    DensityConfig,
    DensityStats,
    accumulate,
    densify,
    filled_up,
    is_green,
    no_stats,
    reset_opacity,
    weaken_green,
    without_fillers,
)
from instag.types import Camera, Rendering

CONFIG = DensityConfig()


def gaussians(count: int = 8):
    head = random_gaussians(count, 1, torch.Generator().manual_seed(0))
    with torch.no_grad():
        head.means[:, 2] = 0.05
        head.scale.fill_(-8.0)
        head.opacity.fill_(2.0)
    return head


def pulled(head, rows: list[int]) -> DensityStats:
    stats = no_stats(head)
    stats.seen.fill_(1)
    stats.gradient[rows] = 1.0
    return stats


def apply(head, stats, config=CONFIG, step=600):
    return densify(
        head,
        stats,
        config,
        step=step,
        steps=10_000,
        extent=0.2,
        generator=torch.Generator().manual_seed(0),
    )


def test_nothing_pulled_nothing_changes():
    head = gaussians()
    selection = apply(head, pulled(head, []))
    assert selection.keep.all()
    assert len(selection.added["means"]) == 0


def test_small_ones_are_cloned():
    head = gaussians()
    selection = apply(head, pulled(head, [1, 4]))
    assert selection.keep.all()
    torch.testing.assert_close(selection.added["means"], head.means.detach()[[1, 4]])


def test_large_ones_are_split_into_two_smaller():
    head = gaussians()
    with torch.no_grad():
        head.scale[2] = -3.0
    selection = apply(head, pulled(head, [2]))
    assert not selection.keep[2]
    assert selection.added["means"].shape == (2, 3)
    smaller = torch.nn.functional.softplus(selection.added["scale"])
    torch.testing.assert_close(
        smaller, torch.nn.functional.softplus(head.scale.detach()[[2, 2]]) / 1.6
    )


def test_faint_and_hind_and_green_go():
    head = gaussians()
    with torch.no_grad():
        head.opacity[0] = -5.0
        head.means[1, 2] = -0.08
        head.dc[2, 0] = (torch.tensor([0.0, 1.0, 0.0]) - 0.5) / SH_C0
    assert is_green(head).tolist() == [False, False, True] + [False] * 5
    assert apply(head, pulled(head, [])).keep.tolist() == [False, False, False] + [True] * 5
    kept = apply(head, pulled(head, []), replace(CONFIG, green="keep", behind=None)).keep
    assert kept.tolist() == [False] + [True] * 7


@pytest.mark.parametrize("picture", [256, 512])
def test_what_covers_too_much_of_the_picture_goes_at_any_size(picture):
    head = gaussians(4)
    radii = torch.tensor([[0.01, 0.03, 0.05, 0.09]]) * picture
    means2d = torch.zeros(1, 4, 2, requires_grad=True)
    means2d.sum().backward()
    blank = torch.zeros(1, picture, picture)
    rendering = Rendering(
        colors=blank[..., None],
        detached=blank[..., None],
        alphas=blank,
        depths=blank,
        means2d=means2d,
        radii=radii,
    )
    camera = Camera(
        viewmats=torch.eye(4)[None], Ks=torch.eye(3)[None], width=picture, height=picture
    )
    stats = accumulate(no_stats(head), rendering, camera, picture)
    stats.gradient.zero_()
    assert apply(head, stats, step=4_000).keep.tolist() == [True, True, False, False]
    assert apply(head, stats, replace(CONFIG, prune_radius=0.08), step=4_000).keep.tolist() == [
        True,
        True,
        True,
        False,
    ]


def test_limit_stops_growth():
    head = gaussians()
    selection = apply(head, pulled(head, [1, 2, 3]), replace(CONFIG, limit=8))
    assert len(selection.added["means"]) == 0


def test_reset_and_weakening():
    head = gaussians()
    with torch.no_grad():
        head.dc[2, 0] = (torch.tensor([0.0, 1.0, 0.0]) - 0.5) / SH_C0
        head.scale.fill_(-3.0)
    weaken_green(head)
    splats = head.splats(None, 1)
    torch.testing.assert_close(splats.opacities[0, 2], torch.tensor(0.1))
    assert splats.scales[0, 2, 0] < splats.scales[0, 1, 0] / 5
    reset_opacity(head, 0.01)
    assert head.splats(None, 1).opacities.max() < 0.0101


def test_where_there_is_no_room_the_strongest_multiply():
    head = gaussians()
    stats = pulled(head, [1, 4, 6])
    stats.gradient[4] = 3.0
    selection = apply(head, stats, replace(CONFIG, limit=9))
    assert len(selection.added["means"]) == 1
    torch.testing.assert_close(selection.added["means"], head.means.detach()[4:5])
    assert len(apply(head, stats, replace(CONFIG, limit=8)).added["means"]) == 0


def test_fillers_are_seen_by_nobody_and_go_again():
    head = gaussians()
    selection = filled_up(apply(head, pulled(head, [2])), head, 16)
    assert int(selection.keep.sum()) + len(selection.added["means"]) == 16
    full = gaussians(16)
    with torch.no_grad():
        for name, table in full.named_parameters():
            table.copy_(torch.cat([getattr(head, name)[selection.keep], selection.added[name]]))
    assert int((torch.sigmoid(full.opacity) > 1 / 255).sum()) == 9
    assert int(without_fillers(full).keep.sum()) == 9
    assert int(apply(full, pulled(full, [])).keep.sum()) == 9
