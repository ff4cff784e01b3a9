"""The search for seen Gaussians: pictures hardly change without the others."""

from dataclasses import replace

import torch

from instag.models.baked_head import BakedLayers
from instag.models.scaled_avatar import scaled
from instag.models.seen_search import WANTED_PSNR, basis_of, search_seen_gaussians
from models.baking import baked, earlier
from models.test_bake import painted


def source(shown: tuple[torch.Tensor, torch.Tensor] | None) -> BakedLayers:
    return BakedLayers(earlier().head, baked(), degree=earlier().info.degree, shown=shown)


def everything() -> tuple[torch.Tensor, torch.Tensor]:
    counts = len(earlier().head.face.gaussians), len(earlier().head.mouth.gaussians)
    face, mouth = (torch.ones(count, dtype=torch.bool) for count in counts)
    return face, mouth


@torch.no_grad()
def test_pictures_are_as_near_as_is_wanted():
    seen = search_seen_gaussians(earlier(), baked())
    assert seen.psnr >= WANTED_PSNR
    shown = seen.face, seen.mouth
    assert not all(part.all() for part in shown)
    apart = (painted(source(shown)) - painted(source(None))).square().flatten(1).mean(1)
    assert float(-10 * apart.max().log10()) > WANTED_PSNR - 3  # frames of another draw


@torch.no_grad()
def test_all_of_them_give_the_same_pictures():
    assert torch.equal(painted(source(everything())), painted(source(None)))


@torch.no_grad()
def test_what_is_behind_the_camera_is_not_seen():
    avatar = replace(earlier(), head=earlier().to("cpu").head)
    avatar.head.mouth.gaussians.means[:5, 2] += 100.0
    seen = search_seen_gaussians(avatar, baked())
    assert not seen.mouth[:5].any()


def test_where_nothing_is_near_enough_all_are_kept(monkeypatch):
    monkeypatch.setattr("instag.models.seen_search.WANTED_PSNR", 500.0)
    assert search_seen_gaussians(earlier(), baked()).are_all


def test_what_they_are_chosen_from_has_an_identity():
    found = {
        basis_of(avatar, head)
        for avatar, head in (
            (earlier(), baked()),
            (scaled(earlier(), 96), baked()),
            (replace(earlier(), viewmats=earlier().viewmats + 1e-3), baked()),
            (replace(earlier(), expression=earlier().expression * 0.9), baked()),
            (replace(earlier(), speaker_adapter=None), baked()),
            (earlier(), replace(baked(), head_id=7)),
            (earlier(), replace(baked(), face=replace(baked().face, steps=baked().face.steps * 2))),
        )
    }
    assert len(found) == 7
    assert basis_of(replace(earlier()), baked()) in found


def test_shapes_of_some_gaussians_move_them_as_before():
    kept = everything()[0]
    kept[::3] = False
    shapes = baked().face
    coefficients = torch.randn(2, len(shapes), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        shapes.part(kept).motion(coefficients), shapes.motion(coefficients)[:, kept]
    )
