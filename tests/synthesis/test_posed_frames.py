"""Posed frames of several heads as one batch."""

import torch

from instag.models.render_head import Layer
from instag.synthesis.posed_frames import PosedLayers, count_of, filled, side_by_side
from instag.types import Camera, Splats


def layer(frames: int, count: int) -> Layer:
    draw = torch.Generator().manual_seed(count)
    splats = Splats(
        means=torch.randn(frames, count, 3, generator=draw),
        quats=torch.randn(frames, count, 4, generator=draw),
        scales=torch.rand(frames, count, 3, generator=draw),
        opacities=torch.rand(frames, count, generator=draw),
    )
    return Layer(splats=splats, colors=torch.rand(frames, count, 3, generator=draw))


def posed(frames: int, count: int) -> PosedLayers:
    views = torch.eye(4).expand(frames, 4, 4)
    camera = Camera(viewmats=views, Ks=views[:, :3, :3], width=8, height=8)
    return PosedLayers(face=layer(frames, count), mouth=layer(frames, 3), camera=camera)


def test_a_smaller_head_gets_gaussians_that_nobody_sees() -> None:
    small, large = posed(2, 5), posed(1, 7)
    both = side_by_side([small, large])
    assert isinstance(both, PosedLayers)
    assert len(both) == 3
    assert both.face.splats.opacities[:2, 5:].sum() == 0
    assert torch.equal(both.face.splats.means[:2, :5], small.face.splats.means)
    assert torch.equal(both.face.colors[2:], large.face.colors)
    assert count_of(both.mouth) == 3


def test_one_head_is_left_as_it_is() -> None:
    one = posed(2, 5)
    assert side_by_side([one]) is one
    assert filled(one.face, 5) is one.face


def test_the_first_frames_alone() -> None:
    first = posed(4, 5).first(1)
    assert len(first) == len(first.face.colors) == len(first.camera.Ks) == 1


def test_tables_are_layers_again() -> None:
    one = posed(2, 5)
    again = PosedLayers.of_tables(PosedLayers.tables([one.face, one.mouth]), one.camera)
    assert torch.equal(again.face.splats.scales, one.face.splats.scales)
    assert torch.equal(again.mouth.colors, one.mouth.colors)
