"""A joined head: the numbers of its layers, in fewer operations."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode

from instag.models.head import Head
from instag.models.joined_head import JoinedHead
from instag.models.layer_source import ExactLayers
from instag.models.pose_shapes import PoseShapes
from instag.types import Camera, Condition
from models.baking import earlier

FRAMES = 3
VIEWS = ("view", "expand", "slice", "select", "split", "squeeze", "transpose", "permute", "alias")


def driven() -> tuple[Condition, Camera]:
    avatar, generator = earlier(), torch.Generator().manual_seed(0)
    speech = torch.randn(FRAMES, 8, 12, 1, generator=generator)
    return Condition(speech=speech, expression=avatar.expression[:FRAMES]), Camera(
        viewmats=avatar.viewmats[:FRAMES],
        Ks=avatar.intrinsics.expand(FRAMES, 3, 3),
        width=64,
        height=64,
    )


def posed(given: tuple[Condition, Camera]) -> Head:
    """A head with pose shapes, which move it in these frames."""
    head, generator = deepcopy(earlier().head), torch.Generator().manual_seed(0)
    shapes = head.face.pose_shapes = PoseShapes()
    for parameter in shapes.parameters():
        parameter.normal_(generator=generator)
    shapes.observe(torch.full((1, 3), 9.0), given[1].viewmats)
    assert shapes.turn(given[1].viewmats).abs().max() > 0
    return head


@pytest.mark.parametrize("degree, turns", [(0, False), (1, False), (1, True)])
@torch.no_grad()
def test_face_and_mouth_lie_one_after_the_other(degree: int, turns: bool) -> None:
    given = driven()
    head = posed(given) if turns else earlier().head
    layers = ExactLayers(head, degree=degree)(*given)
    joined = JoinedHead(head, degree=degree)
    found = joined(*given)
    assert joined.counts == tuple(layer.colors.shape[1] for layer in layers)

    def both(name: str) -> Tensor:
        return torch.cat([getattr(layer.splats, name) for layer in layers], dim=1)

    for name in ("means", "scales", "opacities"):
        torch.testing.assert_close(getattr(found.splats, name), both(name), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(normalize(found.splats.quats, dim=-1), both("quats"))
    torch.testing.assert_close(found.colors, torch.cat([layer.colors for layer in layers], dim=1))


class Operations(TorchDispatchMode):
    """Counts all but views."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += not any(view in str(func) for view in VIEWS)
        return func(*args, **(kwargs or {}))


@torch.no_grad()
def test_it_takes_fewer_operations() -> None:
    head, given = earlier().head, driven()
    counts = []
    for source in (ExactLayers(head, degree=1), JoinedHead(head, degree=1)):
        with Operations() as operations:
            source(*given)
        counts.append(operations.count)
    assert counts[1] < 0.7 * counts[0]
